"""Service tokens without Django: one call to the OP for all who ask, and what happens when it cannot be made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from oidc_rp.flows.service import (
    REFUSAL_SECONDS,
    REJECTION_SECONDS,
    RETRY_SECONDS,
    ServiceTokenKeeper,
)
from oidc_rp.flows.service_token import build_key
from oidc_rp.flows.shared_token import ASSUMED_LIFETIME_SECONDS, SharedToken, serialize
from oidc_rp.protocol.errors import ConfigurationError, OIDCError, OPError, OPResponseError, OPUnavailableError
from tests.support.fake_op import Answer, FakeOP
from tests.support.site import Clock, MemoryCache, build_provider

JSON = {"Content-Type": "application/json"}
INVALID_CLIENT: Answer = (401, JSON, '{"error": "invalid_client", "error_description": "who are you?"}')
DOWN = requests.ConnectionError()
TIMEOUT = 60


@dataclass
class MemoryStore:
    """A store that the processes of a test share. With `broken`, it keeps nothing and refuses no claim."""

    clock: Clock
    broken: bool = False
    entries: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def load(self, key: str) -> bytes | None:
        ends, value = self.entries.get(key, (0.0, b""))
        return value if self.clock() < ends else None

    def save(self, key: str, value: bytes, seconds: int) -> None:
        if not self.broken:
            self.entries[key] = (self.clock() + seconds, value)

    def claim(self, key: str, seconds: int) -> bool:
        if self.load(key) is not None:
            return False
        self.save(key, b"claimed", seconds)
        return True

    def release(self, key: str) -> None:
        self.entries.pop(key, None)


@dataclass
class Site:
    """Processes of one site: a keeper each."""

    op: FakeOP
    clock: Clock
    store: MemoryStore
    reports: list[tuple[str, object]] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None
    issued: int = 0
    expires_in: Any = 300
    scope: str | None = None

    def start_process(
        self, *, scope: tuple[str, ...] = (), resource: tuple[str, ...] = (), **options: Any
    ) -> ServiceTokenKeeper:
        return ServiceTokenKeeper(
            build_provider(MemoryCache(self.clock), **options),
            self.store,
            lambda code, what: self.reports.append((code, what)),
            scope=scope,
            resource=resource,
            clock=self.clock,
            pause=self.pause,
        )

    def issue(self) -> Answer:
        self.issued += 1
        members = {
            "access_token": f"token-{self.issued}",
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        }
        return 200, JSON, json.dumps({name: value for name, value in members.items() if value is not None})

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.on_pause()

    @property
    def token_calls(self) -> int:
        return self.op.calls.count("token")


@pytest.fixture
def site(op: FakeOP) -> Site:
    clock = Clock(1_800_000_000.0)
    site = Site(op, clock, MemoryStore(clock))
    op.overrides["token"] = site.issue
    return site


def save(site: Site, token: SharedToken, keeper: ServiceTokenKeeper) -> None:
    """What another process does when it has got a token."""
    site.store.save(keeper._key, serialize(token), int(token.lifetime))


# ---- one call for many


def test_token_is_kept(site: Site) -> None:
    keeper = site.start_process(scope=("read", "write"), resource=("https://api.example/",))
    assert [keeper.get() for _ in range(3)] == ["token-1"] * 3
    assert site.token_calls == 1
    assert site.op.forms[-1] == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "resource": "https://api.example/",
    }
    assert site.op.headers[-1]["Authorization"].startswith("Basic ")


def test_another_process_uses_the_same_token(site: Site) -> None:
    site.start_process().get()
    assert site.start_process().get() == "token-1"
    assert site.token_calls == 1


def test_key_is_of_everything_that_the_token_depends_on() -> None:
    cache = MemoryCache(Clock(0))

    def key(scope: tuple[str, ...] = ("a",), resource: tuple[str, ...] = ("urn:a",), **options: Any) -> str:
        return build_key(build_provider(cache, **options), scope, resource)

    keys = [
        key(),
        key(ISSUER="https://op.example/"),
        key(CLIENT_ID="client-2"),
        key(scope=()),
        key(scope=("a", "b")),
        key(scope=("a b",)),
        key(resource=("urn:b",)),
        key(scope=(), resource=("a", "urn:a")),
        key(scope=("a", "urn:a"), resource=()),
    ]
    assert len(set(keys)) == len(keys)
    assert key(scope=("b", "a", "b")) == key(scope=("a", "b"))


def test_threads_make_one_call(site: Site) -> None:
    keeper = site.start_process()
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda _: keeper.get(), range(20))) == ["token-1"] * 20
    assert site.token_calls == 1


# ---- when a token is renewed


@pytest.mark.parametrize(
    ("expires_in", "fresh_for"),
    [
        pytest.param(3_600, 3_540, id="an_hour"),
        pytest.param(300, 240, id="five_minutes"),
        pytest.param(60, 45, id="a_minute"),
        pytest.param("60", 45, id="a_minute_as_a_string"),
        pytest.param(2, 1.5, id="two_seconds"),
        pytest.param(None, ASSUMED_LIFETIME_SECONDS - 60, id="not_stated"),
    ],
)
def test_token_is_renewed_before_it_ends(site: Site, expires_in: Any, fresh_for: float) -> None:
    site.expires_in = expires_in
    keeper, other = site.start_process(), site.start_process()
    assert (keeper.get(), other.get()) == ("token-1", "token-1")
    site.clock.advance(fresh_for - 0.1)
    assert (keeper.get(), keeper.peek(), site.token_calls) == ("token-1", "token-1", 1)
    site.clock.advance(0.1)
    assert keeper.peek() is None
    assert (keeper.get(), other.get(), site.token_calls) == ("token-2", "token-2", 2)


def test_token_that_has_ended_is_not_used(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.clock.advance(300)
    assert keeper.get() == "token-2"


def test_token_without_a_lifetime_is_used_once(site: Site) -> None:
    site.expires_in = 0
    keeper = site.start_process()
    assert [keeper.get(), keeper.get()] == ["token-1", "token-2"]
    assert site.store.entries == {}


def test_age_counts_from_before_the_call(site: Site) -> None:
    def slow() -> Answer:
        site.clock.advance(4)
        return site.issue()

    site.op.overrides["token"] = slow
    site.expires_in = 5
    keeper = site.start_process()
    assert keeper.get() == "token-1"
    site.clock.advance(1)
    assert keeper.get() == "token-2"


def test_clock_of_another_host_makes_its_token_look_no_younger(site: Site) -> None:
    keeper = site.start_process()
    save(site, SharedToken("theirs", site.clock() + 1_000, 100), keeper)
    assert keeper.get() == "theirs"
    site.clock.advance(100)
    assert keeper.get() == "token-1"


class CountingLock:
    """A lock that tells how many have come to it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.arrivals = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.arrivals.release()
        self.lock.acquire()

    def __exit__(self, *args: object) -> None:
        self.lock.release()

    def acquire(self, *, blocking: bool) -> bool:
        return self.lock.acquire(blocking=blocking)

    def release(self) -> None:
        self.lock.release()

    def await_arrivals(self, count: int) -> None:
        for _ in range(count):
            assert self.arrivals.acquire(timeout=TIMEOUT)


