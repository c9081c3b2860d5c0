"""logout/ and logout/callback/: RP-initiated logout. This site's session ends first, whatever the OP does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from pytest_django.fixtures import Settings

from oidc_rp.cookies import save_logout
from oidc_rp.flows.logout import PendingLogout
from oidc_rp.models import OIDCSession
from oidc_rp.sealing import seal
from oidc_rp.session_data import load_tokens
from tests.support.browser import JSON, Response, begin, complete, query, sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

pytestmark = pytest.mark.django_db

LOGOUT = "/oidc/logout/"
LOGOUT_CALLBACK = "/oidc/logout/callback/"
COOKIE = "__Host-oidc_rp.logout"


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/oidc/session/").json()["authenticated"])


def log_out(client: Client, next_url: str | None = None) -> Response:
    return client.post(LOGOUT, {} if next_url is None else {"next": next_url})


def test_logout_ends_the_session_and_goes_to_the_op(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    tokens = load_tokens(str(OIDCSession.objects.get().pk))
    assert tokens is not None
    key = client.cookies["sessionid"].value
    response = log_out(client)
    assert response.status_code == 302
    assert response["Location"].startswith("https://op.example/logout?")
    request = query(response["Location"])
    assert request.keys() == {"client_id", "post_logout_redirect_uri", "state", "id_token_hint"}
    assert request["client_id"] == "client-1"
    assert request["post_logout_redirect_uri"] == "http://testserver/oidc/logout/callback/"
    assert request["id_token_hint"] == tokens.id_token
    assert not is_signed_in(client)
    client.cookies["sessionid"] = key
    assert not is_signed_in(client), "the session is gone, not only its cookie"


def test_logout_ends_the_row_and_drops_its_tokens(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    log_out(client)
    row = OIDCSession.objects.get()
    assert row.ended_at is not None
    assert (row.end_reason, row.sealed_tokens) == ("logout", "")


def test_logout_cookie_has_the_attributes_of_the_host_prefix(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    log_out(client)
    morsel = client.cookies[COOKIE]
    assert (morsel["path"], morsel["domain"], morsel["secure"], morsel["httponly"]) == ("/", "", True, True)
    assert (morsel["samesite"], morsel["max-age"]) == ("Lax", 600)


def test_logout_comes_back_to_next(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    state = query(log_out(client, "/home/?bye=1")["Location"])["state"]
    back = client.get(LOGOUT_CALLBACK, {"state": state})
    assert (back.status_code, back["Location"]) == (302, "/home/?bye=1")
    assert client.cookies[COOKIE].value == ""
    assert client.get(LOGOUT_CALLBACK, {"state": state})["Location"] == "/", "once"


@override_settings(LOGOUT_REDIRECT_URL="/home/")
@pytest.mark.parametrize("next_url", [None, "", "https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_logout_is_no_open_redirector(client: Client, op: FakeOP, next_url: str | None) -> None:
    sign_in(client, op)
    state = query(log_out(client, next_url)["Location"])["state"]
    assert client.get(LOGOUT_CALLBACK, {"state": state})["Location"] == "/home/"


@pytest.mark.parametrize("parameters", [{}, {"state": ""}, {"state": "wrong"}, {"state": "\N{SNOWMAN}"}])
def test_logout_callback_without_its_state_goes_to_the_default(
    client: Client, op: FakeOP, parameters: dict[str, str]
) -> None:
    sign_in(client, op)
    log_out(client, "/private/")
    assert client.get(LOGOUT_CALLBACK, parameters)["Location"] == "/"


def test_logout_callback_out_of_the_blue_goes_to_the_default(client: Client) -> None:
    assert client.get(LOGOUT_CALLBACK, {"state": "x"})["Location"] == "/"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("tampered", id="tampered"),
        pytest.param(seal(b"{}", "transaction"), id="of_another_purpose"),
        pytest.param(seal(b'{"state": "x"}', "logout"), id="of_another_version"),
        pytest.param(seal(b"[]", "logout"), id="of_another_shape"),
        pytest.param(seal(b"no json", "logout"), id="of_another_format"),
    ],
)
def test_logout_callback_ignores_a_cookie(client: Client, value: str) -> None:
    client.cookies[COOKIE] = value
    assert client.get(LOGOUT_CALLBACK, {"state": "x"})["Location"] == "/"


def test_logout_callback_reads_what_logout_wrote(rf: RequestFactory, client: Client) -> None:
    response = HttpResponse()
    save_logout(response, PendingLogout(state="abc", next="/home/"))
    client.cookies[COOKIE] = response.cookies[COOKIE].value
    assert client.get(LOGOUT_CALLBACK, {"state": "abc"})["Location"] == "/home/"


def test_logout_by_get_asks_first(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    response = client.get(LOGOUT, {"next": '/home/"><script>'})
    page = response.content.decode()
    assert response.status_code == 200
    assert 'method="post"' in page
    assert "csrfmiddlewaretoken" in page
    assert 'value="/home/&quot;&gt;&lt;script&gt;"' in page
    assert is_signed_in(client)


def test_logout_by_post_needs_a_csrf_token(op: FakeOP) -> None:
    client = Client(enforce_csrf_checks=True)
    sign_in(client, op)
    assert log_out(client).status_code == 403
    assert is_signed_in(client)
    client.get(LOGOUT)
    token = client.cookies["csrftoken"].value
    assert client.post(LOGOUT, {"csrfmiddlewaretoken": token}).status_code == 302
    assert not is_signed_in(client)


def test_logout_by_post_needs_a_csrf_token_even_without_the_middleware(op: FakeOP, settings: Settings) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    client = Client(enforce_csrf_checks=True)
    sign_in(client, op)
    assert log_out(client).status_code == 403
    assert is_signed_in(client)


@pytest.mark.parametrize("failure", [requests.ConnectionError("refused"), (500, {}, ""), (200, {}, "<html>")])
def test_logout_while_the_op_is_down_is_a_logout_here(
    client: Client, op: FakeOP, settings: Settings, failure: Any
) -> None:
    sign_in(client, op)
    change_provider(settings, TIMEOUT=4)  # a provider built anew, with nothing cached of its own ...
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}  # ... nor in the cache
    op.overrides["metadata"] = failure
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert not is_signed_in(client)


def test_logout_from_an_op_without_the_endpoint_is_a_logout_here(client: Client, op: FakeOP) -> None:
    op.metadata["end_session_endpoint"] = None
    sign_in(client, op)
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert not is_signed_in(client)
    assert COOKIE not in client.cookies


def test_logout_from_a_provider_that_is_gone_is_a_logout_here(client: Client, op: FakeOP, settings: Settings) -> None:
    sign_in(client, op)
    settings.OIDC_PROVIDERS = {"other": settings.OIDC_PROVIDERS["other"]}
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert not is_signed_in(client)


def test_logout_from_a_provider_that_is_broken_is_a_logout_here(client: Client, op: FakeOP, settings: Settings) -> None:
    sign_in(client, op)
    change_provider(settings, CLIENT_ID="")
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert not is_signed_in(client)


def test_logout_shows_no_id_token_to_another_op(
    client: Client, op: FakeOP, other_op: FakeOP, settings: Settings
) -> None:
    """The alias has been given to another OP since the login: that one must not get the first one's ID token."""
    sign_in(client, op)
    settings.OIDC_PROVIDERS = {"default": settings.OIDC_PROVIDERS["other"]}
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert not is_signed_in(client)


