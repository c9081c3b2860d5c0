"""Service tokens on Django's cache: shared, sealed, for the right hosts only, in sync and async code."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import responses
from asgiref.sync import async_to_sync
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from pytest_django.fixtures import Settings

from oidc_rp.cache import SealedCache
from oidc_rp.flows.service import REFUSAL_SECONDS
from oidc_rp.protocol.errors import DestinationError, OPError, OPUnavailableError
from oidc_rp.providers import UnknownProviderError, providers
from oidc_rp.service_tokens import ServiceAuth, service_tokens
from tests.support.fake_op import Answer, FakeOP
from tests.test_cache import use_cache
from tests.test_login import change_provider

API = "https://api.example/things"
JSON = {"Content-Type": "application/json"}


class Issuer:
    """The OP's token endpoint: another token each time."""

    def __init__(self, op: FakeOP) -> None:
        self.op = op
        self.members: dict[str, Any] = {"token_type": "Bearer", "expires_in": 300}
        op.overrides["token"] = self.issue
        self.count = 0

    def issue(self) -> Answer:
        self.count += 1
        return 200, JSON, json.dumps({"access_token": f"raw-token-{self.count}", **self.members})

    @property
    def calls(self) -> int:
        return self.op.calls.count("token")


@pytest.fixture
def issuer(op: FakeOP) -> Issuer:
    return Issuer(op)


@pytest.fixture
def api(http: responses.RequestsMock, settings: Settings) -> list[str]:
    """An API that takes the tokens in the list that it gives."""
    change_provider(settings, API_ORIGINS=["https://api.example"])
    good = ["raw-token-1"]

    def answer(request: requests.PreparedRequest) -> Answer:
        header = request.headers.get("Authorization", "")
        return 200 if header.removeprefix("Bearer ") in good else 401, {}, ""

    http.add_callback("GET", API, callback=answer)
    return good


def start_process() -> None:
    """What a process that has just started has: an empty registry, and the shared cache."""
    providers.clear()


def test_token_in_one_line(issuer: Issuer) -> None:
    token = service_tokens["default"].get(scope="read write", resource="https://api.example/")
    assert token == "raw-token-1"
    assert issuer.op.forms[-1] == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "resource": "https://api.example/",
    }


def test_token_is_shared_through_the_cache(issuer: Issuer) -> None:
    service_tokens["default"].get(scope="read")
    start_process()
    assert service_tokens["default"].get(scope=["read"]) == "raw-token-1"
    assert issuer.calls == 1


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"scope": "write"},
        {"scope": "read write"},
        {"scope": "read", "resource": "urn:a"},
        {"resource": "read"},
    ],
    ids=str,
)
def test_token_for_something_else_is_another_one(issuer: Issuer, asked: Mapping[str, Any]) -> None:
    service_tokens["default"].get(scope="read")
    if asked == {"resource": "read"}:
        with pytest.raises(ValueError, match="absolute URI"):
            service_tokens["default"].get(**asked)
        return
    assert service_tokens["default"].get(**asked) == "raw-token-2"


def test_token_of_another_client_is_another_one(issuer: Issuer, settings: Settings) -> None:
    service_tokens["default"].get()
    change_provider(settings, CLIENT_ID="client-2")
    assert service_tokens["default"].get() == "raw-token-2"


def test_empty_names_are_none(issuer: Issuer) -> None:
    assert service_tokens["default"].get(scope="", resource="") == service_tokens["default"].get()
    assert issuer.op.forms[-1] == {"grant_type": "client_credentials"}


def test_several_resources(issuer: Issuer) -> None:
    service_tokens["default"].get(resource=["urn:a", "urn:b", "urn:a"])
    body = issuer.op.bodies[-1]
    assert body == "grant_type=client_credentials&resource=urn%3Aa&resource=urn%3Ab"


def test_unknown_alias_shows_when_a_token_is_asked_for() -> None:
    tokens = service_tokens["no-such"]
    with pytest.raises(UnknownProviderError):
        tokens.get()


def test_threads_make_one_call(issuer: Issuer) -> None:
    with ThreadPoolExecutor(20) as pool:
        tokens = list(pool.map(lambda _: service_tokens["default"].get(), range(40)))
    assert (set(tokens), issuer.calls) == ({"raw-token-1"}, 1)


@pytest.mark.parametrize(
    "backend", ["tests.test_cache.BrokenCache", "django.core.cache.backends.dummy.DummyCache"], ids=["broken", "dummy"]
)
def test_without_a_cache_each_process_gets_its_own(issuer: Issuer, settings: Settings, backend: str) -> None:
    use_cache(settings, backend)
    assert [service_tokens["default"].get() for _ in range(3)] == ["raw-token-1"] * 3
    start_process()
    assert [service_tokens["default"].get() for _ in range(3)] == ["raw-token-2"] * 3
    assert service_tokens["default"].renew("raw-token-2") == "raw-token-3"


# Newer Pythons warn of forks beside threads, and that is what is tested.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_has_a_lock_of_its_own() -> None:
    # The lock is held by this thread, as it may be by another one at the fork of a server.
    with service_tokens._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if service_tokens._lock.acquire(blocking=False) else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# ---- async


