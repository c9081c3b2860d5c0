"""A circuit breaker: while an OP is out of order, calls to it fail at once instead of each waiting for a timeout.

Each host of a provider has a circuit, which the processes of a site share through their cache. Failures in a row
open it: nobody calls until a pause is over. Then one caller tries, and an answer closes it. Only unavailability
counts; an OP that refuses us is there.

A call costs one read of the cache; it writes only in an outage and at its end. Nothing depends on the cache: with
one that has lost the state, or is out of order itself, the circuit is closed and every call waits for its own timeout.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from oidc_rp.protocol.errors import OPResponseError, OPUnavailableError

from .config import ProviderConfig
from .documents import SharedCache

logger = logging.getLogger("oidc_rp")

# A lost connection, or one bad node behind the OP's load balancer, is no outage: while a tenth of all calls fail,
# five in a row come once in a hundred thousand.
FAILURES_TO_OPEN = 5
# How long a recovered OP may go unnoticed. One under repair gets a call from each provider in this time.
OPEN_SECONDS = 10
# How long failures are remembered if nobody calls, so that those of a site with few logins add up too.
MEMORY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class _State:
    """Failures since the last answer, and when the pause after the last of them is over, in Unix seconds."""

    failures: int = 0
    paused_until: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN


class CircuitBreaker:
    """The circuits of one provider. Safe to share between threads; `clock` gives Unix seconds.

    Processes that fail at the same moment may count as one failure; the circuit opens a little later then.
    """

    def __init__(self, config: ProviderConfig, cache: SharedCache, clock: Callable[[], float]) -> None:
        self._config = config
        self._cache = cache
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def guard(self, endpoint: str, url: str) -> Iterator[None]:
        """Make a call to `url` inside: its OPUnavailableError is a failure, its end or its OPResponseError an answer.

        Raises OPUnavailableError with the code `op_circuit_open` and `retry_after`, if nobody may call now.
        """
        # By provider, because each may have a timeout, a proxy or a tenant that fails for it alone. By host,
        # because the OP may have its keys at another one than its tokens.
        host = urlsplit(url).netloc
        identity = sha256(repr((self._config.alias, self._config.issuer, host)).encode()).hexdigest()[:32]
        key = f"oidc_rp:circuit:{identity}"
        state = self._read(key)
        if state.is_open:
            self._check_may_try(key, state, endpoint, host)
        try:
            yield
        except OPUnavailableError as error:
            self._record_failure(key, host, error.code)
            raise
        except OPResponseError:
            self._record_answer(key, host, state)
            raise
        self._record_answer(key, host, state)

    def _check_may_try(self, key: str, state: _State, endpoint: str, host: str) -> None:
        """One caller after each pause. If it dies, another may when its call would have been over."""
        wait = state.paused_until - self._clock()
        if wait > 0 or not self._cache.add(f"{key}:{state.paused_until}", math.ceil(self._config.timeout) + 1):
            raise OPUnavailableError(
                f"the {endpoint} endpoint is not called, because {host} has not answered for a while",
                endpoint=endpoint,
                retry_after=max(1, math.ceil(wait)),
                code="op_circuit_open",
            )

    def _record_failure(self, key: str, host: str, code: str) -> None:
        with self._lock:
            state, now = self._read(key), self._clock()
            if state.is_open and now < state.paused_until:
                return  # this call was under way when the circuit opened
            failures = state.failures + 1
            self._write(key, _State(failures, now + OPEN_SECONDS))
        if failures == FAILURES_TO_OPEN:
            logger.warning(
                "op_circuit_opened: %d calls of provider %r to %s failed in a row, the last with %s",
                failures, self._config.alias, host, code,
            )  # fmt: skip

    def _record_answer(self, key: str, host: str, before: _State) -> None:
        if not before.failures:
            return
        with self._lock:
            was_open = self._read(key).is_open
            self._write(key, _State())
        if was_open:
            logger.warning("op_circuit_closed: %s answers provider %r again", host, self._config.alias)

    def _read(self, key: str) -> _State:
        # The cache is not ours alone: another version of this package may have written the entry.
        match self._cache.get(key):
            case {"failures": int(failures), "paused_until": float(until)}:
                # A host whose clock is ahead must not make the pause longer.
                return _State(failures, min(until, self._clock() + OPEN_SECONDS))
        return _State()

    def _write(self, key: str, state: _State) -> None:
        value = {"failures": state.failures, "paused_until": state.paused_until}
        self._cache.set(key, value, MEMORY_SECONDS)
