"""Documents of the OP that are fetched rarely and used at every login: metadata and keys.

Three copies, each optional for correctness: parsed in this process, raw in a cache that
the processes share, and the OP's own. A fetch is made when no copy is fresh, or when a
token names a key that no copy has; either at most once per cooldown, across processes,
so that neither an OP's outage nor a storm of forged tokens becomes a storm of fetches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from oidc_rp.protocol.errors import OIDCError

FRESH_SECONDS = 3_600
STALE_SECONDS = 86_400
COOLDOWN_SECONDS = 30

T = TypeVar("T")
Document = Mapping[str, Any]


class SharedCache(Protocol):
    """A cache that the processes of a site share. It may lose anything at any time."""

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any, seconds: int) -> None:
        """Keep `value` for at most `seconds`."""

    def add(self, key: str, seconds: int) -> bool:
        """Claim `key` for `seconds`: True for one caller only. True too if the cache is out of order."""


@dataclass(frozen=True, slots=True)
class _Copy(Generic[T]):
    document: Document
    parsed: T
    fetched_at: float


class CachedDocument(Generic[T]):
    """One document, parsed once per process and shared raw between processes.

    `fetch` gets the raw document from the OP, `parse` makes of it what the code uses; both
    raise OIDCError. Times are Unix seconds.
    """

    def __init__(
        self,
        key: str,
        fetch: Callable[[], Document],
        parse: Callable[[Document], T],
        cache: SharedCache,
        clock: Callable[[], float],
    ) -> None:
        self._key = key
        self._fetch = fetch
        self._parse = parse
        self._cache = cache
        self._clock = clock
        self._copy: _Copy[T] | None = None
        self._attempted_at = float("-inf")
        self._failure: OIDCError | None = None
        self._lock = threading.Lock()

    def get(self) -> T:
        """The document; fetched only if no fresh copy is at hand.

        While the OP cannot be read, a copy up to a day old is served. Raises what `fetch`
        or `parse` raise if there is none.
        """
        copy = self._copy
        if copy is not None and self._age(copy) < FRESH_SECONDS:
            return copy.parsed
        failure = self._failure
        with self._lock:  # one thread reads or fetches, the others find what it brought
            copy = self._read_newest()
            if copy is None or self._age(copy) >= STALE_SECONDS:
                if self._failure is not None and self._failure is not failure:
                    # Threads that have waited for one attempt must not each wait for one more.
                    raise self._failure
                return self._fetch_now().parsed
            if self._age(copy) >= FRESH_SECONDS and self._may_attempt():
                # The HTTP client has reported the exchange. Serving the stale copy lets logins
                # go on while only this document cannot be read.
                with suppress(OIDCError):
                    copy = self._fetch_now()
            return copy.parsed

    def renew(self, known: T) -> T | None:
        """A copy other than `known`, or None if there is none to be had now.

        For a token whose key `known` lacks: another process may have fetched it already;
        else the OP is asked, unless that has been done within the cooldown. Raises what
        `fetch` or `parse` raise.
        """
        with self._lock:
            copy = self._read_newest()
            if copy is not None and copy.parsed is not known:
                return copy.parsed
            # The newest copy tells of the attempt that brought it, whichever process made that.
            if (copy is not None and self._is_cooling(copy.fetched_at)) or not self._may_attempt():
                return None
            return self._fetch_now().parsed

    def _age(self, copy: _Copy[T]) -> float:
        return self._clock() - copy.fetched_at

    def _may_attempt(self) -> bool:
        # Stamped per attempt, not per success, and in this process too, in case the shared cache is broken.
        if self._is_cooling(self._attempted_at):
            return False
        return self._cache.add(f"{self._key}:attempt", COOLDOWN_SECONDS)

    def _is_cooling(self, since: float) -> bool:
        # Not if the clock has been set back since.
        return 0 <= self._clock() - since < COOLDOWN_SECONDS

    def _read_newest(self) -> _Copy[T] | None:
        copy = self._copy
        shared = self._cache.get(self._key)
        # The cache is not ours alone: another version of this package may have written the entry.
        match shared:
            case {"fetched_at": float(stamp), "document": dict(document)}:
                # A host whose clock is ahead must not make its copy look fresh for longer.
                fetched_at = min(stamp, self._clock())
            case _:
                return copy
        if self._clock() - fetched_at < STALE_SECONDS and (copy is None or fetched_at > copy.fetched_at):
            # One that does not parse is none.
            with suppress(OIDCError):
                parsed = copy.parsed if copy is not None and copy.document == document else self._parse(document)
                self._copy = copy = _Copy(document, parsed, fetched_at)
        return copy

    def _fetch_now(self) -> _Copy[T]:
        now = self._clock()
        self._attempted_at = now
        try:
            document = self._fetch()
            self._copy = _Copy(document, self._parse(document), now)
        except OIDCError as error:
            self._failure = error
            raise
        self._cache.set(self._key, {"fetched_at": now, "document": dict(document)}, STALE_SECONDS)
        return self._copy
