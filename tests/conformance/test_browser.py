"""Attacks through the user's browser: login CSRF, replays, changed cookies, links that lead away (RFC 9700)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.support.browser import begin, complete, pending, query

from .op import HostileOP
from .rp import RP

URLS_THAT_LEAD_AWAY = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,hello",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
]


def test_login_csrf_with_the_response_of_the_attacker(rp: RP, op: HostileOP) -> None:
    """The response is right, for the attacker's own browser: here the victim would be signed in as the attacker."""
    lure = op.authorize(begin(Client())["Location"])
    begin(rp.browser)
    answer = complete(rp.browser, lure)
    assert (answer.status_code, answer.json()["error"]) == (400, "state_unknown")
    assert op.calls == ["metadata"]
    assert not rp.is_signed_in()


def test_response_in_the_browser_of_a_thief(rp: RP, op: HostileOP) -> None:
    stolen = op.authorize(begin(rp.browser)["Location"])
    thief = Client(headers={"accept": "application/json"})
    assert complete(thief, stolen).json()["error"] == "state_unknown"
    assert complete(rp.browser, stolen).status_code == 302, "the login of the victim goes on"
    assert op.calls.count("token") == 1


def test_response_at_once_from_two_browsers_with_the_same_cookie(rp: RP, op: HostileOP) -> None:
    right = op.authorize(begin(rp.browser)["Location"])
    twin = Client(headers={"accept": "application/json"})
    twin.cookies.load({name: morsel.value for name, morsel in rp.browser.cookies.items()})
    assert complete(rp.browser, right).status_code == 302
    answer = complete(twin, right)
    assert (answer.status_code, answer.json()["error"]) == (400, "state_replayed")
    assert op.calls.count("token") == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"), id="changes_a_letter"),
        pytest.param(lambda value: value[:40], id="cuts_it"),
        pytest.param(lambda value: value + "A" * 60_000, id="makes_it_60_kb"),
        pytest.param(lambda value: "1." + "A" * 400, id="makes_one_up"),
        pytest.param(lambda value: value.partition(".")[2], id="leaves_the_age_out"),
    ],
)
def test_cookie_of_the_pending_login_that_was_changed(rp: RP, op: HostileOP, change: Callable[[str], str]) -> None:
    right = op.authorize(begin(rp.browser)["Location"])
    (name,) = pending(rp.browser)
    rp.browser.cookies[name] = change(rp.browser.cookies[name].value)
    answer = complete(rp.browser, right)
    assert (answer.status_code, answer.json()["error"]) == (400, "transaction_invalid")
    assert op.calls == ["metadata"]
    assert not rp.is_signed_in()


def test_cookie_of_one_login_under_the_name_of_another(rp: RP, op: HostileOP) -> None:
    begin(rp.browser)
    (first,) = pending(rp.browser)
    right = op.authorize(begin(rp.browser)["Location"])
    (second,) = pending(rp.browser).keys() - {first}
    rp.browser.cookies[second] = rp.browser.cookies[first].value
    answer = complete(rp.browser, right)
    assert (answer.status_code, answer.json()["error"]) == (400, "transaction_invalid")
    assert "token" not in op.calls


@pytest.mark.parametrize("cookie", ["__Host-oidc_rp.logout", "sessionid"])
def test_cookie_of_another_purpose_as_that_of_a_login(rp: RP, op: HostileOP, cookie: str) -> None:
    rp.sign_in()
    rp.sign_out()
    rp.browser.cookies["sessionid"] = rp.browser.cookies["sessionid"].value or "x" * 32
    right = op.authorize(begin(rp.browser)["Location"])
    (name,) = pending(rp.browser)
    rp.browser.cookies[name] = f"1.{rp.browser.cookies[cookie].value}"
    answer = complete(rp.browser, right)
    assert (answer.status_code, answer.json()["error"]) == (400, "transaction_invalid")


def test_cookie_of_a_login_as_that_of_a_session(rp: RP, op: HostileOP) -> None:
    begin(rp.browser)
    (name,) = pending(rp.browser)
    thief = Client()
    thief.cookies["sessionid"] = rp.browser.cookies[name].value
    assert thief.get("/oidc/session/").status_code == 401
    thief.cookies["__Host-oidc_rp.logout"] = rp.browser.cookies[name].value.partition(".")[2]
    assert thief.get("/oidc/logout/callback/", {"state": "x"})["Location"] == "/"


