"""acr_values, the acr claim request and the second factor."""

import json
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.urls import reverse
from django.utils import timezone
from time_machine import TimeMachineFixture

from demo_project.op.models import Account, Behaviour, OPSession
from demo_project.op.totp import LOCK_TIME, MAX_FAILURES, Outcome, check_code, code_at, current_step
from tests.demo.op_driver import (
    Browser,
    RelyingParty,
    answer,
    current_code,
    epoch,
    is_login_page,
    is_second_factor_page,
)

START = 1_900_000_000


def claims_request(*, essential: bool, **acr: object) -> str:
    return json.dumps({"id_token": {"acr": {"essential": essential, **acr}}})


MFA_IS_ESSENTIAL = claims_request(essential=True, values=["mfa"])


@pytest.fixture
def alice(demo_op: None) -> Account:
    return Account.objects.select_related("user").get(user__username="alice")


def without_second_factor(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(totp_secret="")


@pytest.mark.parametrize(
    "request_parameters",
    [
        {"acr_values": "mfa"},
        {"acr_values": "mfa pwd"},
        {"acr_values": "phr mfa"},
        {"claims": MFA_IS_ESSENTIAL},
        {"claims": claims_request(essential=False, value="mfa")},
    ],
)
def test_step_up_raises_the_same_session(
    browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture, request_parameters: dict[str, str]
) -> None:
    time_machine.move_to(START, tick=False)
    before = site_a.id_token_claims(browser.sign_in(site_a)["id_token"])
    time_machine.move_to(START + 100, tick=False)
    page = browser.authorize(site_a, **request_parameters)
    assert is_second_factor_page(page)
    after = site_a.id_token_claims(site_a.redeem(answer(browser.give_code(page))["code"])["id_token"])
    assert (after["acr"], after["amr"]) == ("mfa", ["pwd", "otp"])
    assert (after["sid"], after["auth_time"]) == (before["sid"], START + 100)


@pytest.mark.parametrize("acr_values", ["pwd", "pwd mfa", "phr", ""])
def test_step_up_is_not_asked_for_without_need(browser: Browser, site_a: RelyingParty, acr_values: str) -> None:
    browser.sign_in(site_a)
    assert "code" in answer(browser.authorize(site_a, acr_values=acr_values))


def test_step_up_of_one_session_leaves_the_other(site_a: RelyingParty) -> None:
    first, second = Browser(), Browser()
    first.sign_in(site_a)
    second.sign_in(site_a)
    first.give_code(first.authorize(site_a, acr_values="mfa"))
    assert is_second_factor_page(second.authorize(site_a, acr_values="mfa"))


def test_anonymous_user_gives_both_factors(browser: Browser, site_a: RelyingParty) -> None:
    page = browser.give_password(browser.authorize(site_a, acr_values="mfa"))
    assert is_second_factor_page(page)
    assert "code" in answer(browser.give_code(page))


def test_raised_session_serves_a_lower_acr(browser: Browser, site_a: RelyingParty) -> None:
    browser.give_code(browser.give_password(browser.authorize(site_a, acr_values="mfa")))
    tokens = site_a.redeem(answer(browser.authorize(site_a, acr_values="pwd"))["code"])
    assert site_a.id_token_claims(tokens["id_token"])["acr"] == "mfa"


def test_max_age_of_a_raised_session_asks_for_both_factors(
    browser: Browser, site_a: RelyingParty, time_machine: TimeMachineFixture
) -> None:
    time_machine.move_to(START, tick=False)
    browser.give_code(browser.give_password(browser.authorize(site_a, acr_values="mfa")))
    time_machine.move_to(START + 301, tick=False)
    page = browser.authorize(site_a, acr_values="mfa", max_age="300")
    assert is_login_page(page)
    page = browser.give_password(page)
    # The password alone makes no fresh second factor.
    assert OPSession.objects.get().acr == "pwd"
    assert is_second_factor_page(page)
    tokens = site_a.redeem(answer(browser.give_code(page))["code"])
    claims = site_a.id_token_claims(tokens["id_token"])
    assert (claims["acr"], claims["auth_time"]) == ("mfa", START + 301)


def test_prompt_login_with_mfa_asks_for_each_factor_once(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    page = browser.give_password(browser.authorize(site_a, prompt="login", max_age="0", acr_values="mfa"))
    assert "code" in answer(browser.give_code(page))


def test_essential_acr_out_of_reach_is_an_error(browser: Browser, site_a: RelyingParty, alice: Account) -> None:
    without_second_factor(alice)
    browser.sign_in(site_a)
    response = answer(browser.authorize(site_a, claims=MFA_IS_ESSENTIAL))
    assert (response["error"], response["state"]) == ("unmet_authentication_requirements", "the-state")


def test_essential_acr_that_nobody_knows_is_an_error(browser: Browser, site_a: RelyingParty) -> None:
    response = answer(browser.authorize(site_a, claims=claims_request(essential=True, value="phr")))
    assert response["error"] == "unmet_authentication_requirements"


def test_voluntary_acr_out_of_reach_gives_what_there_is(browser: Browser, site_a: RelyingParty, alice: Account) -> None:
    without_second_factor(alice)
    tokens = browser.sign_in(site_a, acr_values="mfa")
    assert site_a.id_token_claims(tokens["id_token"])["acr"] == "pwd"


@pytest.mark.parametrize(
    "claims", ["[1]", '{"id_token": 1}', '{"id_token": {"acr": "mfa"}}', '{"id_token": {"acr": {"value": 1}}}']
)
def test_claims_request_that_makes_no_sense_is_invalid(browser: Browser, site_a: RelyingParty, claims: str) -> None:
    assert answer(browser.authorize(site_a, claims=claims))["error"] == "invalid_request"


def test_claims_request_that_is_no_json_gets_a_page(browser: Browser, site_a: RelyingParty) -> None:
    response = browser.authorize(site_a, claims="[")
    assert (response.status_code, "Malformed claims" in response.content.decode()) == (HTTPStatus.BAD_REQUEST, True)


def test_claims_request_may_hold_null(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    assert "code" in answer(browser.authorize(site_a, claims='{"id_token": {"acr": null, "sub": null}}'))


def test_cancelled_second_factor_returns_with_access_denied(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    page = browser.authorize(site_a, acr_values="mfa")
    assert answer(browser.get(page.context["cancel_url"]))["error"] == "access_denied"


def test_switch_makes_the_op_ignore_step_up(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    browser.post(reverse("demo_op:behaviour"), {"ignore_step_up": "on"})
    assert Behaviour.current().ignore_step_up
    response = browser.authorize(site_a, acr_values="mfa", max_age="0", claims=MFA_IS_ESSENTIAL)
    claims = site_a.id_token_claims(site_a.redeem(answer(response)["code"])["id_token"])
    assert claims["acr"] == "pwd"
    browser.post(reverse("demo_op:behaviour"), {"ignore_step_up": "off"})
    assert is_second_factor_page(browser.authorize(site_a, acr_values="mfa"))


def test_switch_is_protected_from_forgery(demo_op: None) -> None:
    forger = Browser(enforce_csrf_checks=True)
    forger.post(reverse("demo_op:behaviour"), {"ignore_step_up": "on"})
    assert not Behaviour.current().ignore_step_up


def test_second_factor_page_needs_a_session(browser: Browser, site_a: RelyingParty) -> None:
    response = browser.post(reverse("demo_op:second-factor"), {"code": current_code("alice")})
    assert response["Location"] == reverse("demo_op:home")


class TestCode:
    @pytest.mark.parametrize("offset", [-1, 0, 1])
    def test_of_a_neighbouring_step_is_accepted(self, alice: Account, offset: int) -> None:
        assert check_code(alice, code_at(alice, current_step(alice) + offset)) is Outcome.ACCEPTED

    @pytest.mark.parametrize("offset", [-2, 2])
    def test_of_a_distant_step_is_refused(self, alice: Account, offset: int) -> None:
        assert check_code(alice, code_at(alice, current_step(alice) + offset)) is Outcome.WRONG

    def test_works_once(self, alice: Account) -> None:
        code = current_code("alice")
        assert check_code(alice, code) is Outcome.ACCEPTED
        assert check_code(alice, code) is Outcome.REPLAYED

    def test_older_than_the_last_one_is_refused(self, alice: Account) -> None:
        step = current_step(alice)
        assert check_code(alice, code_at(alice, step)) is Outcome.ACCEPTED
        assert check_code(alice, code_at(alice, step - 1)) is Outcome.REPLAYED

    def test_cannot_be_guessed_for_long(self, alice: Account, time_machine: TimeMachineFixture) -> None:
        time_machine.move_to(START, tick=False)
        wrong = code_at(alice, current_step(alice) + 100)
        outcomes = [check_code(alice, wrong) for _ in range(MAX_FAILURES)]
        assert outcomes == [Outcome.WRONG] * (MAX_FAILURES - 1) + [Outcome.LOCKED]
        assert check_code(alice, current_code("alice")) is Outcome.LOCKED
        time_machine.move_to(timezone.now() + LOCK_TIME + timedelta(seconds=1), tick=False)
        assert check_code(alice, current_code("alice")) is Outcome.ACCEPTED

    @pytest.mark.parametrize("code", ["12345", "1234567", "abcdef", "", "\N{ARABIC-INDIC DIGIT ONE}" * 6])
    def test_of_another_form_is_refused_by_the_page(self, browser: Browser, site_a: RelyingParty, code: str) -> None:
        browser.sign_in(site_a)
        page = browser.submit(browser.authorize(site_a, acr_values="mfa"), code=code)
        assert is_second_factor_page(page)
        assert OPSession.objects.get().acr == "pwd"

    def test_that_is_wrong_is_said_to_be(self, browser: Browser, site_a: RelyingParty, alice: Account) -> None:
        browser.sign_in(site_a)
        wrong = code_at(alice, current_step(alice) + 100)
        page = browser.submit(browser.authorize(site_a, acr_values="mfa"), code=wrong)
        assert Outcome.WRONG.value in page.content.decode()

    def test_is_shown_by_the_demo_authenticator(self, browser: Browser) -> None:
        page = browser.get(reverse("demo_op:authenticator"))
        assert f'id="code-alice">{current_code("alice")}<' in page.content.decode()

    def test_begins_anew_every_thirty_seconds(self, alice: Account, time_machine: TimeMachineFixture) -> None:
        time_machine.move_to(START - START % 30 + 29, tick=False)
        before = current_step(alice)
        time_machine.move_to(epoch() + 1, tick=False)
        assert current_step(alice) == before + 1
