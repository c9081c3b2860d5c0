"""login/: the first leg, in the browser's and the site's view."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest
import requests
import time_machine
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from oidc_rp.cookies import MAX_PENDING
from oidc_rp.providers import UnknownProviderError
from oidc_rp.shortcuts import redirect_to_op
from tests.support.browser import CALLBACK, JSON, Response, begin, complete, get_error, pending, query, sign_in
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


def change_provider(settings: Settings, alias: str = "default", **options: Any) -> None:
    settings.OIDC_PROVIDERS = {
        **settings.OIDC_PROVIDERS,
        alias: {**settings.OIDC_PROVIDERS[alias], **options},
    }


def test_login_sends_an_authentication_request(client: Client, op: FakeOP) -> None:
    response = begin(client)
    assert response.status_code == 302
    assert response["Location"].startswith("https://op.example/authorize?")
    request = query(response["Location"])
    assert {name: request.pop(name) for name in ("state", "nonce", "code_challenge")}.keys() == {
        "state",
        "nonce",
        "code_challenge",
    }
    assert request == {
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": "http://testserver/oidc/callback/default/",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


def test_login_challenge_is_that_of_the_verifier_sent_later(client: Client, op: FakeOP) -> None:
    begun = begin(client)
    complete(client, op.authorize(begun["Location"]))
    verifier = op.forms[op.calls.index("token")]["code_verifier"]
    expected = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert query(begun["Location"])["code_challenge"] == expected


def test_login_secrets_are_new_each_time(client: Client, op: FakeOP) -> None:
    seen = [query(begin(client)["Location"]) for _ in range(3)]
    secrets = [request[name] for request in seen for name in ("state", "nonce", "code_challenge")]
    assert len(set(secrets)) == 9
    assert all(len(secret) == 43 for secret in secrets)


def test_login_cookie_has_the_attributes_of_the_host_prefix(client: Client, op: FakeOP) -> None:
    begin(client)
    (name,) = pending(client)
    morsel = client.cookies[name]
    assert name.startswith("__Host-oidc_rp.tx.")
    assert (morsel["path"], morsel["domain"], morsel["secure"], morsel["httponly"]) == ("/", "", True, True)
    assert (morsel["samesite"], morsel["max-age"]) == ("Lax", 600)


def test_login_cookie_shows_nothing_of_the_transaction(client: Client, op: FakeOP) -> None:
    request = query(begin(client, "/private/")["Location"])
    (morsel,) = pending(client).values()
    text = morsel.key + morsel.value
    for value in (request["state"], request["nonce"], "private", "op.example"):
        assert value not in text


@override_settings(OIDC_RP_COOKIE_NAME="site_a")
def test_login_cookie_name_is_a_setting(client: Client, op: FakeOP) -> None:
    begin(client)
    assert all(name.startswith("__Host-site_a.tx.") for name in pending(client))
    assert pending(client)


def test_login_makes_no_session(client: Client, op: FakeOP, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        begin(client)
    assert "sessionid" not in client.cookies


def test_login_answers_are_neither_cached_nor_framed_nor_referred(client: Client, op: FakeOP) -> None:
    response = begin(client)
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Content-Security-Policy"] == "frame-ancestors 'none'"


def test_login_keeps_at_most_five_pending_the_newest(client: Client, op: FakeOP) -> None:
    begun = []
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for _ in range(MAX_PENDING + 2):
            begun.append(begin(client)["Location"])
            clock.shift(0.01)
        assert len(pending(client)) == MAX_PENDING
        answers = [complete(client, op.authorize(location)).status_code for location in begun]
    assert answers[:2] == [400, 400]
    assert answers[2:] == [302] * MAX_PENDING


def test_login_counts_a_pending_cookie_without_a_time_as_the_oldest(client: Client, op: FakeOP) -> None:
    for number in range(MAX_PENDING):
        client.cookies[f"__Host-oidc_rp.tx.{number:016x}"] = "²².x" if number else "9" * 20 + ".x"
    location = begin(client)["Location"]
    assert len(pending(client)) == MAX_PENDING
    assert complete(client, op.authorize(location)).status_code == 302


@pytest.mark.parametrize(
    "next_url",
    [
        pytest.param("/private/?page=2&q=a%20b", id="path_with_query"),
        pytest.param("http://testserver/private/", id="absolute_on_this_host"),
        pytest.param("relative", id="relative"),
    ],
)
def test_login_comes_back_to_next(client: Client, op: FakeOP, next_url: str) -> None:
    assert sign_in(client, op, next_url)["Location"] == next_url


def test_login_comes_back_to_a_next_that_is_not_ascii(client: Client, op: FakeOP) -> None:
    assert sign_in(client, op, "/größe/?q=日本")["Location"] == "/gr%C3%B6%C3%9Fe/?q=%E6%97%A5%E6%9C%AC"


@pytest.mark.parametrize(
    "next_url",
    [
        pytest.param("https://evil.example/", id="other_host"),
        pytest.param("//evil.example/", id="scheme_relative"),
        pytest.param("///evil.example/", id="three_slashes"),
        pytest.param("/\\evil.example/", id="slash_backslash"),
        pytest.param("\\\\evil.example/", id="backslashes"),
        pytest.param("/\t/evil.example/", id="tab_between_slashes"),
        pytest.param("/\n/evil.example/", id="newline_between_slashes"),
        pytest.param("\thttps://evil.example/", id="leading_tab"),
        pytest.param("//\t/page", id="tab_that_becomes_a_host"),
        pytest.param("\x00//evil.example/", id="leading_nul"),
        pytest.param("https:evil.example", id="scheme_without_slashes"),
        pytest.param("https:///evil.example", id="scheme_with_three_slashes"),
        pytest.param("http://testserver@evil.example/", id="our_host_as_userinfo"),
        pytest.param("http://testserver:80@evil.example/", id="our_host_and_port_as_userinfo"),
        pytest.param("http://testserver\\@evil.example/", id="backslash_before_userinfo"),
        pytest.param("http://testserver\t@evil.example/", id="tab_before_userinfo"),
        pytest.param("http://testserver.evil.example/", id="our_host_as_subdomain"),
        pytest.param("http://eviltestserver/", id="our_host_as_suffix"),
        pytest.param("http://[evil", id="broken_ipv6"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("data:text/html,x", id="data"),
        pytest.param("", id="empty"),
        pytest.param("/" + "a" * 2_000, id="over_long"),
        pytest.param("/" + "日" * 300, id="over_long_once_encoded"),
    ],
)
def test_login_is_no_open_redirector(client: Client, op: FakeOP, next_url: str) -> None:
    assert sign_in(client, op, next_url)["Location"] == "/home/"


def test_login_refuses_http_next_on_https(client: Client, op: FakeOP) -> None:
    begun = client.get("/oidc/login/", {"next": "http://testserver/private/"}, secure=True)
    back = client.get(CALLBACK, op.authorize(begun["Location"]), secure=True)
    assert back["Location"] == "/home/"


@pytest.mark.parametrize(
    "next_url",
    [
        pytest.param("/" + "a" * 1_999, id="ascii"),
        pytest.param("/" + "日" * 222, id="percent_encoded"),
        pytest.param("/?q=" + '"\\' * 300, id="what_json_escapes"),
    ],
)
def test_login_cookie_with_the_longest_next_fits_a_browser(client: Client, op: FakeOP, next_url: str) -> None:
    begin(client, next_url)
    (morsel,) = pending(client).values()
    assert len(morsel.key) + len(morsel.value) <= 4_096
    assert len(morsel.value) > 2_700, "this next was dropped, so the test shows nothing"


def test_login_passes_on_allowed_parameters_and_drops_others(client: Client, op: FakeOP) -> None:
    asked = {"login_hint": "alice@example.com", "ui_locales": "de fr", "prompt": "login", "kc_idp_hint": "evil"}
    reserved = {"state": "mine", "redirect_uri": "https://evil.example/", "scope": "admin", "client_id": "x"}
    request = query(begin(client, **asked, **reserved)["Location"])
    assert (request["login_hint"], request["ui_locales"], request["prompt"]) == ("alice@example.com", "de fr", "login")
    assert "kc_idp_hint" not in request
    assert (request["client_id"], request["scope"]) == ("client-1", "openid profile email")
    assert request["redirect_uri"] == "http://testserver/oidc/callback/default/"
    assert request["state"] != "mine"


def test_login_sends_fixed_parameters(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(
        settings, AUTHENTICATION_PARAMS={"audience": "https://api.example", "login_hint": "fixed"}, PROMPT="consent"
    )
    request = query(begin(client, login_hint="asked")["Location"])
    assert (request["audience"], request["login_hint"], request["prompt"]) == (
        "https://api.example",
        "asked",
        "consent",
    )


def test_login_parameters_of_a_link_demand_and_are_checked(client: Client, op: FakeOP) -> None:
    op.claims["acr"] = "mfa"
    begun = begin(client, max_age="60", acr_values="mfa phr")
    assert query(begun["Location"])["max_age"] == "60"
    assert query(begun["Location"])["acr_values"] == "mfa phr"
    assert complete(client, op.authorize(begun["Location"])).status_code == 302


@pytest.mark.parametrize("max_age", ["-1", "1.5", "abc", "9" * 10, "²", ""])
def test_login_ignores_a_max_age_that_is_no_number(client: Client, op: FakeOP, max_age: str) -> None:
    assert "max_age" not in query(begin(client, max_age=max_age)["Location"])


def test_login_link_can_tighten_what_the_provider_demands(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, MAX_AGE=300, ACR_VALUES=["mfa", "phr"])
    request = query(begin(client, max_age="60", acr_values="phr")["Location"])
    assert (request["max_age"], request["acr_values"]) == ("60", "phr")


def test_login_link_cannot_loosen_what_the_provider_demands(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, MAX_AGE=300, ACR_VALUES=["mfa", "phr"], PROMPT="login")
    request = query(begin(client, max_age="99999", acr_values="pwd", prompt="none")["Location"])
    assert (request["max_age"], request["acr_values"], request["prompt"]) == ("300", "mfa phr", "login")


def test_login_demands_of_the_provider_are_checked_on_return(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, MAX_AGE=0)
    op.claims["auth_time"] = 1_000
    begun = begin(client)
    assert query(begun["Location"])["max_age"] == "0"
    assert get_error(complete(client, op.authorize(begun["Location"]), headers=JSON)) == (403, "max_age_not_met")


def test_login_uses_form_post_where_the_op_wants_it(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, RESPONSE_MODE="form_post")
    assert query(begin(client)["Location"])["response_mode"] == "form_post"
    (morsel,) = pending(client).values()
    assert (morsel["samesite"], morsel["secure"]) == ("None", True)


def test_login_of_a_signed_in_user_goes_on_at_once(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    response = begin(client, "/private/")
    assert (response.status_code, response["Location"]) == (302, "/private/")
    assert not pending(client)


def test_login_of_a_signed_in_user_with_wishes_goes_to_the_op(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert query(begin(client, "/private/", prompt="login")["Location"])["prompt"] == "login"


def test_login_of_a_signed_in_user_at_another_provider_goes_to_that_op(
    client: Client, op: FakeOP, other_op: FakeOP
) -> None:
    sign_in(client, op)
    assert begin(client, alias="other")["Location"].startswith("https://other.example/tenant/authorize?")


def test_login_does_not_go_round_in_circles_with_the_admin(client: Client, op: FakeOP) -> None:
    """The admin sends users without is_staff to the login page, which sends signed-in users back."""
    sign_in(client, op)
    for _ in range(2):  # a double click is no circle yet
        answer = client.get("/oidc/login/", {"next": "/admin/?a=1&b=2"})
        assert (answer.status_code, answer["Location"]) == (302, "/admin/?a=1&b=2")
    answer = client.get("/oidc/login/", {"next": "/admin/?a=1&b=2"})
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "/oidc/login/?prompt=login&amp;next=/admin/%3Fa%3D1%26b%3D2" in page
    assert client.get("/oidc/login/", {"next": "/private/"}).status_code == 302, "another page is not affected"


def test_login_circle_is_forgotten_after_ten_seconds(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    begin(client, "/admin/")
    assert client.cookies["__Host-oidc_rp.bounce"]["max-age"] == 10


def test_login_offers_another_account_only_if_that_can_work(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, ALLOWED_REQUEST_PARAMS=[])
    sign_in(client, op)
    responses = [begin(client, "/admin/") for _ in range(3)]
    assert [response.status_code for response in responses] == [302, 302, 403]
    response = responses[-1]
    assert "prompt=login" not in response.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_login_is_a_get(client: Client, method: str) -> None:
    assert getattr(client, method)("/oidc/login/").status_code == 405


@pytest.mark.parametrize("alias", ["unknown", "Default", "default%00", "d%C3%A9faut", "a" * 3_000])
def test_login_with_an_unknown_provider_is_not_found(client: Client, alias: str) -> None:
    assert client.get(f"/oidc/login/{alias}/").status_code == 404


def test_login_without_the_op_says_when_to_try_again(client: Client, op: FakeOP) -> None:
    op.overrides["metadata"] = requests.ConnectionError("refused")
    response = begin(client)
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    op.overrides["metadata"] = (503, {"Retry-After": "7"}, "")
    assert begin(client)["Retry-After"] == "7"
    assert not pending(client)


def test_login_with_wrong_settings_is_unavailable(client: Client, settings: Settings) -> None:
    settings.OIDC_PROVIDERS = {"default": {"ISSUER": "https://op.example"}}
    response = client.get("/oidc/login/", headers=JSON)
    assert get_error(response) == (503, "configuration")
    assert "CLIENT_ID" not in response.content.decode()


def test_login_of_a_public_client_needs_pkce_at_the_op(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.OIDC_PROVIDERS = {
        "default": {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_AUTH_METHOD": "none"}
    }
    op.metadata["code_challenge_methods_supported"] = ["plain"]
    assert get_error(client.get("/oidc/login/", headers=JSON)) == (503, "pkce_unsupported")
    op.metadata["code_challenge_methods_supported"] = None


@pytest.mark.parametrize("methods", [None, ["plain", "S256"]], ids=["not_said", "said"])
def test_login_of_a_public_client_goes_where_pkce_may_be_supported(
    client: Client, op: FakeOP, settings: Settings, methods: list[str] | None
) -> None:
    settings.OIDC_PROVIDERS = {
        "default": {"ISSUER": "https://op.example", "CLIENT_ID": "client-1", "CLIENT_AUTH_METHOD": "none"}
    }
    op.metadata["code_challenge_methods_supported"] = methods
    assert client.get("/oidc/login/").status_code == 302


def test_login_refused_next_does_not_come_back_to_the_login(client: Client, op: FakeOP, settings: Settings) -> None:
    """LOGIN_REDIRECT_URL on another host is the site's own choice; it must not turn into login/?prompt=login again."""
    settings.LOGIN_REDIRECT_URL = "https://app.example/"
    begun = begin(client, prompt="login")
    assert complete(client, op.authorize(begun["Location"]))["Location"] == "https://app.example/"


