"""An access token as the processes of a site share it, and until when it is good."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from oidc_rp.protocol.tokens import TokenResponse

# How long before its end a token is replaced: this, or a quarter of its lifetime if that is less.
RENEW_BEFORE_SECONDS = 60
# Of a token that comes without expires_in. If it ends earlier, the API's 401 says so.
ASSUMED_LIFETIME_SECONDS = 300

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class SharedToken:
    """One access token. `obtained_at` is in Unix seconds, `lifetime` in seconds.

    `is_replacement` for one that was got because an API had refused another.
    """

    access_token: str = field(repr=False)
    obtained_at: float
    lifetime: float
    is_replacement: bool = False

    @classmethod
    def from_answer(cls, answer: TokenResponse, asked_at: float, *, is_replacement: bool = False) -> SharedToken:
        """The token that came in `answer` to a call which began at `asked_at`: it must not seem to live too long.

        Without `expires_in` it is taken to live for five minutes.
        """
        lifetime = ASSUMED_LIFETIME_SECONDS if answer.expires_in is None else answer.expires_in
        return cls(answer.access_token, asked_at, lifetime, is_replacement)

    def is_alive(self, now: float) -> bool:
        """Whether an API would still take it."""
        return now < self.obtained_at + self.lifetime

    def is_fresh(self, now: float) -> bool:
        """Whether it is too early to replace it."""
        return now < self.obtained_at + self.lifetime - min(RENEW_BEFORE_SECONDS, self.lifetime / 4)


def serialize(kept: Any) -> bytes:
    """A dataclass as bytes, to be sealed."""
    return json.dumps(asdict(kept)).encode()


def deserialize(kind: type[Kept], data: bytes | None) -> Kept | None:
    """The reverse of `serialize`, for bytes that a seal has vouched for; None for those of another version."""
    try:
        return None if data is None else kind(**json.loads(data))
    except (TypeError, ValueError):
        return None