@dataclass
class Gate:
    """The OP's token endpoint, where a call waits until the test lets it through."""

    answer: Callable[[], Answer]
    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> Answer:
        self.reached.set()
        assert self.open.wait(TIMEOUT)
        return self.answer()

    def await_arrival(self) -> None:
        assert self.reached.wait(TIMEOUT)


def test_thread_that_finds_another_renewing_uses_the_old_token(site: Site) -> None:
    keeper, other = site.start_process(), site.start_process()
    keeper.get()
    site.clock.advance(250)
    site.op.overrides["token"] = gate = Gate(site.issue)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(keeper.get)
        try:
            gate.await_arrival()
            # In this process and in another one.
            assert (keeper.get(), other.get(), site.paused) == ("token-1", "token-1", [])
        finally:
            gate.open.set()
        assert renewing.result() == "token-2"
    assert (other.get(), site.token_calls) == ("token-2", 2)


def test_thread_that_finds_none_waits_for_the_one_that_is_getting_it(site: Site) -> None:
    keeper = site.start_process()
    keeper._lock = lock = CountingLock()  # type: ignore[assignment]
    site.op.overrides["token"] = gate = Gate(site.issue)
    with ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(keeper.get) for _ in range(10)]
        lock.await_arrivals(10)
        assert not any(each.done() for each in waiting)
        gate.open.set()
        assert [each.result() for each in waiting] == ["token-1"] * 10
    assert site.token_calls == 1


