"""callback/: the second leg. Whatever comes in, it is a login, a way home, or a page; never a crash."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
import time_machine
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.log import AdminEmailHandler
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from oidc_rp.models import OIDCIdentity, OIDCSession
from tests.support.browser import CALLBACK, JSON, Response, begin, complete, get_error, pending, query, sign_in
from tests.support.fake_op import Answer, FakeOP
from tests.support.keys import jwk, sign
from tests.test_login import change_provider

pytestmark = pytest.mark.django_db

NOT_SIGNED_IN = {"authenticated": False}


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/oidc/session/").json()["authenticated"])


def fail(client: Client, op: FakeOP, change: dict[str, Any] | None = None) -> tuple[int, str]:
    """A login whose response is changed by `change`; what the callback says."""
    begun = begin(client, "/private/")
    response = {**op.authorize(begun["Location"]), **(change or {})}
    return get_error(complete(client, {name: v for name, v in response.items() if v is not None}, headers=JSON))


# --- several tabs, the back button, replays


def test_callback_of_each_tab_goes_to_its_own_next(client: Client, op: FakeOP) -> None:
    pages = ["/private/?tab=1", "/private/?tab=2", "/private/?tab=3"]
    begun = [begin(client, page)["Location"] for page in pages]
    back = [complete(client, op.authorize(location))["Location"] for location in reversed(begun)]
    assert back == list(reversed(pages))
    assert not pending(client)


def test_callback_by_the_back_button_takes_a_signed_in_user_home(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client, "/private/")["Location"])
    complete(client, response)
    again = complete(client, response)
    assert (again.status_code, again["Location"]) == (302, "/home/")
    assert op.calls.count("token") == 1
    assert is_signed_in(client)


def test_callback_replayed_without_a_session_is_a_page_with_start_again(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client, "/private/")["Location"])
    complete(client, response)
    client.post("/oidc/logout/")
    again = complete(client, response)
    assert again.status_code == 400
    page = again.content.decode()
    assert "Start again" in page
    assert 'href="/oidc/login/default/"' in page
    assert op.calls.count("token") == 1


def test_callback_used_twice_at_once_starts_one_session(client: Client, op: FakeOP) -> None:
    """Both requests carry the cookie of the pending login; only the row's unique key tells them apart."""
    response = op.authorize(begin(client, "/private/")["Location"])
    twin = Client()
    twin.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    assert complete(client, response).status_code == 302
    assert get_error(complete(twin, response, headers=JSON)) == (400, "state_replayed")
    assert not is_signed_in(twin)
    assert OIDCSession.objects.count() == 1


def test_callback_failure_can_be_started_again_for_the_same_page(client: Client, op: FakeOP) -> None:
    op.overrides["token"] = (400, {}, json.dumps({"error": "invalid_grant"}))
    response = sign_in(client, op, "/private/?a=1&b=2")
    assert 'href="/oidc/login/default/?next=%2Fprivate%2F%3Fa%3D1%26b%3D2"' in response.content.decode()


# --- state


def test_callback_without_state_signs_nobody_out(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    response = complete(client, {"error": "access_denied"})
    assert (response.status_code, response["Location"]) == (302, "/home/")
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("response", "code"),
    [
        pytest.param({"code": "code-1"}, "state_unknown", id="missing"),
        pytest.param({"code": "code-1", "state": ""}, "state_unknown", id="empty"),
        pytest.param({"code": "code-1", "state": "unknown"}, "state_unknown", id="unknown"),
        pytest.param({"error": "access_denied"}, "state_unknown", id="error_without_state"),
        pytest.param({"code": "code-1", "state": "a\x00b"}, "state_unknown", id="nul"),
        pytest.param({"code": "code-1", "state": "\N{SNOWMAN}"}, "state_unknown", id="not_ascii"),
        pytest.param({"code": "code-1", "state": ["a", "a"]}, "response_parameter_repeated", id="repeated"),
        pytest.param({"code": "code-1", "state": "a" * 16_385}, "response_parameter_too_long", id="over_long"),
    ],
)
def test_callback_refuses_state(client: Client, op: FakeOP, response: dict[str, str], code: str) -> None:
    begin(client)
    assert get_error(complete(client, response, headers=JSON)) == (400, code)
    assert len(pending(client)) == 1, "the login in the other tab goes on"
    assert op.calls == ["metadata"]