# --- redirect_to_op, the same from a site's own view


def begin_from_view(rf: RequestFactory, path: str = "/report/?year=2026", **wishes: Any) -> HttpResponse:
    return redirect_to_op(rf.get(path), **wishes)


def finish(client: Client, op: FakeOP, begun: HttpResponse) -> Response:
    for name, morsel in begun.cookies.items():
        client.cookies[name] = morsel.value
    return complete(client, op.authorize(begun["Location"]))


def test_redirect_to_op_comes_back_to_the_page(rf: RequestFactory, client: Client, op: FakeOP) -> None:
    assert finish(client, op, begin_from_view(rf))["Location"] == "/report/?year=2026"


def test_redirect_to_op_comes_back_to_next(rf: RequestFactory, client: Client, op: FakeOP) -> None:
    assert finish(client, op, begin_from_view(rf, next="/x/"))["Location"] == "/x/"


def test_redirect_to_op_from_an_over_long_page_comes_home(rf: RequestFactory, client: Client, op: FakeOP) -> None:
    begun = begin_from_view(rf, "/report/?" + "q" * 5_000)
    assert finish(client, op, begun)["Location"] == "/home/"


def test_redirect_to_op_sends_the_wishes(rf: RequestFactory, op: FakeOP) -> None:
    begun = begin_from_view(rf, max_age=0, prompt="login", acr_values=["mfa"], params={"claims": "{}"})
    request = query(begun["Location"])
    assert (request["max_age"], request["prompt"], request["acr_values"], request["claims"]) == (
        "0",
        "login",
        "mfa",
        "{}",
    )


def test_redirect_to_op_params_cannot_replace_what_protects_the_login(rf: RequestFactory, op: FakeOP) -> None:
    mine = dict.fromkeys(("state", "nonce", "code_challenge", "redirect_uri", "response_mode"), "mine")
    assert "mine" not in query(begin_from_view(rf, params=mine)["Location"]).values()


def test_redirect_to_op_gives_the_error_page_while_the_op_is_away(rf: RequestFactory, op: FakeOP) -> None:
    op.overrides["metadata"] = requests.Timeout("slow")
    assert begin_from_view(rf).status_code == 503


def test_redirect_to_op_gives_the_error_page_where_the_provider_is_wrong(
    rf: RequestFactory, settings: Settings
) -> None:
    change_provider(settings, ISSUER="http://op.example")
    assert begin_from_view(rf).status_code == 503


def test_redirect_to_op_wants_a_provider_that_exists(rf: RequestFactory) -> None:
    with pytest.raises(UnknownProviderError):
        begin_from_view(rf, provider="unknown")
