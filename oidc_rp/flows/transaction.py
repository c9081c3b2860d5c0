"""One pending login: what the callback must know, kept by the browser in a sealed cookie."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256

from oidc_rp.protocol.errors import AuthenticationResponseError
from oidc_rp.protocol.jose import encode_base64url
from oidc_rp.protocol.step_up import Requirement

LIFETIME_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Transaction:
    """The secrets and the wishes of one authentication request. Times are Unix seconds.

    `step_up` is whether a page demanded it, of whoever is signed in: `subject`, a hash of
    their `sub`, must then come back; it is empty if nobody was signed in at this provider.
    """

    alias: str
    issuer: str
    redirect_uri: str
    next: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    created_at: float
    silent: bool = False
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    # The id of the session that a silent login is to renew.
    renews: str = ""
    amr: tuple[tuple[str, ...], ...] = ()
    step_up: bool = False
    subject: str = ""
    # Scopes that were asked for beside those of the configuration.
    extra_scopes: tuple[str, ...] = ()
    # The id of the session whose user is to grant access for work in the background; it stays as it is.
    offline_for: str = ""

    @property
    def requirement(self) -> Requirement:
        """What the login must amount to."""
        return Requirement(self.acr_values, self.amr, self.max_age)

    def serialize(self) -> bytes:
        """The transaction as bytes, to be sealed."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def deserialize(cls, data: bytes) -> Transaction:
        """The reverse of `serialize`, for bytes that a seal has vouched for.

        Raises AuthenticationResponseError for what another version of this package wrote.
        """
        try:
            values = json.loads(data)
            lists = {name: tuple(values[name]) for name in ("acr_values", "extra_scopes")}
            return cls(**{**values, **lists, "amr": tuple(tuple(methods) for methods in values["amr"])})
        except (ValueError, TypeError, KeyError):
            raise AuthenticationResponseError(
                "the pending login was begun by another version", code="transaction_invalid"
            ) from None

    def check_age(self, now: float) -> None:
        """A login is pending for ten minutes; AuthenticationResponseError after that."""
        # Either way: another server, whose clock is a little behind, may have to complete what this one began.
        if abs(now - self.created_at) > LIFETIME_SECONDS:
            raise AuthenticationResponseError("the login took too long", code="transaction_expired")


def hash_subject(sub: str) -> str:
    """A `sub` in the few characters that a cookie has left for it, whatever its length."""
    return encode_base64url(sha256(sub.encode()).digest())