def test_callback_refuses_state_of_another_browser(client: Client, op: FakeOP) -> None:
    """Login CSRF: an attacker's response brought to a victim's browser."""
    response = op.authorize(begin(Client())["Location"])
    begin(client)
    assert get_error(complete(client, response, headers=JSON)) == (400, "state_unknown")


def test_callback_refuses_a_state_too_old(client: Client, op: FakeOP) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        response = op.authorize(begin(client)["Location"])
        clock.shift(601)
        assert get_error(complete(client, response, headers=JSON)) == (400, "transaction_expired")
    assert not pending(client)
    assert "token" not in op.calls


def test_callback_takes_a_login_that_a_server_with_a_faster_clock_began(client: Client, op: FakeOP) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        response = op.authorize(begin(client, "/private/")["Location"])
        clock.shift(-5)
        assert complete(client, response)["Location"] == "/private/"


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"), id="tampered"),
        pytest.param(lambda value: value[: len(value) // 2], id="truncated"),
        pytest.param(lambda value: value.partition(".")[0], id="without_its_sealed_part"),
        pytest.param(lambda value: value + "A" * 60_000, id="oversized"),
        pytest.param(lambda value: "not sealed at all", id="replaced"),
        pytest.param(lambda value: "1." + "é" * 20, id="not_ascii"),
    ],
)
def test_callback_refuses_a_cookie(client: Client, op: FakeOP, change: Change) -> None:
    response = op.authorize(begin(client)["Location"])
    (name,) = pending(client)
    client.cookies[name] = change(client.cookies[name].value)
    assert get_error(complete(client, response, headers=JSON)) == (400, "transaction_invalid")
    assert op.calls == ["metadata"]


def test_callback_refuses_a_cookie_of_another_login(client: Client, op: FakeOP) -> None:
    first, second = begin(client)["Location"], begin(client)["Location"]
    one, two = pending(client)
    swapped = {one: client.cookies[two].value, two: client.cookies[one].value}
    client.cookies.load(swapped)
    for location in (first, second):
        response = op.authorize(location)
        assert get_error(complete(client, response, headers=JSON)) == (400, "transaction_invalid")