def test_threads_that_have_waited_for_a_failure_make_no_attempt_of_their_own(site: Site) -> None:
    keeper = site.start_process()
    keeper._lock = lock = CountingLock()  # type: ignore[assignment]
    site.op.overrides["token"] = gate = Gate(lambda: (503, {}, ""))
    with ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(keeper.get) for _ in range(10)]
        lock.await_arrivals(10)
        gate.open.set()
        assert {type(each.exception()) for each in waiting} == {OPUnavailableError}
    assert site.token_calls == 1
    site.op.overrides["token"] = site.issue
    assert keeper.get() == "token-1"


# ---- another process is at it


def test_process_that_finds_none_waits_for_the_one_that_is_getting_it(site: Site) -> None:
    keeper = site.start_process()
    assert site.store.claim(keeper._claim_key, 60)
    theirs = SharedToken("theirs", site.clock(), 300)
    site.on_pause = lambda: save(site, theirs, keeper) if len(site.paused) == 3 else None
    assert (keeper.get(), len(site.paused), site.token_calls) == ("theirs", 3, 0)


def test_process_does_not_wait_for_ever_for_one_that_has_died(site: Site) -> None:
    keeper = site.start_process(TIMEOUT=2)
    assert site.store.claim(keeper._claim_key, 60)
    assert keeper.get() == "token-1"
    assert sum(site.paused) == pytest.approx(3, abs=0.2)


def test_claim_of_a_process_that_was_killed_ends_by_itself(site: Site) -> None:
    keeper = site.start_process(TIMEOUT=2)
    claims: list[tuple[str, int]] = []
    claim = site.store.claim

    def claim_and_note(key: str, seconds: int) -> bool:
        claims.append((key, seconds))
        return claim(key, seconds)

    site.store.claim = claim_and_note  # type: ignore[method-assign]
    keeper.get()
    assert claims == [(keeper._claim_key, 3)]


def test_process_that_gets_the_claim_looks_again(site: Site) -> None:
    """The other has finished between this one's first look and its claim."""
    keeper = site.start_process()
    theirs = SharedToken("theirs", site.clock(), 300)
    claim = site.store.claim

    def claim_late(key: str, seconds: int) -> bool:
        save(site, theirs, keeper)
        return claim(key, seconds)

    site.store.claim = claim_late  # type: ignore[method-assign]
    assert (keeper.get(), site.token_calls) == ("theirs", 0)


