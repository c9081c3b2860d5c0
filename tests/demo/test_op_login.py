"""The authorization endpoint and the ID tokens that come of it."""

from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from time_machine import TimeMachineFixture

from demo_project.op.models import Account, OPSession
from tests.demo.op_driver import Browser, RelyingParty, answer, epoch, is_login_page

START = 1_900_000_000


def subject_of(username: str) -> str:
    return str(Account.objects.get(user__username=username).subject)


def test_code_flow_ends_with_an_id_token_about_the_session(browser: Browser, site_a: RelyingParty) -> None:
    started = epoch()
    tokens = browser.sign_in(site_a)
    claims = site_a.id_token_claims(tokens["id_token"])
    session = OPSession.objects.get()
    assert claims["sub"] == subject_of("alice")
    assert claims["nonce"] == "the-nonce"
    assert (claims["sid"], claims["acr"], claims["amr"]) == (session.sid, "pwd", ["pwd"])
    assert started <= claims["auth_time"] <= epoch()
    assert "at_hash" in claims


def test_code_flow_answers_with_state_and_iss(browser: Browser, site_a: RelyingParty) -> None:
    response = answer(browser.give_password(browser.authorize(site_a)))
    assert response["state"] == "the-state"
    assert response["iss"] == site_a.id_token_claims(site_a.redeem(response["code"])["id_token"])["iss"]


def test_code_flow_needs_pkce(browser: Browser, site_a: RelyingParty) -> None:
    response = answer(browser.authorize(site_a, code_challenge=None))
    assert (response["error"], response["state"]) == ("invalid_request", "the-state")


def test_code_flow_refuses_plain_pkce(browser: Browser, site_a: RelyingParty) -> None:
    page = browser.authorize(site_a, code_challenge_method="plain", code_challenge="x" * 43)
    response = answer(browser.give_password(page))
    assert (response["error"], "iss" in response) == ("invalid_request", True)


def test_code_is_refused_with_another_verifier(browser: Browser, site_a: RelyingParty) -> None:
    code = answer(browser.give_password(browser.authorize(site_a)))["code"]
    response = site_a.token_request(
        grant_type="authorization_code", code=code, redirect_uri=site_a.redirect_uri, code_verifier="y" * 43
    )
    assert (response.status_code, response.json()["error"]) == (HTTPStatus.BAD_REQUEST, "invalid_grant")


def test_code_works_once(browser: Browser, site_a: RelyingParty) -> None:
    code = answer(browser.give_password(browser.authorize(site_a)))["code"]
    site_a.redeem(code)
    response = site_a.token_request(
        grant_type="authorization_code",
        code=code,
        redirect_uri=site_a.redirect_uri,
        code_verifier=site_a.verifier,
    )
    assert response.json()["error"] == "invalid_grant"


def test_second_site_gets_a_code_without_a_question(
    browser: Browser, site_a: RelyingParty, site_b: RelyingParty
) -> None:
    first = site_a.id_token_claims(browser.sign_in(site_a)["id_token"])
    tokens = site_b.redeem(answer(browser.authorize(site_b))["code"])
    second = site_b.id_token_claims(tokens["id_token"])
    assert (second["sid"], second["auth_time"]) == (first["sid"], first["auth_time"])