def test_callback_refuses_a_cookie_of_another_purpose(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    client.post("/oidc/logout/")
    logout_cookie = client.cookies["__Host-oidc_rp.logout"].value
    response = op.authorize(begin(client)["Location"])
    (name,) = pending(client)
    client.cookies[name] = f"1.{logout_cookie}"
    assert get_error(complete(client, response, headers=JSON)) == (400, "transaction_invalid")


def test_callback_survives_a_rotation_of_the_secret_key(client: Client, op: FakeOP, settings: Settings) -> None:
    response = op.authorize(begin(client, "/private/")["Location"])
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the new key of this site, which is long enough for Django's checks"
    assert complete(client, response)["Location"] == "/private/"


def test_callback_refuses_a_cookie_under_a_key_that_is_gone(client: Client, op: FakeOP, settings: Settings) -> None:
    response = op.authorize(begin(client)["Location"])
    settings.SECRET_KEY = "the new key of this site, which is long enough for Django's checks"
    assert get_error(complete(client, response, headers=JSON)) == (400, "transaction_invalid")


# --- mix-up


def test_callback_of_default_refuses_a_response_for_other(client: Client, op: FakeOP, other_op: FakeOP) -> None:
    response = other_op.authorize(begin(client, alias="other")["Location"])
    assert get_error(complete(client, response, headers=JSON)) == (400, "provider_mismatch")
    assert "token" not in op.calls + other_op.calls


def test_callback_of_other_refuses_a_response_for_default(client: Client, op: FakeOP, other_op: FakeOP) -> None:
    response = op.authorize(begin(client)["Location"])
    assert get_error(complete(client, response, alias="other", headers=JSON)) == (400, "provider_mismatch")
    assert "token" not in op.calls + other_op.calls


def test_callback_refuses_a_login_begun_under_another_issuer(client: Client, op: FakeOP, settings: Settings) -> None:
    response = op.authorize(begin(client)["Location"])
    change_provider(settings, ISSUER="https://moved.example")
    assert get_error(complete(client, response, headers=JSON)) == (400, "provider_mismatch")


@pytest.mark.parametrize(
    ("iss", "code"),
    [
        pytest.param("https://other.example/tenant/", "iss_mismatch", id="of_another_op"),
        pytest.param("https://op.example/", "iss_mismatch", id="with_a_slash"),
        pytest.param("https://OP.example", "iss_mismatch", id="in_another_case"),
        pytest.param(None, "iss_missing", id="missing_although_promised"),
        pytest.param("", "iss_missing", id="empty"),
        pytest.param(["https://op.example"] * 2, "response_parameter_repeated", id="repeated"),
    ],
)
def test_callback_refuses_iss(client: Client, op: FakeOP, iss: Any, code: str) -> None:
    assert fail(client, op, {"iss": iss}) == (400, code)
    assert not pending(client)
    assert "token" not in op.calls


def test_callback_needs_no_iss_that_is_not_promised(client: Client, op: FakeOP) -> None:
    op.metadata["authorization_response_iss_parameter_supported"] = None
    response = op.authorize(begin(client, "/private/")["Location"])
    del response["iss"]
    assert complete(client, response)["Location"] == "/private/"


def test_callback_checks_an_iss_that_is_not_promised(client: Client, op: FakeOP) -> None:
    op.metadata["authorization_response_iss_parameter_supported"] = None
    assert fail(client, op, {"iss": "https://other.example/tenant/"}) == (400, "iss_mismatch")


def test_callback_checks_iss_on_error_responses(client: Client, op: FakeOP) -> None:
    change = {"code": None, "error": "access_denied", "iss": "https://other.example/tenant/"}
    assert fail(client, op, change) == (400, "iss_mismatch")


# --- error responses


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("access_denied", 403),
        ("login_required", 403),
        ("unmet_authentication_requirements", 403),
        ("temporarily_unavailable", 503),
        ("server_error", 502),
        ("invalid_request", 502),
        ("unauthorized_client", 502),
    ],
)
def test_callback_error_response(client: Client, op: FakeOP, error: str, status: int) -> None:
    assert fail(client, op, {"code": None, "error": error}) == (status, "op_error")
    assert not pending(client)
    assert not is_signed_in(client)


def test_callback_error_without_iss_is_reported_although_the_op_promises_iss(client: Client, op: FakeOP) -> None:
    assert fail(client, op, {"code": None, "iss": None, "error": "access_denied"}) == (403, "op_error")


def test_callback_shows_the_description_escaped(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client)["Location"])
    del response["code"]
    description = "<script>alert(1)</script>\x07" + "x" * 2_000
    page = complete(client, {**response, "error": "access_denied", "error_description": description})
    assert page.status_code == 403
    text = page.content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; xxx" in text
    assert "<script" not in text
    assert "x" * 500 not in text


def test_callback_shows_no_description_of_a_fault_between_us_and_the_op(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client)["Location"])
    page = complete(client, {**response, "error": "invalid_request", "error_description": "internal-detail"})
    assert page.status_code == 502
    assert "internal-detail" not in page.content.decode()


@pytest.mark.parametrize(
    "error", ["login_required", "interaction_required", "consent_required", "account_selection_required"]
)
def test_callback_of_a_silent_login_comes_back_cleanly(client: Client, op: FakeOP, error: str) -> None:
    begun = begin(client, "/home/?tab=2", prompt="none")
    state = op.authorize(begun["Location"])["state"]
    back = complete(client, {"error": error, "state": state, "iss": op.issuer})
    assert (back.status_code, back["Location"]) == (302, "/home/?tab=2")
    assert not pending(client)
    assert not is_signed_in(client)