def test_process_that_renews_early_looks_again(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.clock.advance(250)
    theirs = SharedToken("theirs", site.clock(), 300)
    claim = site.store.claim

    def claim_late(key: str, seconds: int) -> bool:
        save(site, theirs, keeper)
        return claim(key, seconds)

    site.store.claim = claim_late  # type: ignore[method-assign]
    assert (keeper.get(), site.token_calls) == ("theirs", 1)


def test_process_that_waits_for_another_hears_of_its_refusal(site: Site) -> None:
    other, keeper = site.start_process(), site.start_process()
    site.op.overrides["token"] = INVALID_CLIENT
    with pytest.raises(OPError):
        other.get()
    assert site.store.claim(keeper._claim_key, 60)
    with pytest.raises(OPError):
        keeper.get()
    assert (site.token_calls, site.paused) == (1, [])


def test_every_claim_is_given_back(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.clock.advance(250)
    keeper.get()
    site.op.overrides["token"] = INVALID_CLIENT
    site.clock.advance(300)
    with pytest.raises(OPError):
        keeper.get()
    assert keeper._claim_key not in site.store.entries


# ---- the OP is down


def test_token_is_used_while_it_lives_and_the_op_is_down(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.op.overrides["token"] = DOWN
    site.clock.advance(299)
    assert keeper.get() == "token-1"
    assert [code for code, _ in site.reports] == ["service_token_stale"]
    site.clock.advance(1)
    with pytest.raises(OPUnavailableError) as caught:
        keeper.get()
    assert caught.value.code == "op_unreachable"


def test_op_that_is_down_is_tried_at_a_bounded_rate(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.op.overrides["token"] = DOWN
    site.clock.advance(250)
    assert [keeper.get() for _ in range(5)] == ["token-1"] * 5
    assert site.token_calls == 2
    site.clock.advance(RETRY_SECONDS)
    keeper.get()
    assert site.token_calls == 3


def test_op_that_is_back_is_used_at_once_if_there_is_no_token(site: Site) -> None:
    keeper = site.start_process()
    site.op.overrides["token"] = DOWN
    with pytest.raises(OPUnavailableError):
        keeper.get()
    site.op.overrides["token"] = site.issue
    assert keeper.get() == "token-1"


# ---- the OP refuses


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(INVALID_CLIENT, OPError, id="invalid_client"),
        pytest.param((400, JSON, '{"error": "invalid_scope"}'), OPError, id="invalid_scope"),
        pytest.param((400, JSON, '{"error": "unauthorized_client"}'), OPError, id="unauthorized_client"),
        pytest.param((401, {}, ""), OPResponseError, id="no_error_code"),
    ],
)
def test_refusal_is_remembered(site: Site, answer: Answer, error: type[OIDCError]) -> None:
    keeper, other = site.start_process(), site.start_process()
    site.op.overrides["token"] = answer
    caught = []
    for each in (keeper, keeper, other, site.start_process(), other):
        with pytest.raises(error) as info:
            each.get()
        caught.append((str(info.value), info.value.code, info.value.evidence))
    assert caught == [caught[0]] * 5
    assert (site.token_calls, [code for code, _ in site.reports]) == (1, ["service_token_refused"])
    site.clock.advance(REFUSAL_SECONDS)
    site.op.overrides["token"] = site.issue
    assert keeper.get() == "token-1"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((500, {}, ""), id="server_error"),
        pytest.param((429, {"Retry-After": "5"}, ""), id="too_many"),
        pytest.param((400, JSON, '{"error": "temporarily_unavailable"}'), id="temporarily_unavailable"),
        pytest.param((200, JSON, "{}"), id="malformed"),
        pytest.param((302, {"Location": "/"}, ""), id="redirect"),
    ],
)
def test_passing_failure_is_not_remembered(site: Site, answer: Answer) -> None:
    keeper = site.start_process()
    site.op.overrides["token"] = answer
    with pytest.raises(OIDCError):
        keeper.get()
    site.op.overrides["token"] = site.issue
    assert (keeper.get(), site.reports) == ("token-1", [])


@pytest.mark.parametrize("broken", [False, True], ids=["store", "broken_store"])
def test_corrected_secret_is_used_at_once(site: Site, broken: bool) -> None:
    site.store.broken = broken
    secrets = ["wrong"]
    keeper = site.start_process(CLIENT_SECRET=lambda: secrets[-1])
    site.op.overrides["token"] = INVALID_CLIENT
    for _ in range(3):
        with pytest.raises(OPError):
            keeper.get()
    assert site.token_calls == 1
    secrets.append("right")
    site.op.overrides["token"] = site.issue
    assert keeper.get() == "token-1"


def test_two_processes_with_other_credentials_are_no_storm(site: Site) -> None:
    keepers = [site.start_process(CLIENT_SECRET="wrong"), site.start_process(CLIENT_SECRET="also wrong")]
    site.op.overrides["token"] = INVALID_CLIENT
    for keeper in keepers * 3:
        with pytest.raises(OPError):
            keeper.get()
    assert site.token_calls == 2


def test_refused_scope_is_no_refusal_of_another(site: Site) -> None:
    site.op.overrides["token"] = (400, JSON, '{"error": "invalid_scope"}')
    with pytest.raises(OPError):
        site.start_process(scope=("admin",)).get()
    site.op.overrides["token"] = site.issue
    assert site.start_process(scope=("read",)).get() == "token-1"


