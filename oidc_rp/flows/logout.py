"""RP-initiated logout (RP-Initiated Logout 1.0), once the local session is over: with the browser, or without one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum

from oidc_rp.protocol.authentication import generate_secret
from oidc_rp.protocol.logout import build_logout_request, process_logout_answer
from oidc_rp.provider import Provider

# It travels in a URL, and proxies take no more than 8 KB of headers. Without it, the OP may ask for confirmation.
MAX_HINT_LENGTH = 6_000


@dataclass(frozen=True, slots=True)
class PendingLogout:
    """What is remembered while the browser is at the OP to log out there."""

    state: str = field(repr=False)
    next: str

    def serialize(self) -> bytes:
        """As bytes, to be sealed."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def deserialize(cls, data: bytes) -> PendingLogout:
        """The reverse of `serialize`, for bytes that a seal has vouched for.

        Raises ValueError or TypeError for what another version of this package wrote.
        """
        return cls(**json.loads(data))


def begin_logout(
    provider: Provider, *, id_token_hint: str | None, post_logout_redirect_uri: str, next_url: str
) -> tuple[str, PendingLogout] | None:
    """The URL that ends the session at the OP, and what to remember; None if the OP has no such endpoint.

    May fetch the OP's metadata. Raises OIDCError.
    """
    endpoint = provider.metadata.end_session_endpoint
    if endpoint is None:
        return None
    if id_token_hint is not None and len(id_token_hint) > MAX_HINT_LENGTH:
        id_token_hint = None
    pending = PendingLogout(state=generate_secret(), next=next_url)
    url = build_logout_request(
        endpoint,
        client_id=provider.config.client_id,
        post_logout_redirect_uri=post_logout_redirect_uri,
        state=pending.state,
        id_token_hint=id_token_hint,
    )
    return url, pending


class OPLogout(Enum):
    """What became of a session at the OP."""

    ENDED = "ended"
    NEEDS_BROWSER = "needs_browser"
    NO_ENDPOINT = "no_endpoint"
    FAILED = "failed"


def logout_without_browser(provider: Provider, *, id_token_hint: str, post_logout_redirect_uri: str) -> OPLogout:
    """Ask the OP, from this server, to end the session that an ID token of ours is from.

    The OP may insist on asking the user, whose browser is not here. Raises OIDCError if the
    OP refuses or cannot be reached.
    """
    endpoint = provider.metadata.end_session_endpoint
    if endpoint is None:
        return OPLogout.NO_ENDPOINT
    # By POST (section 2), which keeps the ID token out of the OP's access logs.
    parameters = {
        "id_token_hint": id_token_hint,
        "client_id": provider.config.client_id,
        "post_logout_redirect_uri": post_logout_redirect_uri,
    }
    answer = provider.request_logout(endpoint, parameters)
    done = process_logout_answer(answer, post_logout_redirect_uri)
    return OPLogout.ENDED if done else OPLogout.NEEDS_BROWSER