def test_callback_of_a_silent_login_reports_other_errors(client: Client, op: FakeOP) -> None:
    state = op.authorize(begin(client, prompt="none")["Location"])["state"]
    response = complete(client, {"error": "server_error", "state": state, "iss": op.issuer}, headers=JSON)
    assert get_error(response) == (502, "op_error")


def test_callback_without_code_or_error(client: Client, op: FakeOP) -> None:
    assert fail(client, op, {"code": None}) == (400, "code_missing")


# --- form_post


@pytest.fixture
def form_post(settings: Settings) -> None:
    change_provider(settings, RESPONSE_MODE="form_post")


@pytest.mark.usefixtures("form_post")
def test_callback_takes_a_posted_response_without_a_csrf_token(op: FakeOP) -> None:
    client = Client(enforce_csrf_checks=True)
    response = op.authorize(begin(client, "/private/")["Location"])
    back = client.post(CALLBACK, response, headers={"origin": "https://op.example"})
    assert (back.status_code, back["Location"]) == (302, "/private/")
    assert is_signed_in(client)


@pytest.mark.usefixtures("form_post")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b'{"state": "x", "code": "y"}', "application/json", id="json"),
        pytest.param(b"state=%FF%FE&code=%00", "application/x-www-form-urlencoded", id="not_utf8"),
        pytest.param(b"state=x&code=y", "application/x-www-form-urlencoded; charset=utf-16", id="utf_16"),
        pytest.param(b"state=%41&code=y", "application/x-www-form-urlencoded; charset=base64", id="base64"),
        pytest.param(b"state=x", "multipart/form-data", id="multipart_without_boundary"),
        pytest.param(b"--x\r\n\r\n", "multipart/form-data; boundary=x", id="multipart_broken"),
        pytest.param(b"&".join(b"p%d=" % n for n in range(2_000)), "application/x-www-form-urlencoded", id="many"),
        pytest.param(b"state=" + b"x" * 20_000_000, "application/x-www-form-urlencoded", id="20_mb"),
        pytest.param(b"x" * 20_000_000, "application/octet-stream", id="20_mb_binary"),
    ],
)
def test_callback_refuses_a_posted_body(client: Client, op: FakeOP, body: bytes, content_type: str) -> None:
    begin(client)
    # `generic`, because `post` would encode the body anew
    assert client.generic("POST", CALLBACK, body, content_type=content_type).status_code == 400


def test_callback_refuses_a_post_where_query_is_agreed(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client)["Location"])
    assert get_error(client.post(CALLBACK, response, headers=JSON)) == (400, "response_mode")
    assert complete(client, response).status_code == 302, "the login itself can still be completed"


# --- the token endpoint