def test_token_is_used_while_it_lives_and_its_renewal_is_refused(site: Site) -> None:
    keeper, other = site.start_process(), site.start_process()
    other.get()
    keeper.get()
    site.clock.advance(250)
    site.op.overrides["token"] = INVALID_CLIENT
    assert [keeper.get(), other.get(), keeper.get()] == ["token-1"] * 3
    assert site.token_calls == 2


def test_public_client_gets_none(site: Site) -> None:
    keeper = site.start_process(CLIENT_AUTH_METHOD="none", CLIENT_SECRET=None)
    with pytest.raises(ConfigurationError) as caught:
        keeper.get()
    assert (caught.value.code, site.token_calls) == ("service_token_public_client", 0)


# ---- an API refuses


def test_rejected_token_is_replaced(site: Site) -> None:
    keeper = site.start_process()
    assert keeper.get() == "token-1"
    assert (keeper.renew("token-1"), keeper.get()) == ("token-2", "token-2")
    # A request that was under way for longer.
    assert (keeper.renew("token-1"), site.token_calls) == ("token-2", 2)


def test_rejected_token_that_another_process_has_replaced_costs_no_call(site: Site) -> None:
    keeper, other = site.start_process(), site.start_process()
    assert (keeper.get(), other.get(), keeper.renew("token-1")) == ("token-1", "token-1", "token-2")
    assert (other.get(), other.renew("token-1"), site.token_calls) == ("token-1", "token-2", 2)


def test_threads_that_were_rejected_make_one_call(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(keeper.renew, ["token-1"] * 20)) == {"token-2"}
    assert site.token_calls == 2


def test_api_that_refuses_everything_is_no_storm(site: Site) -> None:
    keeper, other = site.start_process(), site.start_process()
    keeper.get()
    token: str | None = keeper.renew("token-1")
    assert token == "token-2"
    assert (keeper.renew("token-2"), other.get(), other.renew("token-2")) == (None, "token-2", None)
    assert site.token_calls == 2
    site.clock.advance(REJECTION_SECONDS)
    assert keeper.renew("token-2") == "token-3"


def test_rejected_replacement_that_lives_for_seconds_is_replaced(site: Site) -> None:
    site.expires_in = 2
    keeper = site.start_process()
    keeper.get()
    assert keeper.renew("token-1") == "token-2"
    site.clock.advance(1.5)
    assert keeper.renew("token-2") == "token-3"


def test_rejected_token_while_the_op_is_down_is_an_error(site: Site) -> None:
    keeper = site.start_process()
    keeper.get()
    site.op.overrides["token"] = DOWN
    with pytest.raises(OPUnavailableError):
        keeper.renew("token-1")


# ---- the store


def test_everything_is_right_with_a_broken_store(site: Site) -> None:
    site.store.broken = True
    keeper, other = site.start_process(), site.start_process()
    assert [keeper.get(), keeper.get(), other.get(), other.get()] == ["token-1", "token-1", "token-2", "token-2"]
    site.clock.advance(250)
    assert [keeper.get(), keeper.renew("token-3"), keeper.get()] == ["token-3", "token-4", "token-4"]
    assert site.token_calls == 4


@pytest.mark.parametrize("content", [b"{}", b"[]", b"5", b"no json", b'{"access_token": "x", "new": 1}'])
def test_entry_of_another_version_is_none(site: Site, content: bytes) -> None:
    keeper = site.start_process()
    site.store.save(keeper._key, content, 300)
    site.store.save(keeper._refusal_key, content, 300)
    assert keeper.get() == "token-1"


# ---- scopes


@pytest.mark.parametrize(
    ("asked", "granted", "unexpected"),
    [
        (("read",), "read admin", ("admin",)),
        (("read", "write"), "read", ()),
        (("read",), None, ()),
        ((), "whatever the client has", ()),
    ],
    ids=["wider", "narrower", "not_stated", "none_asked_for"],
)
def test_unexpected_scopes_are_reported(
    site: Site, asked: tuple[str, ...], granted: str | None, unexpected: tuple[str, ...]
) -> None:
    site.scope = granted
    site.start_process(scope=asked).get()
    assert site.reports == ([("unexpected_scope", unexpected)] if unexpected else [])


def test_nothing_shows_the_token(site: Site) -> None:
    assert "secret" not in repr(SharedToken("secret", 0, 1))