def test_cookies_that_two_logins_get_have_nothing_in_common(rp: RP, op: HostileOP) -> None:
    """A nonce of AES-GCM that is used twice would give the key away."""
    for _ in range(3):
        begin(rp.browser, "/private/")
    sealed = [morsel.value.partition(".")[2] for morsel in pending(rp.browser).values()]
    assert len({text[:12] for text in sealed}) == len(sealed) == 3


def test_cookie_of_a_login_is_for_this_site_alone(rp: RP, op: HostileOP) -> None:
    begun = begin(rp.browser)
    (morsel,) = begun.cookies.values()
    assert morsel.key.startswith("__Host-")
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Lax")
    assert (morsel["path"], morsel["domain"]) == ("/", "")
    asked = query(begun["Location"])
    assert not [secret for secret in (asked["state"], asked["nonce"]) if secret in morsel.value]


def test_flood_of_logins_makes_no_sessions(rp: RP) -> None:
    for _ in range(20):
        begun = begin(rp.browser)
        assert "sessionid" not in begun.cookies
    assert len(pending(rp.browser)) == 5


@pytest.mark.parametrize("next_url", URLS_THAT_LEAD_AWAY)
def test_login_does_not_end_on_another_site(rp: RP, op: HostileOP, next_url: str) -> None:
    begun = begin(rp.browser, next_url)
    assert complete(rp.browser, op.authorize(begun["Location"]))["Location"] == "/home/"


@pytest.mark.parametrize("target", URLS_THAT_LEAD_AWAY)
def test_login_that_a_stranger_begins_does_not_end_on_another_site(rp: RP, op: HostileOP, target: str) -> None:
    answer = rp.browser.get("/oidc/initiate/default/", {"iss": op.issuer, "target_link_uri": target})
    assert (answer.status_code, answer.json()["error"]) == (400, "initiate_target")
    assert op.calls == []


@pytest.mark.parametrize("iss", ["https://evil.example", "", "{issuer}/", "{ISSUER}"])
def test_login_that_a_stranger_begins_goes_to_no_other_op(rp: RP, op: HostileOP, iss: str) -> None:
    asked = iss.format(issuer=op.issuer, ISSUER=op.issuer.upper())
    answer = rp.browser.get("/oidc/initiate/default/", {"iss": asked, "target_link_uri": "/private/"})
    assert (answer.status_code, answer.json()["error"]) == (400, "initiate_iss")
    assert op.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-server": "evil.example"},
        {"forwarded": "host=evil.example;proto=https"},
        {"x-forwarded-proto": "https", "x-forwarded-port": "8443"},
        {"x-original-url": "https://evil.example/oidc/login/"},
    ],
    ids=["host", "server", "forwarded", "port", "url"],
)
def test_headers_of_the_browser_do_not_choose_where_the_code_goes(
    rp: RP, op: HostileOP, headers: dict[str, str]
) -> None:
    op.authorize(rp.browser.get("/oidc/login/", headers=headers)["Location"])
    assert op.request["redirect_uri"] == "http://testserver/oidc/callback/default/"


@pytest.mark.parametrize(
    "parameter", ["redirect_uri", "client_id", "state", "nonce", "scope", "response_type", "code_challenge", "request"]
)
def test_link_does_not_choose_what_protects_the_login(rp: RP, op: HostileOP, parameter: str) -> None:
    begun = begin(rp.browser, "/private/", **{parameter: "evil"})
    assert complete(rp.browser, op.authorize(begun["Location"]))["Location"] == "/private/"
    assert op.request.get(parameter) != "evil"


@pytest.mark.parametrize("path", ["login/", "callback/default/", "initiate/default/", "logout/"])
def test_pages_are_not_framed_kept_or_told_of(rp: RP, op: HostileOP, path: str) -> None:
    answer = rp.browser.get(f"/oidc/{path}")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]


def test_session_that_the_attacker_has_planted_is_not_signed_in(rp: RP) -> None:
    """Session fixation: the key of before the login opens nothing after it."""
    session = rp.browser.session
    session["basket"] = ["book"]
    session.save()
    planted = rp.browser.cookies["sessionid"].value
    rp.sign_in()
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert thief.get("/oidc/session/").status_code == 401


def test_tokens_are_in_no_cookie(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    kept = " ".join(morsel.value for morsel in rp.browser.cookies.values())
    assert not [token for token in (op.access_token, op.refresh_token, op.code) if token in kept]
