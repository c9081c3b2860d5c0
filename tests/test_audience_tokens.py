"""Access tokens for one API: what the OP is asked, what is kept for whom, and when it ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests
import responses
import time_machine
from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.utils import timezone

from oidc_rp.details import OIDCRequest
from oidc_rp.models import OIDCSession
from oidc_rp.protocol.errors import OIDCError
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP
from tests.support.rotating_op import EXCHANGE, JSON, RotatingOP
from tests.support.sessions import copy_browser, sign_in_browser
from tests.test_login import change_provider
from tests.urls import urlpatterns as common

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOW = 1_800_000_000
COOKIE = "__Host-oidc_rp.refresh"
API = "https://api.example"
RESOURCE = {"resource": API}
AUDIENCE = {"audience": "billing"}
NAMES = ("resource", "audience", "scope")


def read_asked(request: HttpRequest) -> dict[str, Any]:
    return {name: request.GET.getlist(name) for name in NAMES if name in request.GET}


def token(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"token": request.oidc.get_token(**read_asked(request))})


def several(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({name: request.oidc.get_token(resource=name) for name in request.GET.getlist("resource")})


def own(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"token": request.oidc.access_token})


def both(request: OIDCRequest) -> HttpResponse:
    return JsonResponse(
        {
            "before": request.oidc.access_token,
            "for": request.oidc.get_token(**read_asked(request)),
            "after": request.oidc.access_token,
        }
    )


async def atoken(request: OIDCRequest) -> HttpResponse:
    return JsonResponse({"token": await request.oidc.aget_token(**read_asked(request))})


def call(request: OIDCRequest) -> HttpResponse:
    answer = requests.get(request.GET["url"], auth=request.oidc.auth_for(**read_asked(request)), timeout=5)
    return HttpResponse(answer.text, status=answer.status_code)


def stream(request: OIDCRequest) -> StreamingHttpResponse:
    def write() -> Iterator[str]:
        try:
            yield request.oidc.get_token(**read_asked(request)) or "none"
        except OIDCError as error:
            yield error.code

    return StreamingHttpResponse(write())


urlpatterns = [
    *common,
    path("token/", token),
    path("several/", several),
    path("own/", own),
    path("both/", both),
    path("atoken/", atoken),
    path("call/", call),
    path("stream/", stream),
]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signed_in(client: Client, op: FakeOP, clock: time_machine.Traveller) -> Client:
    """A browser with a session whose access token lives for 300 seconds, and a refresh token."""
    sign_in(client, op)
    return client


@pytest.fixture
def rotating(signed_in: Client, op: FakeOP) -> RotatingOP:
    return RotatingOP(op).install()


def get_token(client: Client, asked: dict[str, Any]) -> str | None:
    answer = client.get("/token/", asked)
    assert answer.status_code == 200, answer.content
    value: str | None = answer.json()["token"]
    return value


def get_error(client: Client, asked: dict[str, Any]) -> tuple[int, str]:
    answer = client.get("/token/", asked, headers={"Accept": "application/json"})
    return answer.status_code, answer.json()["error"]


# ---- what the OP is asked


def test_resource_goes_with_the_refresh_token(signed_in: Client, rotating: RotatingOP) -> None:
    assert get_token(signed_in, {"resource": API, "scope": "read"}) == f"access/{API}/read/1"
    assert rotating.grants == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-token-1", "resource": API, "scope": "read"}
    ]


def test_less_scope_goes_with_the_refresh_token(signed_in: Client, rotating: RotatingOP) -> None:
    assert get_token(signed_in, {"scope": "read"}) == "access/read/1"
    assert rotating.grants == [{"grant_type": "refresh_token", "refresh_token": "refresh-token-1", "scope": "read"}]


def test_audience_is_exchanged_for(signed_in: Client, rotating: RotatingOP) -> None:
    cookie = signed_in.cookies[COOKIE].value
    assert get_token(signed_in, {"audience": "billing", "scope": "read"}) == "access/billing/read/1"
    assert rotating.grants == [
        {
            "grant_type": EXCHANGE,
            "subject_token": "access-token-1",
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": "billing",
            "scope": "read",
        }
    ]
    assert signed_in.cookies[COOKIE].value == cookie
    assert OIDCSession.objects.get().generation == 0


def test_exchange_is_of_an_access_token_that_is_alive(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller, settings: Any
) -> None:
    settings.OIDC_RP_SESSION_RENEWAL = "off"
    clock.shift(301)
    assert get_token(signed_in, AUDIENCE) == "access/billing/2"
    assert [grant["grant_type"] for grant in rotating.grants] == ["refresh_token", EXCHANGE]
    assert rotating.grants[1]["subject_token"] == "access/1"


def test_session_keeps_its_own_access_token(signed_in: Client, rotating: RotatingOP) -> None:
    assert signed_in.get("/both/", RESOURCE).json() == {
        "before": "access-token-1",
        "for": f"access/{API}/1",
        "after": "access-token-1",
    }
    assert signed_in.get("/own/").json() == {"token": "access-token-1"}
    assert OIDCSession.objects.get().access_expires_at == NOW + 300


def test_rotated_refresh_token_reaches_the_browser(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    get_token(signed_in, RESOURCE)
    clock.shift(300)
    assert signed_in.get("/own/").json() == {"token": "access/2"}
    assert [grant["refresh_token"] for grant in rotating.grants] == ["refresh-token-1", "refresh-token-2"]
    assert rotating.reuses == 0


def test_op_that_does_not_rotate(signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    rotating.rotates = False
    get_token(signed_in, RESOURCE)
    clock.shift(300)
    assert signed_in.get("/own/").json() == {"token": "access/2"}


def test_id_token_of_another_subject_ends_the_session(signed_in: Client, op: FakeOP) -> None:
    op.claims = {"sub": "subject-2"}
    assert get_error(signed_in, RESOURCE) == (401, "session_over")
    assert OIDCSession.objects.get().end_reason == "refresh_mismatch"


def test_id_token_that_comes_along_is_taken_over(signed_in: Client, op: FakeOP) -> None:
    op.claims = {"acr": "mfa"}
    get_token(signed_in, RESOURCE)
    assert OIDCSession.objects.get().acr == "mfa"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param({}, "name a resource", id="nothing"),
        pytest.param({"resource": API, "audience": "billing"}, "two ways", id="both"),
        pytest.param({"resource": "api"}, "absolute URI", id="relative"),
        pytest.param({"resource": f"{API}/#part"}, "absolute URI", id="fragment"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    signed_in: Client, rotating: RotatingOP, asked: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        signed_in.get("/token/", asked)
    assert rotating.grants == []
    assert OIDCSession.objects.get().leased_until == 0


def test_nobody_gets_no_token(client: Client, op: FakeOP) -> None:
    assert get_token(client, RESOURCE) is None
    assert get_token(client, AUDIENCE) is None
    assert op.calls == []


def test_resource_without_refresh_token_is_a_clean_answer(client: Client, op: FakeOP) -> None:
    op.token_answer = {"refresh_token": None}
    sign_in(client, op)
    assert get_error(client, RESOURCE) == (401, "not_renewable")


# ---- what is kept, and for whom


@pytest.mark.parametrize("asked", [RESOURCE, AUDIENCE, {"scope": "read"}], ids=["resource", "audience", "scope"])
def test_token_is_kept_for_later_requests(signed_in: Client, rotating: RotatingOP, asked: dict[str, str]) -> None:
    first = get_token(signed_in, asked)
    assert get_token(signed_in, asked) == first
    assert len(rotating.grants) == 1


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        pytest.param({"resource": API}, {"resource": f"{API}/"}, id="resources"),
        pytest.param({"resource": API}, {"audience": API}, id="resource_and_audience"),
        pytest.param({"resource": API}, {"resource": API, "scope": "read"}, id="scopes"),
        pytest.param({"audience": "a"}, {"audience": "A"}, id="case"),
        pytest.param({"audience": "a"}, {"audience": ["a", "b"]}, id="one_and_two"),
        pytest.param({"audience": "a b"}, {"audience": "a", "scope": "b"}, id="audience_and_scope"),
    ],
)
def test_tokens_are_kept_apart(
    signed_in: Client, rotating: RotatingOP, asked: dict[str, Any], other: dict[str, Any]
) -> None:
    first = get_token(signed_in, asked)
    assert get_token(signed_in, other) != first
    assert len(rotating.grants) == 2
    assert get_token(signed_in, asked) == first


def test_order_makes_no_difference(signed_in: Client, rotating: RotatingOP) -> None:
    first = get_token(signed_in, {"audience": ["a", "b"], "scope": "read write"})
    assert get_token(signed_in, {"audience": ["b", "a", "a"], "scope": "write read"}) == first


@pytest.mark.parametrize("asked", [RESOURCE, AUDIENCE], ids=["resource", "audience"])
@pytest.mark.parametrize("sub", ["subject-1", "subject-2"], ids=["same_user", "other_user"])
def test_another_session_gets_another_token(op: FakeOP, asked: dict[str, str], sub: str) -> None:
    here, there = sign_in_browser(op), sign_in_browser(op, "session-2", sub)
    rotating = RotatingOP(op).install()
    first = get_token(here, asked)
    rotating.current = "refresh-token-1"  # each login has begun with one of that name
    assert get_token(there, asked) != first
    assert len(rotating.grants) == 2


@pytest.mark.parametrize("asked", [RESOURCE, AUDIENCE], ids=["resource", "audience"])
def test_session_that_has_ended_gets_no_token(signed_in: Client, rotating: RotatingOP, asked: dict[str, str]) -> None:
    get_token(signed_in, asked)
    # Only the row, as while a logout is under way: Django's session and the cache still have all they had.
    OIDCSession.objects.update(ended_at=timezone.now(), end_reason="backchannel_logout")
    assert get_error(signed_in, asked) == (401, "session_over")
    assert len(rotating.grants) == 1


def read_cache() -> dict[str, Any]:
    """What is under the keys of these tokens. The cache in memory has no public way to list them."""
    stored: Any = cache
    keys = [key.split(":", 2)[2] for key in stored._cache if "oidc_rp:user:" in key]
    return {key: cache.get(key) for key in keys}


@pytest.fixture
def in_memory(settings: Any) -> None:
    if "locmem" not in settings.CACHES["default"]["BACKEND"]:
        pytest.skip("looks into the cache in memory")


def test_cache_shows_no_token(
    signed_in: Client, rotating: RotatingOP, in_memory: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issued = {get_token(signed_in, RESOURCE), get_token(signed_in, AUDIENCE)}
    entries = read_cache()
    assert len(entries) == 2
    rows = json.dumps(list(OIDCSession.objects.values()), default=str)
    for value in (*issued, *(form.get("refresh_token", "-") for form in rotating.grants), rotating.current):
        for place in (repr(entries), rows, caplog.text):
            assert str(value) == "-" or str(value) not in place


def test_entry_of_another_key_does_not_open(signed_in: Client, rotating: RotatingOP, in_memory: None) -> None:
    first = get_token(signed_in, RESOURCE)
    [(key, value)] = read_cache().items()
    second = get_token(signed_in, AUDIENCE)
    [other] = read_cache().keys() - {key}
    cache.set(other, value)
    assert get_token(signed_in, AUDIENCE) not in (first, second)


def test_without_a_working_cache_each_request_gets_one(signed_in: Client, rotating: RotatingOP, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    tokens = [get_token(signed_in, asked) for asked in (RESOURCE, RESOURCE, AUDIENCE, AUDIENCE)]
    assert tokens == [f"access/{API}/1", f"access/{API}/2", "access/billing/3", "access/billing/4"]
    assert rotating.reuses == 0


# ---- when it ends


@pytest.mark.parametrize("asked", [RESOURCE, AUDIENCE], ids=["resource", "audience"])
def test_token_is_replaced_before_it_ends(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller, asked: dict[str, str]
) -> None:
    rotating.lifetime = 200
    first = get_token(signed_in, asked)
    clock.shift(149)
    assert get_token(signed_in, asked) == first
    clock.shift(1)
    assert get_token(signed_in, asked) != first


def test_token_without_expires_in_is_kept_for_a_while(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    rotating.lifetime = None
    first = get_token(signed_in, AUDIENCE)
    clock.shift(239)
    assert get_token(signed_in, AUDIENCE) == first


@pytest.mark.parametrize("asked", [RESOURCE, AUDIENCE], ids=["resource", "audience"])
def test_token_is_used_to_its_end_while_the_op_is_down(
    signed_in: Client, rotating: RotatingOP, op: FakeOP, clock: time_machine.Traveller, asked: dict[str, str]
) -> None:
    rotating.lifetime = 200
    first = get_token(signed_in, asked)
    op.overrides["token"] = (503, {}, "")
    clock.shift(199)
    assert get_token(signed_in, asked) == first
    clock.shift(1)
    assert get_error(signed_in, asked)[0] == 503
    assert OIDCSession.objects.get().ended_at is None


def test_session_that_ends_at_its_renewal_gets_not_even_what_is_kept(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    get_token(signed_in, AUDIENCE)
    rotating.current = "revoked"
    clock.shift(299)
    assert get_error(signed_in, AUDIENCE) == (401, "session_over")


def test_exchange_that_fails_is_tried_again_after_a_while(
    signed_in: Client, rotating: RotatingOP, op: FakeOP, clock: time_machine.Traveller
) -> None:
    rotating.lifetime = 200
    first = get_token(signed_in, AUDIENCE)
    op.overrides["token"] = (400, JSON, '{"error": "invalid_target"}')
    clock.shift(160)
    op.calls.clear()
    assert [get_token(signed_in, AUDIENCE) for _ in range(3)] == [first] * 3
    assert op.calls == ["token"]


@pytest.mark.parametrize("error", ["invalid_target", "invalid_scope", "invalid_request"])
def test_resource_that_the_op_refuses_leaves_the_session_as_it_was(
    signed_in: Client, rotating: RotatingOP, op: FakeOP, clock: time_machine.Traveller, error: str
) -> None:
    op.overrides["token"] = (400, JSON, json.dumps({"error": error}))
    assert get_error(signed_in, RESOURCE) == (502, "op_error")
    assert get_error(signed_in, AUDIENCE) == (502, "op_error")
    rotating.install()
    clock.shift(300)
    assert signed_in.get("/own/").json() == {"token": "access/1"}


def test_refused_refresh_token_ends_the_session(signed_in: Client, rotating: RotatingOP) -> None:
    rotating.current = "revoked"
    assert get_error(signed_in, RESOURCE) == (401, "session_over")
    assert OIDCSession.objects.get().end_reason == "refresh_refused"


def test_unexpected_scopes_are_reported(
    signed_in: Client, op: FakeOP, rotating: RotatingOP, caplog: pytest.LogCaptureFixture
) -> None:
    for form in ({"scope": "read", **AUDIENCE}, {"scope": "read", **RESOURCE}):
        answer = {
            "access_token": "a", "token_type": "Bearer", "scope": "read admin",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }  # fmt: skip
        op.overrides["token"] = (200, JSON, json.dumps(answer))
        caplog.clear()
        assert get_token(signed_in, form) == "a"
        assert "unexpected_scope: provider 'default' granted ('admin',)" in caplog.text


def test_stream_can_use_what_is_kept_and_get_no_more(signed_in: Client, rotating: RotatingOP) -> None:
    first = get_token(signed_in, RESOURCE)
    kept: Any = signed_in.get("/stream/", RESOURCE)
    assert kept.getvalue().decode() == first
    other: Any = signed_in.get("/stream/", {"resource": f"{API}/other"})
    assert other.getvalue().decode() == "not_renewable"
    assert len(rotating.grants) == 1


# ---- several at once


def test_one_page_may_call_many_apis(signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    names = [f"{API}/{number}" for number in range(5)]
    early = copy_browser(signed_in)
    tokens = signed_in.get("/several/", {"resource": names}).json()
    assert list(tokens.values()) == [f"access/{name}/{number + 1}" for number, name in enumerate(names)]
    # A request that was sent before carries the first refresh token, five rotations ago.
    clock.shift(59)
    assert get_token(early, {"scope": "read"}) == "access/read/6"
    clock.shift(300)
    for browser in (early, signed_in):
        assert browser.get("/own/").status_code == 200
    assert rotating.reuses == 0


def test_early_refresh_token_revives_nothing_after_the_grace_time(
    signed_in: Client, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    early = copy_browser(signed_in)
    signed_in.get("/several/", {"resource": [f"{API}/{number}" for number in range(3)]})
    clock.shift(60)
    assert get_error(early, {"scope": "read"}) == (401, "not_renewable")
    assert len(rotating.grants) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("different", [1, 4], ids=["same_api", "four_apis"])
def test_requests_at_once_make_one_call_for_each_api(client: Client, op: FakeOP, different: int) -> None:
    sign_in(client, op)
    rotating = RotatingOP(op).install()
    browsers = [copy_browser(client) for _ in range(12)]
    barrier = Barrier(len(browsers))

    def work(number: int) -> str | None:
        barrier.wait(timeout=60)
        try:
            return get_token(browsers[number], {"resource": f"{API}/{number % different}"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(browsers)) as pool:
        tokens = list(pool.map(work, range(len(browsers))))
    assert len(set(tokens)) == len(rotating.grants) == different
    assert rotating.reuses == 0
    for number in range(different):
        assert len(set(tokens[number::different])) == 1


# ---- async code, and requests


@pytest.mark.django_db(transaction=True)
def test_async_code_gets_the_same(op: FakeOP) -> None:
    client = AsyncClient()
    sync = Client()
    sign_in(sync, op)
    client.cookies = sync.cookies
    RotatingOP(op).install()

    async def ask(asked: dict[str, str]) -> str:
        response: Any = await client.get("/atoken/", asked)
        value: str = response.json()["token"]
        return value

    assert asyncio.run(ask(RESOURCE)) == f"access/{API}/1"
    assert asyncio.run(ask(AUDIENCE)) == "access/billing/2"
    assert get_token(sync, AUDIENCE) == "access/billing/2"


def test_async_code_of_nobody_gets_none(op: FakeOP) -> None:
    response: Any = asyncio.run(AsyncClient().get("/atoken/", RESOURCE))
    assert response.json() == {"token": None}


def serve(http: responses.RequestsMock, *good: str) -> list[str | None]:
    """An API that takes these tokens, and the Authorization headers that it has seen."""
    seen: list[str | None] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        seen.append(request.headers.get("Authorization"))
        return (200 if seen[-1] in [f"Bearer {token}" for token in good] else 401), {}, "answer"

    http.add_callback("GET", f"{API}/things", callback=answer)
    return seen


@pytest.mark.parametrize(
    ("asked", "name"), [(RESOURCE, f"access/{API}"), (AUDIENCE, "access/billing")], ids=["resource", "audience"]
)
def test_auth_sends_the_token_and_another_on_a_401(
    signed_in: Client,
    rotating: RotatingOP,
    http: responses.RequestsMock,
    settings: Any,
    clock: time_machine.Traveller,
    asked: dict[str, str],
    name: str,
) -> None:
    change_provider(settings, API_ORIGINS=[API])
    seen = serve(http, f"{name}/1", f"{name}/2")
    assert signed_in.get("/call/", {"url": f"{API}/things", **asked}).status_code == 200
    http.replace("GET", f"{API}/things", status=401)
    clock.shift(10)
    assert signed_in.get("/call/", {"url": f"{API}/things", **asked}).status_code == 401
    assert len(rotating.grants) == 2
    # One that the API refuses although it is seconds old is not replaced again.
    assert signed_in.get("/call/", {"url": f"{API}/things", **asked}).status_code == 401
    assert len(rotating.grants) == 2
    assert seen == [f"Bearer {name}/1"]


def test_auth_sends_nothing_elsewhere(signed_in: Client, rotating: RotatingOP) -> None:
    answer = signed_in.get("/call/", {"url": f"{API}/things", **RESOURCE}, headers={"Accept": "application/json"})
    assert answer.json()["error"] == "api_origin"
    assert rotating.grants == []
