"""One session, several processes, and an OP that takes no refresh token twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
import requests

from tests.processes.browser import TIMEOUT, Browser
from tests.processes.conftest import Farm
from tests.processes.op_server import Gate
from tests.support.logout_tokens import sign_logout_token

AT_ONCE = 50
COOKIE = "__Host-oidc_rp.refresh"
# Past the lease (95 s); the tolerance of 300 s is not over.
LATER = 150
# Past the grace time (60 s), the lifetime of an access token (300 s) and the tolerance after it.
MUCH_LATER = 700
VISIT = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCH = {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}

serial = count()


def sign_in(farm: Farm, *, lifetime: int = 0) -> Browser:
    """With an access token that lives for `lifetime` seconds; those that are to come live for 300."""
    farm.op.refreshes.lifetime = lifetime
    farm.op.op.claims.update(sid=f"session-{next(serial)}")
    set_clock(farm, 0)
    browser = Browser()
    begun = browser.get(f"{farm.url}/oidc/login/")
    assert begun.status_code == 302, begun.text
    response = farm.op.op.authorize(begun.headers["Location"])
    assert browser.get(f"{farm.url}/oidc/callback/default/", response).status_code == 302
    farm.op.refreshes.lifetime = 300
    assert get_generation(browser) == 0
    return browser


def set_clock(farm: Farm, ahead: int) -> None:
    """That of the OP."""
    now = int(time.time()) + ahead
    farm.op.op.claims.update(iat=now, exp=now + 300)


def get_generation(browser: Browser) -> int | None:
    """That of the refresh token in the browser's cookie."""
    return int(browser.cookies[COOKIE].partition(".")[0]) if COOKIE in browser.cookies else None


def get_row(farm: Farm) -> dict[str, Any]:
    row: dict[str, Any] = requests.get(f"{farm.url}/newest/", timeout=TIMEOUT).json()
    return row


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline


@contextmanager
def holding(gate: Gate) -> Iterator[None]:
    """The gate is closed until the block has ended, however it does."""
    gate.close()
    try:
        yield
    finally:
        gate.open.set()


def test_requests_at_once_make_one_token_call(farm: Farm) -> None:
    browser = sign_in(farm)
    tabs = [browser.copy() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        with holding(farm.op.token):
            answers = [pool.submit(tab.get, farm.token_url) for tab in tabs]
            farm.op.token.await_arrival()
            # All but the one that holds the lease, which has not come to its view yet.
            farm.op.await_started(AT_ONCE - 1)
        responses = [answer.result() for answer in answers]
    assert [response.status_code for response in responses] == [200] * AT_ONCE
    assert {response.json()["access_token"] for response in responses} == {farm.op.newest}
    # Those that have waited know that it is a new one.
    assert all(int(response.headers["X-Expires-At"]) > time.time() for response in responses)
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)
    assert [get_generation(tab) for tab in tabs] == [1] * AT_ONCE


def test_requests_that_may_not_go_on_without_wait_for_the_renewal(farm: Farm) -> None:
    browser = sign_in(farm)
    with farm.run_another(SITE_TOLERANCE="0") as strict, ThreadPoolExecutor(4) as pool:
        # As many as one process has threads.
        tabs = [browser.copy() for _ in range(4)]
        with holding(farm.op.token):
            answers = [pool.submit(tab.get, f"{strict}/page/") for tab in tabs]
            farm.op.token.await_arrival()
        assert all(answer.result().text != "" for answer in answers)
    assert [get_generation(tab) for tab in tabs] == [1] * 4
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)


def test_late_request_gets_the_new_cookie_within_the_grace_time(farm: Farm) -> None:
    browser = sign_in(farm)
    late = browser.copy()
    assert browser.get(farm.token_url).status_code == 200
    with ThreadPoolExecutor(AT_ONCE) as pool:
        laggards = [late.copy() for _ in range(AT_ONCE)]
        responses = list(pool.map(lambda laggard: laggard.get(farm.token_url), laggards))
    assert [response.status_code for response in responses] == [200] * AT_ONCE
    assert [get_generation(laggard) for laggard in laggards] == [1] * AT_ONCE
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)


def test_late_request_revives_nothing_after_the_grace_time(farm: Farm) -> None:
    browser = sign_in(farm)
    late = browser.copy()
    assert browser.get(farm.token_url).status_code == 200
    with farm.run_another(SITE_CLOCK=str(MUCH_LATER)) as later:
        silent = late.copy().get(f"{later}/page/", headers=VISIT)
        assert "prompt=none" in silent.headers["Location"]
        assert late.copy().get(f"{later}/page/", headers=FETCH).text == ""
        assert late.get(farm.get_token_url(later), headers=FETCH).json() == {"access_token": None}
        assert farm.op.refreshes.redeemed == 1
        # It is only the cookie that makes the difference.
        set_clock(farm, MUCH_LATER)
        renewed = browser.get(farm.get_token_url(later), headers=FETCH)
        assert renewed.json() == {"access_token": farm.op.newest}
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (2, 0)


@contextmanager
def killing(farm: Farm, browser: Browser, gate: Gate) -> Iterator[None]:
    """A request of `browser` is killed at `gate`, with the process that it was in."""
    gate.close()
    with farm.run_another() as victim, ThreadPoolExecutor(1) as pool:
        pid = requests.get(f"{victim}/pid/", timeout=TIMEOUT).json()["pid"]
        doomed = pool.submit(browser.copy().get, farm.get_token_url(victim))
        gate.await_arrival()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            doomed.result()
        yield


