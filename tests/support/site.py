"""What floor 2 stands on in tests: a clock that the test turns, a shared cache, a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oidc_rp.provider import Exchange, Provider
from oidc_rp.provider.config import read_config

SECRET = "a client secret that is long enough for HS512 to take it as a key ..."


@dataclass
class Clock:
    """The time in Unix seconds; it stands until the test moves it."""

    now: float

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class MemoryCache:
    """A shared cache that keeps what it is given, by `clock`. With `broken`, it keeps nothing."""

    clock: Callable[[], float]
    broken: bool = False
    entries: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def get(self, key: str) -> Any:
        ends, value = self.entries.get(key, (0.0, None))
        return value if self.clock() < ends else None

    def set(self, key: str, value: Any, seconds: int) -> None:
        if not self.broken:
            self.entries[key] = (self.clock() + seconds, value)

    def add(self, key: str, seconds: int) -> bool:
        if self.get(key) is not None:
            return False
        self.set(key, 1, seconds)
        return True


def build_provider(cache: MemoryCache, exchanges: list[Exchange] | None = None, **options: Any) -> Provider:
    """A provider of the fake OP; `options` are those of OIDC_PROVIDERS."""
    settings = {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": SECRET, **options}
    observe = [] if exchanges is None else exchanges
    return Provider(read_config("default", settings), cache=cache, observe=observe.append, clock=cache.clock)
