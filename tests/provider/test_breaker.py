from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from oidc_rp.protocol.errors import OIDCError, OPResponseError, OPUnavailableError
from oidc_rp.provider.breaker import FAILURES_TO_OPEN, MEMORY_SECONDS, OPEN_SECONDS, CircuitBreaker
from oidc_rp.provider.config import ProviderConfig
from tests.support.site import Clock, MemoryCache
from tests.support.tokens import NOW

URL = "https://op.example/token"
TIMEOUT = 5
DOWN = OPUnavailableError("down", endpoint="token", code="op_timeout")
WRONG = OPResponseError("wrong", endpoint="token", code="op_redirect")


class CountingCache(MemoryCache):
    """Knows what it was asked for."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.operations: list[str] = []

    def get(self, key: str) -> object:
        self.operations.append("get")
        return super().get(key)

    def set(self, key: str, value: object, seconds: int) -> None:
        self.operations.append("set")
        super().set(key, value, seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def cache(clock: Clock) -> CountingCache:
    return CountingCache(clock)


@pytest.fixture
def breaker(cache: MemoryCache) -> CircuitBreaker:
    return process(cache)


def process(cache: MemoryCache, alias: str = "default", issuer: str = "https://op.example") -> CircuitBreaker:
    """The breaker of one process, which shares the cache with the others."""
    config = ProviderConfig(alias=alias, issuer=issuer, client_id="client-1", timeout=TIMEOUT)
    return CircuitBreaker(config, cache, cache.clock)


def call(breaker: CircuitBreaker, outcome: OIDCError | None = None, url: str = URL) -> str:
    """What came of one call: "answered", or the code of its error."""
    try:
        with breaker.guard("token", url):
            if outcome is not None:
                raise outcome
    except OIDCError as error:
        return error.code
    return "answered"


def open_circuit(breaker: CircuitBreaker, url: str = URL) -> None:
    assert [call(breaker, DOWN, url) for _ in range(FAILURES_TO_OPEN)] == ["op_timeout"] * FAILURES_TO_OPEN
    assert call(breaker, url=url) == "op_circuit_open"


def refuse(breaker: CircuitBreaker) -> OPUnavailableError:
    with pytest.raises(OPUnavailableError) as caught, breaker.guard("token", URL):
        pytest.fail("the call was made")
    assert caught.value.code == "op_circuit_open"
    return caught.value


def test_a_call_costs_one_read_of_the_cache(breaker: CircuitBreaker, cache: CountingCache) -> None:
    assert call(breaker) == "answered"
    assert call(breaker, WRONG) == "op_redirect"
    assert cache.operations == ["get", "get"]


def test_failures_in_a_row_open_the_circuit(breaker: CircuitBreaker, clock: Clock) -> None:
    open_circuit(breaker)
    clock.advance(OPEN_SECONDS - 3.5)
    error = refuse(breaker)
    assert (error.endpoint, error.status, error.retry_after) == ("token", None, 4)


@pytest.mark.parametrize("answer", [None, WRONG], ids=["success", "refusal"])
def test_an_answer_between_failures_keeps_the_circuit_closed(breaker: CircuitBreaker, answer: OIDCError | None) -> None:
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            assert call(breaker, DOWN) == "op_timeout"
        assert call(breaker, answer) != "op_circuit_open"


def test_refusals_do_not_count(breaker: CircuitBreaker) -> None:
    assert {call(breaker, WRONG) for _ in range(2 * FAILURES_TO_OPEN)} == {"op_redirect"}


def test_an_error_of_our_own_says_nothing_of_the_op(breaker: CircuitBreaker, cache: CountingCache) -> None:
    call(breaker, DOWN)
    cache.operations.clear()
    with pytest.raises(ZeroDivisionError), breaker.guard("token", URL):
        raise ZeroDivisionError
    assert cache.operations == ["get"]


def test_failures_of_all_processes_count_and_open_the_circuit_for_all(cache: MemoryCache) -> None:
    here, there = process(cache), process(cache)
    for number in range(FAILURES_TO_OPEN):
        assert call(here if number % 2 else there, DOWN) == "op_timeout"
    assert (call(here), call(there), call(process(cache))) == ("op_circuit_open",) * 3


def test_failures_are_forgotten_after_a_while(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        call(breaker, DOWN)
    clock.advance(MEMORY_SECONDS)
    call(breaker, DOWN)
    assert call(breaker) == "answered"


@pytest.mark.parametrize(
    ("alias", "issuer", "url"),
    [
        pytest.param("other", "https://op.example", URL, id="provider"),
        pytest.param("default", "https://op.example/tenant", URL, id="issuer"),
        pytest.param("default", "https://op.example", "https://keys.example/jwks", id="host"),
        pytest.param("default", "https://op.example", "https://op.example:8443/token", id="port"),
    ],
)
def test_circuits_of_others_stay_closed(
    breaker: CircuitBreaker, cache: MemoryCache, alias: str, issuer: str, url: str
) -> None:
    open_circuit(breaker)
    assert call(process(cache, alias, issuer), url=url) == "answered"


def test_all_endpoints_at_a_host_have_one_circuit(breaker: CircuitBreaker) -> None:
    open_circuit(breaker)
    assert call(breaker, url="https://op.example/jwks") == "op_circuit_open"


def test_an_answer_after_the_pause_closes_the_circuit(breaker: CircuitBreaker, clock: Clock) -> None:
    open_circuit(breaker)
    clock.advance(OPEN_SECONDS)
    assert [call(breaker), call(breaker)] == ["answered", "answered"]
    assert call(breaker, DOWN) == "op_timeout"
    assert call(breaker) == "answered"


def test_a_failure_after_the_pause_opens_the_circuit_again(breaker: CircuitBreaker, clock: Clock) -> None:
    open_circuit(breaker)
    for _ in range(3):
        clock.advance(OPEN_SECONDS)
        assert call(breaker, DOWN) == "op_timeout"
        assert refuse(breaker).retry_after == OPEN_SECONDS
    clock.advance(OPEN_SECONDS)
    assert call(breaker) == "answered"


def test_one_caller_at_a_time_tries(breaker: CircuitBreaker, cache: MemoryCache, clock: Clock) -> None:
    open_circuit(breaker)
    clock.advance(OPEN_SECONDS)
    with breaker.guard("token", URL):
        assert refuse(breaker).retry_after == 1
        assert refuse(process(cache)).retry_after == 1
    assert call(process(cache)) == "answered"


def test_a_caller_that_dies_while_it_tries_is_replaced(breaker: CircuitBreaker, clock: Clock) -> None:
    open_circuit(breaker)
    clock.advance(OPEN_SECONDS)
    with pytest.raises(SystemExit), breaker.guard("token", URL):
        raise SystemExit
    assert call(breaker) == "op_circuit_open"
    clock.advance(TIMEOUT + 1)
    assert call(breaker) == "answered"


def test_an_outage_right_after_another_has_its_own_try(breaker: CircuitBreaker, clock: Clock) -> None:
    open_circuit(breaker)
    for _ in range(2):
        clock.advance(OPEN_SECONDS)
        assert call(breaker) == "answered"
        open_circuit(breaker)


def test_calls_that_were_under_way_do_not_make_the_pause_longer(breaker: CircuitBreaker, clock: Clock) -> None:
    with suppress(OPUnavailableError), breaker.guard("token", URL):
        open_circuit(breaker)
        clock.advance(OPEN_SECONDS - 1)
        raise DOWN
    clock.advance(1)
    assert call(breaker) == "answered"


def test_threads_that_fail_at_once_are_each_counted(breaker: CircuitBreaker) -> None:
    together = threading.Barrier(FAILURES_TO_OPEN)

    def fail(_: int) -> None:
        with breaker.guard("token", URL):
            together.wait()
            raise DOWN

    with ThreadPoolExecutor(FAILURES_TO_OPEN) as pool:
        failed = [pool.submit(fail, number) for number in range(FAILURES_TO_OPEN)]
    assert [future.exception() for future in failed] == [DOWN] * FAILURES_TO_OPEN
    refuse(breaker)


def test_a_clock_that_is_behind_does_not_make_the_pause_longer(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.advance(86_400)
    open_circuit(breaker)
    clock.advance(-300)
    assert refuse(breaker).retry_after == OPEN_SECONDS


def test_a_broken_cache_means_a_closed_circuit(cache: MemoryCache) -> None:
    cache.broken = True
    assert [call(process(cache), DOWN) for _ in range(2 * FAILURES_TO_OPEN)] == ["op_timeout"] * 2 * FAILURES_TO_OPEN


@pytest.mark.parametrize(
    "entry", ["open", 7, {}, {"failures": "9", "paused_until": 1.0}, {"failures": 9, "paused_until": None}]
)
def test_an_entry_that_is_not_ours_means_a_closed_circuit(
    breaker: CircuitBreaker, cache: MemoryCache, entry: object
) -> None:
    open_circuit(breaker)
    cache.entries = {key: (ends, entry) for key, (ends, _) in cache.entries.items()}
    assert call(breaker) == "answered"


def test_operators_see_an_outage_begin_and_end(
    breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "oidc_rp")
    open_circuit(breaker)
    for outcome in (DOWN, None):
        clock.advance(OPEN_SECONDS)
        call(breaker, outcome)
    assert caplog.messages == [
        "op_circuit_opened: 5 calls of provider 'default' to op.example failed in a row, the last with op_timeout",
        "op_circuit_closed: op.example answers provider 'default' again",
    ]
