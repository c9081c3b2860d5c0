"""What `oidc_rp.flows.service` keeps beside a token: why there is none, and where the processes share both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from oidc_rp.protocol.errors import OIDCError, OPError, OPResponseError
from oidc_rp.provider import Provider


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


def build_key(provider: Provider, scope: Sequence[str], resource: Sequence[str]) -> str:
    """The name of one token in the store: of all that it depends on, because a coarse one hands out the wrong token."""
    config = provider.config
    parts = [provider.alias, config.issuer, config.client_id, sorted(set(scope)), sorted(set(resource))]
    return f"oidc_rp:service:{sha256(json.dumps(parts).encode()).hexdigest()}"
