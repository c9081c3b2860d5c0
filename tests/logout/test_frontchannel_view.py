"""frontchannel-logout/: a frame on the OP's page ends a session, from `iss` and `sid` alone."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from django.http import Http404
from django.test import Client, RequestFactory
from pytest_django import Settings

from oidc_rp.models import LogoutReceipt, OIDCSession
from oidc_rp.op_logout_views import frontchannel_logout
from tests.logout.driver import is_signed_in, sign_in_as, snapshot
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db

ISS = "https://op.example"
FRAME = {"sec-fetch-dest": "iframe"}


def load_frame(client: Client | None = None, alias: str = "default", **query: Any) -> Any:
    """What the browser loads into the OP's frame; without `client`, one that withholds the site's cookies."""
    response = (client or Client()).get(f"/oidc/frontchannel-logout/{alias}/", query, headers=FRAME)
    assert "no-store" in response["Cache-Control"]
    return response


# ---- with iss and sid


def test_frame_ends_the_session_without_any_cookie(op: FakeOP) -> None:
    client = sign_in_as(op)
    response = load_frame(iss=ISS, sid="session-1")
    assert response.status_code == 200
    assert not response.cookies
    assert not is_signed_in(client)
    assert OIDCSession.objects.get().end_reason == "frontchannel_logout"


def test_frame_ends_just_that_session(op: FakeOP, other_op: FakeOP) -> None:
    named, same_subject = sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2")
    elsewhere = sign_in_as(other_op, sid="session-1", alias="other")
    load_frame(iss=ISS, sid="session-1")
    assert [is_signed_in(client) for client in (named, same_subject, elsewhere)] == [False, True, True]


def test_frame_with_cookies_ends_the_session_that_is_named_and_not_its_own(op: FakeOP) -> None:
    mine, named = sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2")
    load_frame(mine, iss=ISS, sid="session-2")
    assert is_signed_in(mine)
    assert not is_signed_in(named)


@pytest.mark.parametrize("sid", ["a/b+c==", "&iss=x;%00", "\u05e9\u2603", "0123456789abcdef" * 20])
def test_frame_takes_a_sid_of_any_characters(op: FakeOP, sid: str) -> None:
    client = sign_in_as(op, sid=sid)
    assert load_frame(iss=ISS, sid=sid).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("sid", ["nothing", "SESSION-1", "s" * 5_000, "\0", "%"])
def test_frame_of_an_unknown_session_is_success(op: FakeOP, sid: str) -> None:
    client = sign_in_as(op)
    before = snapshot()
    assert load_frame(iss=ISS, sid=sid).status_code == 200
    assert snapshot() == before
    assert is_signed_in(client)


def test_frame_twice_is_success(op: FakeOP) -> None:
    sign_in_as(op)
    assert [load_frame(iss=ISS, sid="session-1").status_code for _ in range(2)] == [200, 200]


def test_frame_ignores_other_parameters(op: FakeOP) -> None:
    client = sign_in_as(op)
    assert load_frame(iss=ISS, sid="session-1", state="x").status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"iss": ISS}, id="iss_alone"),
        pytest.param({"sid": "session-1"}, id="sid_alone"),
        pytest.param({"iss": ISS, "sid": ""}, id="sid_empty"),
        pytest.param({"iss": "", "sid": "session-1"}, id="iss_empty"),
        pytest.param({"iss": "", "sid": ""}, id="both_empty"),
        pytest.param({"iss": [ISS, ISS], "sid": "session-1"}, id="iss_twice"),
        pytest.param({"iss": ISS, "sid": ["session-1", "session-1"]}, id="sid_twice"),
        pytest.param({"iss": ISS, "sid": ["session-1", "session-2"]}, id="two_sids"),
        pytest.param({"iss": [ISS, "https://evil.example"], "sid": "session-1"}, id="two_issuers"),
        pytest.param({"iss": "https://evil.example", "sid": "session-1"}, id="wrong_issuer"),
        pytest.param({"iss": f"{ISS}/", "sid": "session-1"}, id="issuer_with_a_slash"),
        pytest.param({"iss": "HTTPS://OP.EXAMPLE", "sid": "session-1"}, id="issuer_in_capitals"),
        pytest.param({"iss": "https://other.example/tenant/", "sid": "session-1"}, id="the_other_providers_issuer"),
    ],
)
def test_frame_refuses(op: FakeOP, query: dict[str, Any]) -> None:
    client = sign_in_as(op)
    before = snapshot()
    # With the site's cookies too: they must not make up for what the query lacks.
    assert load_frame(**query).status_code == load_frame(client, **query).status_code == 400
    assert snapshot() == before
    assert is_signed_in(client)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(op: FakeOP, method: str) -> None:
    client = sign_in_as(op)
    response = client.generic(method, f"/oidc/frontchannel-logout/default/?iss={ISS}&sid=session-1", headers=FRAME)
    assert response.status_code == 405
    assert "no-store" in response["Cache-Control"]
    assert is_signed_in(client)


def test_unknown_alias_is_not_found(rf: RequestFactory) -> None:
    # The view alone: what a 404 looks like is the site's template.
    with pytest.raises(Http404):
        frontchannel_logout(rf.get("/"), alias="nobody")


# ---- without parameters, by the cookie


def test_frame_without_parameters_ends_the_session_of_this_browser(op: FakeOP) -> None:
    mine, other = sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2")
    assert load_frame(mine).status_code == 200
    assert not is_signed_in(mine)
    assert is_signed_in(other)
    assert OIDCSession.objects.get(sid="session-1").end_reason == "frontchannel_logout"


def test_frame_without_parameters_and_cookies_does_nothing(op: FakeOP) -> None:
    client = sign_in_as(op)
    assert load_frame().status_code == 200
    assert is_signed_in(client)


@pytest.mark.parametrize("destination", ["document", "image", "empty", "script", "", None])
def test_link_without_parameters_signs_nobody_out(op: FakeOP, destination: str | None) -> None:
    client = sign_in_as(op)
    headers = {} if destination is None else {"sec-fetch-dest": destination}
    assert client.get("/oidc/frontchannel-logout/default/", headers=headers).status_code == 200
    assert is_signed_in(client)


def test_frame_of_another_op_ends_nothing(op: FakeOP, other_op: FakeOP) -> None:
    client = sign_in_as(op)
    load_frame(client, "other")
    assert is_signed_in(client)


# ---- the answer


def test_answer_is_framed_by_the_op_alone(op: FakeOP) -> None:
    response = load_frame(iss=ISS, sid="session-1")
    assert response["Content-Security-Policy"] == "default-src 'none'; frame-ancestors https://op.example"
    assert "X-Frame-Options" not in response
    assert b"<script" not in response.content


def test_answer_is_framed_by_the_hosts_of_the_op(op: FakeOP) -> None:
    op.metadata = {
        "authorization_endpoint": "https://login.op.example/authorize",
        "end_session_endpoint": "https://op.example:8443/logout?x=1",
    }
    directive = "frame-ancestors https://op.example https://login.op.example https://op.example:8443"
    assert load_frame()["Content-Security-Policy"].endswith(directive)


def test_refusal_has_the_same_headers(op: FakeOP) -> None:
    response = load_frame(iss="https://evil.example", sid="session-1")
    assert response["Content-Security-Policy"] == "default-src 'none'; frame-ancestors https://op.example"
    assert "X-Frame-Options" not in response


def test_middleware_adds_no_frame_options(op: FakeOP, settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.clickjacking.XFrameOptionsMiddleware"]
    assert "X-Frame-Options" not in load_frame(iss=ISS, sid="session-1")


def test_frame_works_under_login_required_middleware(op: FakeOP, settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert load_frame(iss=ISS, sid="session-1").status_code == 200


@pytest.mark.parametrize("failure", [requests.ConnectionError(), (500, {}, ""), (200, {}, "{}")])
def test_frame_works_while_the_metadata_cannot_be_had(op: FakeOP, failure: Any, settings: Settings) -> None:
    client = sign_in_as(op)
    # The process and the cache have been restarted.
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    op.overrides["metadata"] = failure
    response = load_frame(iss=ISS, sid="session-1")
    assert response.status_code == 200
    assert response["Content-Security-Policy"].endswith("frame-ancestors https://op.example")
    assert not is_signed_in(client)


def test_frame_makes_no_call_and_revokes_nothing(op: FakeOP) -> None:
    op.metadata["revocation_endpoint"] = "https://op.example/revoke"
    sign_in_as(op)
    op.calls.clear()
    load_frame(iss=ISS, sid="session-1")
    assert op.calls == []


def test_frame_leaves_no_receipt(op: FakeOP) -> None:
    """Anybody can make this request, so it must not keep a login from being completed later."""
    load_frame(iss=ISS, sid="session-1")
    assert not LogoutReceipt.objects.exists()
    assert is_signed_in(sign_in_as(op))
