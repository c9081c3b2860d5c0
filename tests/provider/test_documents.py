from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oidc_rp.protocol.errors import OPResponseError, OPUnavailableError
from oidc_rp.provider.documents import COOLDOWN_SECONDS, FRESH_SECONDS, STALE_SECONDS, CachedDocument
from tests.support.site import Clock, MemoryCache
from tests.support.tokens import NOW

KEY = "oidc_rp:test"


class Parsed:
    """What the code uses; told from others by identity."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        if not isinstance(document.get("version"), int):
            raise OPResponseError("no version", endpoint="test")
        self.version = document["version"]


class Source:
    """The OP's side: a document that changes, or an outage."""

    def __init__(self) -> None:
        self.version = 1
        self.fetches = 0
        self.is_down = False

    def fetch(self) -> dict[str, Any]:
        self.fetches += 1
        if self.is_down:
            raise OPUnavailableError("down", endpoint="test")
        return {"version": self.version}


@pytest.fixture
def clock() -> Clock:
    return Clock(float(NOW))


@pytest.fixture
def cache(clock: Clock) -> MemoryCache:
    return MemoryCache(clock)


@pytest.fixture
def source() -> Source:
    return Source()


def process(source: Source, cache: MemoryCache) -> CachedDocument[Parsed]:
    """One process of the site, which shares the cache with the others."""
    return CachedDocument(KEY, source.fetch, Parsed, cache, cache.clock)


@pytest.fixture
def document(source: Source, cache: MemoryCache) -> CachedDocument[Parsed]:
    return process(source, cache)


def test_nothing_is_fetched_before_it_is_used(document: CachedDocument[Parsed], source: Source) -> None:
    assert source.fetches == 0


