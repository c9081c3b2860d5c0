"""What `oidc_rp.flows.service` keeps: a token, or why there is none, and where the processes share both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Protocol, TypeVar

from oidc_rp.protocol.errors import OIDCError, OPError, OPResponseError
from oidc_rp.provider import Provider

# How long before its end a token is replaced: this, or a quarter of its lifetime if that is less.
RENEW_BEFORE_SECONDS = 60


class Store(Protocol):
    """Where the processes of a site share sealed values. It may lose anything at any time, and must not raise."""

    def load(self, key: str) -> bytes | None:
        """What was saved under `key`; None if there is nothing that has been sealed here for it."""

    def save(self, key: str, value: bytes, seconds: int) -> None:
        """Keep `value`, sealed, for at most `seconds`."""

    def claim(self, key: str, seconds: int) -> bool:
        """Claim `key` for `seconds`: True for one caller only. True too if the store is out of order."""

    def release(self, key: str) -> None:
        """Give a claim back."""


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """One access token. `obtained_at` is in Unix seconds, `lifetime` in seconds.

    `is_replacement` for one that was got because an API had refused another.
    """

    access_token: str = field(repr=False)
    obtained_at: float
    lifetime: float
    is_replacement: bool = False

    def is_alive(self, now: float) -> bool:
        """Whether an API would still take it."""
        return now < self.obtained_at + self.lifetime

    def is_fresh(self, now: float) -> bool:
        """Whether it is too early to replace it."""
        return now < self.obtained_at + self.lifetime - min(RENEW_BEFORE_SECONDS, self.lifetime / 4)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the OP said to these credentials, remembered until `until` (Unix seconds)."""

    credentials: str = field(repr=False)
    until: float
    error: str
    description: str
    status: int | None

    def build_error(self) -> OIDCError:
        """The error that the OP's answer was."""
        if self.error:
            return OPError(self.error, self.description, endpoint="token")
        return OPResponseError(
            f"the token endpoint answered {self.status}", endpoint="token", status=self.status, code="op_status"
        )


Kept = TypeVar("Kept", ServiceToken, Refusal)


def serialize(kept: ServiceToken | Refusal) -> bytes:
    """As bytes, to be sealed."""
    return json.dumps(asdict(kept)).encode()


def deserialize(kind: type[Kept], data: bytes | None) -> Kept | None:
    """The reverse of `serialize`, for bytes that a seal has vouched for; None for those of another version."""
    try:
        return None if data is None else kind(**json.loads(data))
    except (TypeError, ValueError):
        return None


def build_key(provider: Provider, scope: Sequence[str], resource: Sequence[str]) -> str:
    """The name of one token in the store: of all that it depends on, because a coarse one hands out the wrong token."""
    config = provider.config
    parts = [provider.alias, config.issuer, config.client_id, sorted(set(scope)), sorted(set(resource))]
    return f"oidc_rp:service:{sha256(json.dumps(parts).encode()).hexdigest()}"