def test_logout_without_the_key_of_its_tokens_sends_no_hint(client: Client, op: FakeOP, settings: Settings) -> None:
    sign_in(client, op)
    OIDCSession.objects.update(sealed_tokens=seal(b"{}", "session tokens", "another row"))
    request = query(log_out(client)["Location"])
    assert "id_token_hint" not in request
    assert request["client_id"] == "client-1"


def test_logout_after_an_upgrade_that_changed_the_tokens_sends_no_hint(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    row = OIDCSession.objects.get()
    OIDCSession.objects.update(sealed_tokens=seal(json.dumps({"old": 1}).encode(), "session tokens", str(row.pk)))
    assert "id_token_hint" not in query(log_out(client)["Location"])


def test_logout_of_a_user_signed_in_by_password(client: Client) -> None:
    client.force_login(User.objects.create_user("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert client.get("/home/").content == b"home of nobody"


def test_logout_of_nobody(client: Client) -> None:
    assert log_out(client, "/home/")["Location"] == "/home/"


def test_logout_takes_a_session_of_another_version_for_none(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    session = client.session
    del session["_oidc_rp"]["sub"]
    session.save()
    assert log_out(client, "/home/")["Location"] == "/home/"
    assert client.get("/home/").content == b"home of nobody"


def test_logout_answers_are_not_cached(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    for response in (client.get(LOGOUT), log_out(client), client.get(LOGOUT_CALLBACK)):
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "no-referrer"


def test_logout_refuses_other_methods(client: Client) -> None:
    assert client.delete(LOGOUT).status_code == 405
    assert client.post(LOGOUT_CALLBACK).status_code == 405


def test_logout_leaves_the_pending_logins_of_other_tabs(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    response = op.authorize(begin(client, "/private/", prompt="login")["Location"])
    log_out(client)
    assert complete(client, response, headers=JSON)["Location"] == "/private/"