def test_a_fresh_copy_is_parsed_and_fetched_once(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    first = document.get()
    clock.advance(FRESH_SECONDS - 1)
    assert document.get() is first
    assert source.fetches == 1


def test_a_copy_is_fetched_anew_when_it_is_no_longer_fresh(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    document.get()
    source.version = 2
    clock.advance(FRESH_SECONDS)
    assert (document.get().version, source.fetches) == (2, 2)


def test_a_stale_copy_is_served_while_the_op_is_down(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    document.get()
    source.is_down = True
    clock.advance(STALE_SECONDS - 1)
    assert document.get().version == 1
    assert document.get().version == 1
    assert source.fetches == 2  # the second time within the cooldown
    clock.advance(1)
    with pytest.raises(OPUnavailableError):
        document.get()


def test_a_stale_copy_is_served_while_the_op_sends_nonsense(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    good = document.get()
    source.version = None  # type: ignore[assignment]  # nonsense
    clock.advance(FRESH_SECONDS)
    assert document.get() is good


def test_an_outage_is_asked_about_once_per_cooldown(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    document.get()
    source.is_down = True
    clock.advance(FRESH_SECONDS)
    for _ in range(COOLDOWN_SECONDS * 2):
        document.get()
        clock.advance(1)
    assert source.fetches == 1 + 2


def test_without_a_copy_the_outage_is_reported(document: CachedDocument[Parsed], source: Source) -> None:
    source.is_down = True
    with pytest.raises(OPUnavailableError):
        document.get()
    source.is_down = False
    assert document.get().version == 1


def test_another_process_uses_what_one_has_fetched(source: Source, cache: MemoryCache, clock: Clock) -> None:
    process(source, cache).get()
    clock.advance(FRESH_SECONDS - 1)
    other = process(source, cache)
    assert (other.get().version, source.fetches) == (1, 1)
    clock.advance(1)
    other.get()
    assert source.fetches == 2  # fresh for an hour from the fetch, not from the reading


def test_the_cooldown_is_shared_between_processes(source: Source, cache: MemoryCache, clock: Clock) -> None:
    processes = [process(source, cache) for _ in range(5)]
    known = [one.get() for one in processes]
    for fetches in (1, 2):
        for one, parsed in zip(processes, known, strict=True):
            one.renew(parsed)
        assert source.fetches == fetches
        clock.advance(COOLDOWN_SECONDS)


def test_renew_finds_a_rotation(document: CachedDocument[Parsed], source: Source, clock: Clock) -> None:
    known = document.get()
    source.version = 2
    clock.advance(COOLDOWN_SECONDS)
    renewed = document.renew(known)
    assert renewed is not None
    assert renewed.version == 2
    assert document.get() is renewed


def test_renew_reuses_the_fetch_of_another_process(source: Source, cache: MemoryCache, clock: Clock) -> None:
    one, other = process(source, cache), process(source, cache)
    known, others_known = one.get(), other.get()
    source.version = 2
    clock.advance(COOLDOWN_SECONDS)
    one.renew(known)
    renewed = other.renew(others_known)
    assert renewed is not None
    assert (renewed.version, source.fetches) == (2, 2)


def test_renew_reuses_the_fetch_of_another_thread(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    known = document.get()
    clock.advance(COOLDOWN_SECONDS)
    renewed = document.renew(known)
    assert document.renew(known) is renewed
    assert source.fetches == 2


def test_renew_right_after_a_fetch_makes_no_other(document: CachedDocument[Parsed], source: Source) -> None:
    assert document.renew(document.get()) is None
    assert source.fetches == 1


def test_a_storm_makes_one_fetch_per_cooldown(document: CachedDocument[Parsed], source: Source, clock: Clock) -> None:
    document.get()
    clock.advance(COOLDOWN_SECONDS)
    for _ in range(100):
        document.renew(document.get())
    assert source.fetches == 2


def test_renew_reports_an_outage_and_keeps_the_copy(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    known = document.get()
    source.is_down = True
    clock.advance(COOLDOWN_SECONDS)
    with pytest.raises(OPUnavailableError):
        document.renew(known)
    assert document.renew(known) is None
    assert document.get() is known


def test_with_a_broken_cache_each_process_keeps_its_own_cooldown(
    document: CachedDocument[Parsed], source: Source, cache: MemoryCache, clock: Clock
) -> None:
    cache.broken = True
    known = document.get()
    clock.advance(COOLDOWN_SECONDS)
    for _ in range(10):
        document.renew(known)
    assert (document.get().version, source.fetches) == (1, 2)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("text", id="text"),
        pytest.param({}, id="empty"),
        pytest.param({"fetched_at": float(NOW)}, id="without_document"),
        pytest.param({"fetched_at": "now", "document": {"version": 9}}, id="time_is_text"),
        pytest.param({"fetched_at": float(NOW), "document": [9]}, id="document_is_a_list"),
        pytest.param({"fetched_at": float(NOW), "document": {"version": "9"}}, id="document_does_not_parse"),
        pytest.param({"fetched_at": float("nan"), "document": {"version": 9}}, id="time_is_nan"),
        pytest.param({"fetched_at": NOW - STALE_SECONDS - 1.0, "document": {"version": 9}}, id="too_old"),
    ],
)
def test_an_unusable_cache_entry_is_a_miss(
    document: CachedDocument[Parsed], cache: MemoryCache, source: Source, entry: object
) -> None:
    cache.set(KEY, entry, STALE_SECONDS)
    assert (document.get().version, source.fetches) == (1, 1)


def test_a_host_whose_clock_is_ahead_does_not_keep_its_copy_fresh(
    document: CachedDocument[Parsed], cache: MemoryCache, source: Source, clock: Clock
) -> None:
    cache.set(KEY, {"fetched_at": NOW + 50_000.0, "document": {"version": 9}}, STALE_SECONDS)
    assert (document.get().version, source.fetches) == (9, 0)
    cache.entries.clear()
    clock.advance(FRESH_SECONDS)
    assert (document.get().version, source.fetches) == (1, 1)


def test_a_clock_that_is_set_back_does_not_stop_the_reading(
    document: CachedDocument[Parsed], source: Source, clock: Clock
) -> None:
    known = document.get()
    clock.advance(-10_000)
    assert document.renew(known) is not None
    assert source.fetches == 2


def test_threads_make_one_fetch_between_them(source: Source, cache: MemoryCache) -> None:
    document = CachedDocument(KEY, source.fetch, Parsed, cache, cache.clock)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: document.get(), range(64)))
    assert (len(set(map(id, found))), source.fetches) == (1, 1)


class Gate:
    """An OP that answers, with a failure, only when the test lets it; and a clock that notices who waits."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.open = threading.Event()
        self.fetches = 0

    def fetch(self) -> dict[str, Any]:
        self.fetches += 1
        self.asked.set()
        assert self.open.wait(10)
        raise OPUnavailableError("down", endpoint="test")


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_threads_that_wait_for_an_attempt_share_its_failure(gate: Gate, cache: MemoryCache) -> None:
    """Otherwise each would wait its turn for one timeout more."""
    document = CachedDocument(KEY, gate.fetch, Parsed, cache, cache.clock)
    lock = CountingLock()
    document._lock = lock  # type: ignore[assignment]  # to see when the others wait
    with ThreadPoolExecutor(5) as pool:
        attempts = [pool.submit(document.get)]
        assert gate.asked.wait(10)
        attempts += [pool.submit(document.get) for _ in range(4)]
        assert lock.wait_for(5)
        gate.open.set()
        errors = [attempt.exception() for attempt in attempts]
    assert [type(error) for error in errors] == [OPUnavailableError] * 5
    assert gate.fetches == 1


class CountingLock:
    """A lock that counts those who came to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait_for(self, count: int) -> bool:
        return all(self._came.acquire(timeout=10) for _ in range(count))
