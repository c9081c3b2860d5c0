from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from oidc_rp.provider.breaker import FAILURES_TO_OPEN, OPEN_SECONDS
from oidc_rp.provider.documents import FRESH_SECONDS, STALE_SECONDS
from oidc_rp.providers import providers
from tests.logout.driver import is_signed_in

from .conftest import Site
from .op import OUTAGES, TIMEOUT, Begin, Outage

TOKEN_SECONDS = 300
TOLERANCE_SECONDS = 300


@pytest.mark.parametrize("cold", [False, True], ids=["documents_at_hand", "documents_lost"])
@pytest.mark.parametrize(("begin", "code"), OUTAGES.values(), ids=OUTAGES)
def test_logins_fail_fast_sessions_go_on_and_nothing_is_restarted(
    site: Site, outage: Outage, begin: Begin, code: str, cold: bool
) -> None:
    user = site.sign_in()
    if cold:
        site.forget_documents()
    provider = providers["default"]
    site.exchanges.clear()

    begin(outage)
    assert [site.try_to_sign_in() for _ in range(FAILURES_TO_OPEN)] == [code] * FAILURES_TO_OPEN
    assert site.calls == ["metadata" if cold else "token"] * FAILURES_TO_OPEN
    assert {site.try_to_sign_in() for _ in range(20)} == {"op_circuit_open"}
    assert site.goes_on(user)

    site.clock.shift(OPEN_SECONDS)
    assert [site.try_to_sign_in(), site.try_to_sign_in()] == [code, "op_circuit_open"]
    assert len(site.exchanges) == FAILURES_TO_OPEN + 1
    assert site.goes_on(user)

    outage.end()
    assert site.try_to_sign_in() == "op_circuit_open"
    site.clock.shift(OPEN_SECONDS)
    assert [site.try_to_sign_in(), site.try_to_sign_in()] == ["", ""]
    assert site.goes_on(user)
    assert providers["default"] is provider


def test_op_that_is_just_fast_enough_is_no_outage(site: Site, outage: Outage) -> None:
    outage.answer_after(0.6 * TIMEOUT)
    assert [site.try_to_sign_in(), site.try_to_sign_in()] == ["", ""]
    assert site.calls == ["metadata", "token", "jwks", "token"]
    assert min(exchange.duration for exchange in site.exchanges) >= 0.6 * TIMEOUT


def test_op_that_fails_every_other_call_serves_every_other_login(site: Site, outage: Outage) -> None:
    user = site.sign_in()
    outage.flap()
    assert [site.try_to_sign_in() for _ in range(20)] == ["op_unavailable", ""] * 10
    assert site.goes_on(user)


def test_op_without_its_documents_serves_logins_for_a_day(site: Site, outage: Outage) -> None:
    user = site.sign_in()
    outage.op.overrides.update(dict.fromkeys(("metadata", "jwks"), (500, {}, "")))
    site.clock.shift(FRESH_SECONDS)
    site.exchanges.clear()
    assert [site.try_to_sign_in() for _ in range(10)] == [""] * 10
    assert site.calls == ["metadata", "token", "jwks"] + ["token"] * 9
    site.clock.shift(STALE_SECONDS - FRESH_SECONDS - 1)
    assert site.try_to_sign_in() == ""
    site.clock.shift(1)
    assert site.try_to_sign_in() == "op_unavailable"
    assert site.goes_on(user)


def test_op_that_goes_down_again_and_again(site: Site, outage: Outage) -> None:
    user = site.sign_in()
    for _ in range(5):
        outage.close()
        assert {site.try_to_sign_in() for _ in range(FAILURES_TO_OPEN)} == {"op_unreachable"}
        assert site.try_to_sign_in() == "op_circuit_open"
        outage.end()
        site.clock.shift(OPEN_SECONDS)
        assert [site.try_to_sign_in(), site.try_to_sign_in()] == ["", ""]
        assert site.goes_on(user)


@pytest.mark.parametrize(("begin", "code"), OUTAGES.values(), ids=OUTAGES)
def test_session_that_is_due_to_be_renewed_goes_on_and_comes_back(
    site: Site, outage: Outage, settings: Settings, begin: Begin, code: str
) -> None:
    settings.OIDC_RP_RENEWAL_TOLERANCE = TOLERANCE_SECONDS
    outage.op.token_answer.clear()
    user = site.sign_in()
    site.clock.shift(TOKEN_SECONDS)
    site.exchanges.clear()
    begin(outage)
    for _ in range(5):
        assert is_signed_in(user)
        site.clock.shift(TOLERANCE_SECONDS / 5)
    assert not is_signed_in(user), "nobody knows whether the OP would still confirm it"
    assert {exchange.error for exchange in site.exchanges} == {code}
    outage.end()
    site.clock.shift(OPEN_SECONDS)
    assert is_signed_in(user)


def test_sessions_that_are_due_do_not_call_an_op_that_is_down(site: Site, outage: Outage) -> None:
    outage.op.token_answer.clear()
    users = [site.sign_in() for _ in range(20)]
    site.clock.shift(TOKEN_SECONDS)
    site.exchanges.clear()
    outage.close()
    assert all(is_signed_in(user) for user in users)
    assert site.calls == ["token"] * FAILURES_TO_OPEN