def test_token_in_async_code(issuer: Issuer) -> None:
    async def call() -> list[str]:
        tokens = service_tokens["default"]
        return [await tokens.aget(scope="read"), await tokens.aget(scope="read")]

    assert async_to_sync(call)() == ["raw-token-1"] * 2
    assert issuer.calls == 1


def load_provider(alias: str) -> Mapping[str, Any] | None:
    return {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_SECRET": "a secret"}


def test_token_of_a_loaded_provider_in_async_code(issuer: Issuer, settings: Settings) -> None:
    settings.OIDC_RP_PROVIDER_LOADER = f"{__name__}.load_provider"
    assert async_to_sync(service_tokens["tenant"].aget)() == "raw-token-1"


# ---- ServiceAuth


def test_service_auth_sends_a_token(issuer: Issuer, api: list[str]) -> None:
    assert requests.get(API, auth=ServiceAuth("default", scope="read")).status_code == 200
    assert issuer.op.forms[-1]["scope"] == "read"


def test_service_auth_renews_once_on_a_401(issuer: Issuer, api: list[str]) -> None:
    auth = ServiceAuth("default")
    requests.get(API, auth=auth)
    api[:] = ["raw-token-2"]
    assert requests.get(API, auth=auth).status_code == 200
    assert requests.get(API, auth=auth).status_code == 200
    assert issuer.calls == 2


def test_service_auth_is_no_storm_against_an_api_that_refuses_everything(issuer: Issuer, api: list[str]) -> None:
    api.clear()
    assert [requests.get(API, auth=ServiceAuth("default")).status_code for _ in range(10)] == [401] * 10
    assert issuer.calls == 2


def test_service_auth_asks_for_no_token_for_another_host(issuer: Issuer, api: list[str]) -> None:
    with pytest.raises(DestinationError) as caught:
        requests.get("https://evil.example/", auth=ServiceAuth("default"))
    assert (caught.value.allowed, issuer.calls) == (("https://api.example",), 0)


def test_service_auth_looks_nothing_up_when_it_is_built() -> None:
    auth = ServiceAuth("no-such")
    with pytest.raises(UnknownProviderError):
        requests.get(API, auth=auth)


# ---- what is kept, and what is said


def read_cache() -> str:
    backend = caches["default"]
    assert isinstance(backend, LocMemCache)
    return repr(backend._cache)  # type: ignore[attr-defined]  # the stubs leave it out


def test_no_token_or_secret_is_in_the_cache_or_the_log(
    issuer: Issuer, api: list[str], caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "a client secret that must not be seen"
    change_provider(settings, API_ORIGINS=["https://api.example"], CLIENT_SECRET=secret)
    issuer.members |= {"scope": "read admin", "expires_in": 300}
    auth = ServiceAuth("default", scope="read")
    seen = []

    def look() -> None:
        seen.append(read_cache())

    requests.get(API, auth=auth)
    look()
    api[:] = ["raw-token-2"]
    requests.get(API, auth=auth)
    look()
    issuer.op.overrides["token"] = (400, JSON, json.dumps({"error": "invalid_client"}))
    with pytest.raises(OPError) as refused:
        service_tokens["default"].get(scope="write")
    look()
    issuer.op.overrides["token"] = requests.ConnectionError("down")
    with pytest.raises(OPUnavailableError) as down:
        service_tokens["default"].get(resource="urn:a")
    look()
    for code in ("unexpected_scope", "service_token_refused", "op_unreachable"):
        assert code in caplog.text
    fingerprint = providers["default"].fingerprint_credentials()
    everything = "".join([*seen, caplog.text, *map(repr, caplog.records), repr(refused.value), repr(down.value)])
    assert "oidc_rp:service:" in seen[0]
    assert not any(text in everything for text in ("raw-token", secret, fingerprint))


def test_entry_of_the_cache_opens_under_its_own_key_only() -> None:
    store = SealedCache("service_token")
    store.save("key-1", b"value", 60)
    cache.set("key-2", cache.get("key-1"))
    assert (store.load("key-1"), store.load("key-2")) == (b"value", None)
    assert SealedCache("another").load("key-1") is None
    assert store.load("key-3") is None


@pytest.mark.parametrize("value", ["text", b"bytes", {"a": 1}, 5], ids=str)
def test_foreign_entry_of_the_cache_is_none(value: object) -> None:
    cache.set("key", value)
    assert SealedCache("service_token").load("key") is None


def test_claim_is_given_back() -> None:
    store = SealedCache("service_token")
    assert [store.claim("key", 60), store.claim("key", 60)] == [True, False]
    store.release("key")
    assert store.claim("key", 60)


def test_refusal_is_logged_once(issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    issuer.op.overrides["token"] = (401, JSON, '{"error": "invalid_client"}')
    for _ in range(10):
        with pytest.raises(OPError):
            service_tokens["default"].get()
        start_process()
    assert issuer.calls == 1
    assert caplog.text.count("service_token_refused: service token of provider 'default'") == 1
    assert REFUSAL_SECONDS < 60
