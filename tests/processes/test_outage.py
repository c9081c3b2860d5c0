"""The circuit breaker and the cooldown of two processes that share a Redis, in real time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from oidc_rp.provider.breaker import FAILURES_TO_OPEN, OPEN_SECONDS
from oidc_rp.provider.documents import COOLDOWN_SECONDS
from tests.outage.op import Outage, run_op
from tests.processes.browser import TIMEOUT, Browser
from tests.processes.conftest import run_site
from tests.support.keys import sign
from tests.support.logout_tokens import TYP, build_logout_claims

Sites = tuple[str, str]


@pytest.fixture(scope="module")
def outage() -> Iterator[Outage]:
    with run_op() as outage:
        yield outage


@pytest.fixture(scope="module")
def servers(outage: Outage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
        "SITE_ENGINE": "cached_db",
        "SITE_FOLDER": str(folder),
        "SITE_ISSUER": outage.op.issuer,
    }
    with ExitStack() as stack:
        here, there = (stack.enter_context(run_site(environment, folder / name)) for name in ("here", "there"))
        yield here, there


@pytest.fixture
def sites(servers: Sites, outage: Outage, transactional_db: None) -> Sites:
    """Two processes that have the OP's documents, and a user signed in at the first."""
    outage.end()
    for site in servers:
        assert try_to_sign_in(site, outage) == ""
    return servers


def try_to_sign_in(site: str, outage: Outage) -> str:
    """How a login ends: "" in success, or the code of the error."""
    browser = Browser(headers={"Accept": "application/json"})
    answer = browser.get(f"{site}/oidc/login/")
    if answer.status_code == 302:
        answer = browser.get(f"{site}/oidc/callback/default/", outage.op.authorize(answer.headers["Location"]))
    if answer.status_code == 302:
        return ""
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
    code: str = answer.json()["error"]
    return code


def open_circuit(sites: Sites, outage: Outage) -> None:
    outage.close()
    for number in range(FAILURES_TO_OPEN):
        assert try_to_sign_in(sites[number % 2], outage) == "op_unreachable"
    assert [try_to_sign_in(site, outage) for site in sites] == ["op_circuit_open"] * 2


def test_failures_of_both_open_the_circuit_and_a_success_of_one_closes_it(sites: Sites, outage: Outage) -> None:
    opened = time.monotonic()
    open_circuit(sites, outage)
    outage.end()
    while (code := try_to_sign_in(sites[0], outage)) == "op_circuit_open":
        assert time.monotonic() - opened < OPEN_SECONDS + TIMEOUT
        threading.Event().wait(0.2)
    assert code == ""
    assert time.monotonic() - opened >= OPEN_SECONDS
    assert try_to_sign_in(sites[1], outage) == ""


def test_one_of_all_callers_tries_while_the_others_fail_at_once(sites: Sites, outage: Outage) -> None:
    open_circuit(sites, outage)
    outage.end()
    # A refusal is an answer too; the fake OP cannot keep the nonces of several logins apart.
    outage.op.overrides["token"] = (400, {}, '{"error": "invalid_grant"}')
    outage.answer_after(3)
    outage.op.calls.clear()
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        while (codes := {*pool.map(lambda site: try_to_sign_in(site, outage), sites * 4)}) == {"op_circuit_open"}:
            assert time.monotonic() - began < OPEN_SECONDS + TIMEOUT
    assert codes == {"op_error", "op_circuit_open"}
    assert outage.op.calls == ["token"]


def test_tokens_with_unknown_keys_at_both_make_one_fetch_per_cooldown(sites: Sites, outage: Outage) -> None:
    def post(number: int) -> int:
        token = sign(claims, header={"typ": TYP, "kid": f"no-such-key-{number}"})
        url = f"{sites[number % 2]}/oidc/backchannel-logout/default/"
        return requests.post(url, {"logout_token": token}, timeout=TIMEOUT).status_code

    claims = build_logout_claims(iss=outage.op.issuer)
    outage.op.calls.clear()
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(post, range(1_000))} == {400}
    assert outage.op.calls.count("jwks") <= 1 + (time.monotonic() - began) // COOLDOWN_SECONDS