def at_token_endpoint(client: Client, op: FakeOP, answer: Answer | Exception) -> Response:
    op.overrides["token"] = answer
    response = op.authorize(begin(client, "/private/")["Location"])
    return complete(client, response, headers=JSON)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        pytest.param((400, {}, '{"error": "invalid_grant"}'), 400, "op_error", id="invalid_grant"),
        pytest.param((401, {}, '{"error": "invalid_client"}'), 502, "op_error", id="invalid_client"),
        pytest.param((400, {}, ""), 502, "op_status", id="empty_400"),
        pytest.param((302, {"Location": "https://evil.example/"}, ""), 502, "op_redirect", id="redirect"),
        pytest.param((307, {"Location": "https://op.example/token2"}, ""), 502, "op_redirect", id="redirect_of_a_post"),
        pytest.param((500, {}, "oops"), 503, "op_unavailable", id="500"),
        pytest.param((503, {}, ""), 503, "op_unavailable", id="503"),
        pytest.param((429, {}, ""), 503, "op_unavailable", id="429"),
        pytest.param(requests.Timeout("slow"), 503, "op_timeout", id="timeout"),
        pytest.param(requests.ConnectionError("refused"), 503, "op_unreachable", id="refused"),
        pytest.param(requests.exceptions.SSLError("bad"), 503, "op_tls", id="certificate"),
        pytest.param((200, {"Content-Type": "text/html"}, "<html>hi</html>"), 503, "op_web_page", id="html"),
        pytest.param((200, {}, "[1]"), 502, "op_answer_malformed", id="json_list"),
        pytest.param((200, {}, b"\xff\xfe"), 502, "op_answer_malformed", id="not_utf8"),
        pytest.param((200, {}, '{"a":' * 5_000 + "1" + "}" * 5_000), 502, "op_answer_malformed", id="deep_nesting"),
        pytest.param((200, {}, b" " * 20_000_000), 502, "op_answer_too_large", id="20_mb"),
        pytest.param((200, {}, '{"access_token": 5, "token_type": "Bearer"}'), 502, "op_answer_malformed", id="types"),
        pytest.param(
            (200, {}, '{"access_token": "a", "token_type": "Bearer"}'), 502, "id_token_missing", id="no_id_token"
        ),
        pytest.param(
            (200, {}, '{"access_token": "a", "token_type": "Bearer", "id_token": "x.y"}'),
            502,
            "token_malformed",
            id="no_jwt",
        ),
        pytest.param(
            (200, {}, json.dumps({"access_token": "a", "token_type": "Bearer", "id_token": "x" * 100_001})),
            502,
            "token_too_large",
            id="over_long_id_token",
        ),
    ],
)
def test_callback_when_the_token_endpoint_answers(
    client: Client, op: FakeOP, answer: Answer | Exception, status: int, code: str
) -> None:
    response = at_token_endpoint(client, op, answer)
    assert get_error(response) == (status, code)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert not pending(client), "a state works once, whatever came of it"
    assert not is_signed_in(client)
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        pytest.param({"iss": "https://evil.example"}, "token_iss", id="iss"),
        pytest.param({"aud": "client-12"}, "token_aud", id="aud"),
        pytest.param({"nonce": "stolen"}, "token_nonce", id="nonce"),
        pytest.param({"exp": 1_000}, "token_exp", id="exp"),
        pytest.param({"sub": None}, "token_sub", id="no_sub"),
        pytest.param({"sub": 5}, "token_sub", id="sub_is_a_number"),
        pytest.param({"sid": ["a"]}, "token_sid", id="sid_is_a_list"),
        pytest.param({"auth_time": "yesterday"}, "token_auth_time", id="auth_time_is_text"),
    ],
)
def test_callback_refuses_an_id_token(client: Client, op: FakeOP, claims: dict[str, Any], code: str) -> None:
    begun = begin(client)
    response = op.authorize(begun["Location"])
    op.claims.update(claims)
    assert get_error(complete(client, response, headers=JSON)) == (502, code)
    assert not OIDCSession.objects.exists()
    assert not User.objects.exists()


def test_callback_refuses_an_authentication_that_is_too_weak(client: Client, op: FakeOP) -> None:
    begun = begin(client, acr_values="mfa")
    response = complete(client, op.authorize(begun["Location"]), headers=JSON)
    assert get_error(response) == (403, "acr_not_met")
    assert not is_signed_in(client)


def test_callback_accepts_what_hostile_claims_leave_out(client: Client, op: FakeOP) -> None:
    op.claims.update(email=["a"], given_name={"b": 1}, family_name=5, amr=None, auth_time=0, acr=None, sid=None)
    assert sign_in(client, op, "/private/")["Location"] == "/private/"
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("", "", "")


# --- userinfo, scopes, signatures


def test_callback_asks_for_userinfo_only_when_told(client: Client, op: FakeOP, settings: Settings) -> None:
    op.userinfo.update(department="Sales", email="wrong@example.com")
    sign_in(client, op)
    assert "userinfo" not in op.calls
    change_provider(settings, FETCH_USERINFO=True)
    sign_in(Client(), op)
    assert op.calls.count("userinfo") == 1
    assert op.headers[-1]["Authorization"] == "Bearer access-token-1"
    assert User.objects.get().email == "alice@example.com", "the ID token is signed, so it wins"


def test_callback_refuses_userinfo_of_somebody_else(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, FETCH_USERINFO=True)
    op.userinfo["sub"] = "subject-2"
    assert fail(client, op) == (502, "token_sub")