def test_lease_of_a_killed_process_runs_out(farm: Farm) -> None:
    browser = sign_in(farm)
    with killing(farm, browser, farm.op.refresh):
        farm.op.refresh.drop()
        # Meanwhile the session goes on.
        assert browser.get(f"{farm.url}/page/").text != ""
        assert (get_generation(browser), farm.op.refreshes.redeemed) == (0, 0)
        with farm.run_another(SITE_CLOCK=str(LATER)) as later:
            assert browser.get(farm.get_token_url(later)).json()["access_token"] == farm.op.newest
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)
    assert get_generation(browser) == 1


def test_session_whose_rotation_was_lost_with_its_process_ends_cleanly(farm: Farm) -> None:
    browser = sign_in(farm)
    with killing(farm, browser, farm.op.token):
        farm.op.token.drop()
        assert browser.get(f"{farm.url}/page/").text != ""
        with farm.run_another(SITE_CLOCK=str(LATER)) as later:
            response = browser.get(f"{later}/private/", headers=VISIT)
            assert (response.status_code, response.headers["Location"]) == (302, "/oidc/login/?next=/private/")
    assert get_row(farm)["end_reason"] == "refresh_refused"
    assert (COOKIE in browser.cookies, "sessionid" in browser.cookies) == (False, False)
    assert browser.get(f"{farm.url}/page/").text == ""


def test_logout_during_a_renewal_is_final(farm: Farm) -> None:
    browser = sign_in(farm)
    before = browser.copy()
    logout_token = sign_logout_token(iss=farm.op.op.issuer, sid=farm.op.op.claims["sid"], jti=f"jti-{next(serial)}")
    with ThreadPoolExecutor(1) as pool:
        with holding(farm.op.token):
            renewing = pool.submit(browser.get, farm.token_url)
            farm.op.token.await_arrival()
            url = f"{farm.url}/oidc/backchannel-logout/default/"
            assert requests.post(url, {"logout_token": logout_token}, timeout=TIMEOUT).status_code == 200
        assert renewing.result().json() == {"access_token": None}
    row = get_row(farm)
    assert (row["end_reason"], row["generation"], row["handover"]) == ("backchannel_logout", 0, "")
    assert browser.get(f"{farm.url}/page/").text == before.get(f"{farm.url}/page/").text == ""
    assert farm.op.refreshes.redeemed == 1
    # What the OP issued for a session that had ended is made useless there too.
    wait_until(lambda: len(farm.op.refreshes.revoked) == 2)
    assert farm.op.newest in farm.op.refreshes.revoked


def abort(farm: Farm, browser: Browser, url: str, generation: int) -> None:
    """A request that renews, and whose response never reaches the browser."""
    with holding(farm.op.token):
        connection = browser.send(url)
        farm.op.token.await_arrival()
        connection.close()
    wait_until(lambda: get_row(farm)["generation"] == generation)


@pytest.mark.parametrize("times", [1, 3], ids=["once", "three_times_in_a_row"])
def test_refresh_token_of_an_aborted_response_is_not_lost(farm: Farm, times: int) -> None:
    browser = sign_in(farm)
    farm.op.refreshes.lifetime = 0
    for generation in range(1, times):
        abort(farm, browser, f"{farm.url}/page/", generation)
    farm.op.refreshes.lifetime = 300
    abort(farm, browser, farm.token_url, times)
    assert browser.get(farm.token_url).json()["access_token"] == farm.op.newest
    assert get_generation(browser) == times
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (times, 0)


def test_session_that_a_slow_request_saves_is_renewed_again_without_the_op(farm: Farm) -> None:
    browser = sign_in(farm, lifetime=300)
    other_tab = browser.copy()
    with ThreadPoolExecutor(1) as pool, farm.run_another(SITE_CLOCK=str(MUCH_LATER)) as later:
        with holding(farm.op.slow):
            slow: Future[requests.Response] = pool.submit(other_tab.get, f"{farm.url}/slow/")
            farm.op.slow.await_arrival()
            set_clock(farm, MUCH_LATER)
            renewed = browser.get(farm.get_token_url(later)).json()
            assert renewed == {"access_token": farm.op.newest}
        assert slow.result().status_code == 200
        # With signed cookies, the browser keeps the session that came last.
        browser.cookies["sessionid"] = other_tab.cookies["sessionid"]
        assert browser.get(farm.get_token_url(later)).json()["access_token"] == farm.op.newest
        assert browser.get(f"{later}/who/").json()["note"] == "written"
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)


def test_clocks_that_differ_make_one_token_call(farm: Farm) -> None:
    browser = sign_in(farm)
    tabs = [browser.copy() for _ in range(10)]
    with farm.run_another(SITE_CLOCK="4") as ahead, ThreadPoolExecutor(len(tabs)) as pool:
        urls = [farm.token_url, farm.get_token_url(ahead)] * 5
        with holding(farm.op.token):
            answers = [pool.submit(tab.get, url) for tab, url in zip(tabs, urls, strict=True)]
            farm.op.token.await_arrival()
        assert [answer.result().status_code for answer in answers] == [200] * len(tabs)
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)


def test_rollback_of_a_request_does_not_undo_its_renewal(farm: Farm) -> None:
    if farm.kind.server == "uvicorn":
        pytest.skip("Django has no ATOMIC_REQUESTS for async views")
    browser = sign_in(farm)
    with farm.run_another(SITE_ATOMIC="yes") as site, ThreadPoolExecutor(10) as pool:
        tabs = [browser.copy() for _ in range(10)]
        assert list(pool.map(lambda tab: tab.get(f"{site}/broken/").status_code, tabs)) == [500] * 10
        assert [get_generation(tab) for tab in tabs] == [1] * 10
        assert tabs[0].get(farm.get_token_url(site)).json() == {"access_token": farm.op.newest}
    assert (farm.op.refreshes.redeemed, farm.op.refreshes.reused) == (1, 0)