def test_auth_time_is_that_of_the_browser_used(
    site_a: RelyingParty, site_b: RelyingParty, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(START, tick=False)
    first = Browser()
    first.sign_in(site_a)
    time_machine.move_to(START + 500, tick=False)
    Browser().sign_in(site_a)
    tokens = site_b.redeem(answer(first.authorize(site_b))["code"])
    assert site_b.id_token_claims(tokens["id_token"])["auth_time"] == START


def test_wrong_password_gives_no_code(browser: Browser, site_a: RelyingParty) -> None:
    response = browser.submit(browser.authorize(site_a), username="alice", password="bob-demo")
    assert is_login_page(response)
    assert "do not match" in response.content.decode()
    assert not OPSession.objects.exists()


def test_inactive_user_is_refused(browser: Browser, site_a: RelyingParty) -> None:
    get_user_model().objects.filter(username="alice").update(is_active=False)
    assert is_login_page(browser.give_password(browser.authorize(site_a)))


def test_session_of_a_user_who_became_inactive_is_over(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    get_user_model().objects.filter(username="alice").update(is_active=False)
    assert is_login_page(browser.authorize(site_a))


def test_login_changes_the_session_id(browser: Browser, site_a: RelyingParty) -> None:
    page = browser.authorize(site_a)
    planted = browser.session
    planted["planted"] = True
    planted.save()
    browser.give_password(page)
    assert browser.session.session_key != planted.session_key


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_login_page_leads_nowhere_else(browser: Browser, site_a: RelyingParty, elsewhere: str) -> None:
    response = browser.post(
        reverse("demo_op:login"), {"username": "alice", "password": "alice-demo", "next": elsewhere}
    )
    assert response["Location"] == reverse("demo_op:home")


def test_login_hint_fills_the_user_name_in(browser: Browser, site_a: RelyingParty) -> None:
    assert 'value="bob"' in browser.authorize(site_a, login_hint="bob").content.decode()


def test_unregistered_redirect_uri_gets_no_redirect(browser: Browser, site_a: RelyingParty) -> None:
    response = browser.authorize(site_a, redirect_uri="https://evil.example/")
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert "Location" not in response.headers


def test_authorization_request_may_be_posted(browser: Browser, site_a: RelyingParty) -> None:
    response = browser.post(reverse("oauth2_provider:authorize"), site_a.parameters())
    assert response.status_code == HTTPStatus.SEE_OTHER
    assert is_login_page(browser.visit(response["Location"]))


def test_other_response_modes_are_refused(browser: Browser, site_a: RelyingParty) -> None:
    assert answer(browser.authorize(site_a, response_mode="fragment"))["error"] == "invalid_request"


def test_cancel_returns_with_access_denied(browser: Browser, site_a: RelyingParty) -> None:
    cancel = browser.authorize(site_a).context["cancel_url"]
    response = answer(browser.get(cancel))
    assert (response["error"], response["state"]) == ("access_denied", "the-state")


class TestPromptNone:
    def test_without_a_session_says_login_required(self, browser: Browser, site_a: RelyingParty) -> None:
        response = answer(browser.authorize(site_a, prompt="none"))
        assert response["error"] == "login_required"
        assert response["state"] == "the-state"
        assert response["iss"].endswith("/o")

    def test_with_a_session_gives_a_code(self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty) -> None:
        browser.sign_in(site_a)
        assert "code" in answer(browser.authorize(site_b, prompt="none"))

    def test_with_a_session_too_old_says_login_required(
        self, browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture
    ) -> None:
        time_machine.move_to(START, tick=False)
        browser.sign_in(site_a)
        time_machine.move_to(START + 61, tick=False)
        response = answer(browser.authorize(site_a, prompt="none", max_age="60"))
        assert response["error"] == "login_required"

    def test_for_the_second_factor_says_interaction_required(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.sign_in(site_a)
        response = answer(browser.authorize(site_a, prompt="none", acr_values="mfa"))
        assert (response["error"], response["state"]) == ("interaction_required", "the-state")

    def test_with_another_prompt_is_invalid(self, browser: Browser, site_a: RelyingParty) -> None:
        assert answer(browser.authorize(site_a, prompt="none login"))["error"] == "invalid_request"

    def test_never_redirects_to_an_unregistered_uri(self, browser: Browser, site_a: RelyingParty) -> None:
        response = browser.authorize(site_a, prompt="none", redirect_uri="https://evil.example/")
        assert response.status_code == HTTPStatus.BAD_REQUEST


class TestPromptLogin:
    def test_asks_again_once(self, browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture) -> None:
        time_machine.move_to(START, tick=False)
        before = site_a.id_token_claims(browser.sign_in(site_a)["id_token"])
        time_machine.move_to(START + 100, tick=False)
        page = browser.authorize(site_a, prompt="login")
        assert is_login_page(page)
        tokens = site_a.redeem(answer(browser.give_password(page))["code"])
        after = site_a.id_token_claims(tokens["id_token"])
        assert (after["sid"], after["auth_time"]) == (before["sid"], START + 100)

    def test_is_asked_again_by_the_same_request(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.give_password(browser.authorize(site_a, prompt="login"))
        assert is_login_page(browser.authorize(site_a, prompt="login"))

    def test_is_not_met_by_a_login_for_another_request(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.give_password(browser.authorize(site_a, prompt="login"))
        assert is_login_page(browser.authorize(site_a, prompt="login", state="another"))

    def test_lets_another_user_in_and_ends_the_session_before(self, browser: Browser, site_a: RelyingParty) -> None:
        before = site_a.id_token_claims(browser.sign_in(site_a)["id_token"])
        response = browser.give_password(browser.authorize(site_a, prompt="login"), "bob")
        after = site_a.id_token_claims(site_a.redeem(answer(response)["code"])["id_token"])
        assert after["sub"] == subject_of("bob")
        assert after["sid"] != before["sid"]
        assert OPSession.objects.get(sid=before["sid"]).ended


class TestMaxAge:
    @pytest.mark.parametrize(("age", "asks"), [(60, False), (61, True)])
    def test_asks_when_the_login_is_older(
        self, browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture, age: int, asks: bool
    ) -> None:
        time_machine.move_to(START, tick=False)
        browser.sign_in(site_a)
        time_machine.move_to(START + age, tick=False)
        assert is_login_page(browser.authorize(site_a, max_age="60")) is asks

    def test_zero_asks_once(self, browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture) -> None:
        time_machine.move_to(START, tick=False)
        browser.sign_in(site_a)
        time_machine.move_to(START + 5)
        page = browser.authorize(site_a, max_age="0")
        assert is_login_page(page)
        assert "code" in answer(browser.give_password(page))

    @pytest.mark.parametrize("max_age", ["soon", "-1", "1.5", "\N{SUPERSCRIPT TWO}"])
    def test_that_is_no_number_is_invalid(self, browser: Browser, site_a: RelyingParty, max_age: str) -> None:
        assert answer(browser.authorize(site_a, max_age=max_age))["error"] == "invalid_request"


class TestIDTokenHint:
    def test_of_the_same_user_is_fine(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        assert "code" in answer(browser.authorize(site_a, prompt="none", id_token_hint=tokens["id_token"]))

    def test_of_another_user_says_login_required(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens: dict[str, Any] = Browser().sign_in(site_a, "bob")
        browser.sign_in(site_a, "alice")
        response = answer(browser.authorize(site_a, prompt="none", id_token_hint=tokens["id_token"]))
        assert response["error"] == "login_required"

    def test_is_not_met_by_another_login(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = Browser().sign_in(site_a, "bob")
        page = browser.authorize(site_a, id_token_hint=tokens["id_token"])
        assert answer(browser.give_password(page, "alice"))["error"] == "login_required"

    def test_that_is_forged_is_invalid(self, browser: Browser, site_a: RelyingParty) -> None:
        assert answer(browser.authorize(site_a, id_token_hint="a.b.c"))["error"] == "invalid_request"