def test_callback_logs_unexpected_scopes(client: Client, op: FakeOP, caplog: pytest.LogCaptureFixture) -> None:
    op.token_answer["scope"] = "openid email admin"
    sign_in(client, op)
    assert "unexpected_scope: provider 'default' granted ('admin',)" in caplog.text


def test_callback_takes_a_key_that_was_rotated_just_now(client: Client, op: FakeOP) -> None:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        sign_in(client, op)
        clock.shift(31)  # the cooldown of the document that was just fetched
        op.kid, op.keys = "k2", [jwk(name="k2")]
        assert sign_in(Client(), op, "/private/")["Location"] == "/private/"
    assert op.calls.count("jwks") == 2


# --- what is told, and to whom


SECRETS = ("code-1", "access-token-1", "refresh-token-1", "a client secret that is long")


@pytest.mark.parametrize("failure", ["token", "claims", "none"])
def test_callback_leaks_nothing(client: Client, op: FakeOP, caplog: pytest.LogCaptureFixture, failure: str) -> None:
    caplog.set_level(logging.DEBUG, logger="oidc_rp")
    if failure == "token":
        op.overrides["token"] = (400, {}, '{"error": "invalid_grant", "error_description": "used up"}')
    elif failure == "claims":
        op.claims["aud"] = "somebody-else"
    begun = begin(client, "/private/")
    request, response = query(begun["Location"]), op.authorize(begun["Location"])
    page = complete(client, response)
    (cookie,) = (morsel.value for name, morsel in begun.cookies.items())
    id_token = sign(op.build_claims())[:30]
    told = caplog.text + page.content.decode() + "".join(str(vars(record)) for record in caplog.records)
    for secret in (*SECRETS, request["state"], request["nonce"], cookie, id_token):
        assert secret not in told, secret


def test_callback_failure_mails_no_code_to_the_admins(
    client: Client, op: FakeOP, settings: Settings, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    """Django mails the whole request, with its query and cookies, at each answer of 500 and more."""
    settings.ADMINS = [("Admin", "admin@example.com")]
    handler = AdminEmailHandler()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        at_token_endpoint(client, op, (503, {}, ""))
    finally:
        logger.removeHandler(handler)
    assert not [mail.body for mail in mailoutbox if "code-1" in mail.body]
    assert "op_unavailable" in caplog.text


def test_callback_error_page_and_log_share_a_reference(
    client: Client, op: FakeOP, caplog: pytest.LogCaptureFixture
) -> None:
    op.claims["aud"] = "somebody-else"
    response = op.authorize(begin(client)["Location"])
    page = complete(client, response)
    (record,) = [record for record in caplog.records if hasattr(record, "oidc_reference")]
    assert record.oidc_reference in page.content.decode()
    assert record.oidc_code == "token_aud"  # type: ignore[attr-defined]  # given as `extra`
    assert "client-1" in record.getMessage(), "the evidence is for the operator"
    assert "client-1" not in page.content.decode()


def test_callback_error_page_has_nothing_from_elsewhere(client: Client, op: FakeOP) -> None:
    page = complete(client, {"state": "x"})
    text = page.content.decode()
    assert "src=" not in text
    assert "//" not in text.replace("<!doctype html>", "")
    assert page["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page["Cache-Control"]
    assert "Accept" in page["Vary"]


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("application/json", True),
        ("application/json, text/html;q=0.5", True),
        ("text/html,application/json;q=0.9", False),
        ("*/*", False),
        ("text/plain", False),
        ("", False),
        ("application/json;q=x, ;;;=,/", True),
    ],
)
def test_callback_answers_in_the_form_that_the_client_asks_for(client: Client, accept: str, is_json: bool) -> None:
    response = complete(client, {"state": "x"}, headers={"accept": accept})
    assert response.status_code == 400
    assert (response["Content-Type"] == "application/json") == is_json


# --- nothing a browser sends may give a 500


parameter = st.sampled_from(["state", "code", "iss", "error", "error_description", "session_state", "x"])
value = st.text(max_size=30) | st.sampled_from(["https://op.example", "access_denied", "\x00", "\ufffd", "x" * 17_000])
cookie_values = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'), max_size=200)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    parameters=st.lists(st.tuples(parameter, value), max_size=6), known=st.booleans(), cookie=cookie_values | st.none()
)
def test_callback_survives_anything(
    op: FakeOP, parameters: list[tuple[str, str]], known: bool, cookie: str | None
) -> None:
    client = Client(raise_request_exception=False)
    response: dict[str, list[str]] = {}
    if known:
        response["state"] = [op.authorize(begin(client)["Location"])["state"]]
        if cookie is not None:
            (name,) = pending(client)
            client.cookies[name] = cookie
    for name, text in parameters:
        response.setdefault(name, []).append(text)
    assert complete(client, response).status_code in {302, 400, 403, 502, 503}


# --- the session


def test_callback_changes_the_session_key_at_login(client: Client, op: FakeOP) -> None:
    """Session fixation: a key that somebody planted before the login is worth nothing after it."""
    session = client.session
    session["basket"] = ["book"]
    session.save()
    planted = client.cookies["sessionid"].value
    sign_in(client, op)
    assert client.cookies["sessionid"].value != planted
    assert client.session["basket"] == ["book"], "what an anonymous visitor has collected stays"
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert not is_signed_in(thief)


def test_callback_changes_the_session_key_when_the_same_user_signs_in_again(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    before = client.cookies["sessionid"].value
    begun = begin(client, prompt="login")
    complete(client, op.authorize(begun["Location"]))
    assert client.cookies["sessionid"].value != before
    thief = Client()
    thief.cookies["sessionid"] = before
    assert not is_signed_in(thief)
    alive = OIDCSession.objects.get(ended_at=None)
    assert alive.session_key == client.cookies["sessionid"].value
    assert OIDCSession.objects.get(pk__in=OIDCSession.objects.exclude(pk=alive.pk)).end_reason == "replaced"


def test_callback_of_another_user_replaces_the_session(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    session = client.session
    session["private"] = "of the first user"
    session.save()
    before = client.cookies["sessionid"].value
    begun = begin(client, prompt="select_account")
    op.claims["sub"] = "subject-2"
    complete(client, op.authorize(begun["Location"]))
    assert client.get("/oidc/session/").json()["sub"] == "subject-2"
    assert "private" not in client.session
    assert client.cookies["sessionid"].value != before
    assert [row.sub for row in OIDCSession.objects.filter(ended_at=None)] == ["subject-2"]


def test_callback_stores_tokens_sealed_and_only_in_the_row(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    row = OIDCSession.objects.get()
    everything = json.dumps(dict(client.session.items())) + str(list(OIDCSession.objects.values()))
    assert row.sealed_tokens
    assert "access-token-1" not in everything
    assert sign(op.build_claims())[:30] not in everything


def test_callback_row_says_what_the_op_said(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    row = OIDCSession.objects.get()
    assert (row.alias, row.issuer, row.client_id) == ("default", "https://op.example", "client-1")
    assert (row.sub, row.sid, row.acr, row.amr) == ("subject-1", "session-1", "pwd", ["pwd"])
    assert row.user.oidc_identities.get() == OIDCIdentity.objects.get()
    assert row.ended_at is None


# --- the cost


def test_callback_costs_one_call_and_few_queries_when_warm(client: Client, op: FakeOP) -> None:
    sign_in(Client(), op)
    op.calls.clear()
    response = op.authorize(begin(client, "/private/")["Location"])
    with CaptureQueriesContext(connection) as captured:
        assert complete(client, response).status_code == 302
    # In a test every atomic block is a savepoint, which no site has.
    queries = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    assert len(queries) <= 12, queries
    assert op.calls == ["token"]


def test_callback_first_login_needs_metadata_keys_and_token(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert op.calls == ["metadata", "token", "jwks"]


def test_callback_is_never_asked_with_other_methods(client: Client) -> None:
    for method in ("head", "put", "patch", "delete", "options"):
        assert getattr(client, method)(CALLBACK).status_code == 405
