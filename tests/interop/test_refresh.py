"""Refresh tokens that the OP rotates, and what it does when one comes twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest
import requests

from .browser import TIMEOUT, Browser
from .op import OP
from .site import Client, Site

AT_ONCE = 10
ROUNDS = 3


@pytest.mark.feature("Refresh with rotation")
def test_refresh(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    client.sign_in(browser)
    seen = [client.tokens(browser)]
    for _ in range(3):
        assert client.renew(browser, seen[-1]["access_token"]) == 200
        seen.append(client.tokens(browser))
    for kind in ("access_token", "refresh_token"):
        assert len({tokens[kind] for tokens in seen}) == len(seen)


@pytest.mark.feature("Refresh by many requests at once")
def test_concurrent_refresh(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    client.sign_in(browser)
    tabs = [browser.copy() for _ in range(AT_ONCE)]
    for _ in range(ROUNDS):
        rejected = client.tokens(tabs[0])["access_token"]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = list(pool.map(client.renew, tabs, repeat(rejected)))
        assert statuses == [200] * AT_ONCE
        # The OP was asked once, and each tab has the cookie that goes on.
        assert len({client.tokens(tab)["refresh_token"] for tab in tabs}) == 1
    assert client.ends() == [""]


@pytest.mark.feature("Reuse of a refresh token ends the session")
def test_reuse(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    client.sign_in(browser)
    stolen = client.tokens(browser)
    assert client.renew(browser, stolen["access_token"]) == 200
    renewed = client.tokens(browser)
    answer = requests.post(
        op.metadata["token_endpoint"],
        {"grant_type": "refresh_token", "refresh_token": stolen["refresh_token"]},
        auth=(client.client_id, client.secret),
        timeout=TIMEOUT,
    )
    # Not all say why.
    assert answer.status_code == 400, answer.text
    # The refresh token that was issued for the stolen one is worth nothing either, and the session ends with it.
    client.renew(browser, renewed["access_token"])
    assert client.who(browser) is None, site.server.read_log()
    assert client.ends() == ["refresh_refused"]


def connect(op: OP, site: Site) -> Client:
    op.require("grant_types_supported", "refresh_token")
    return site.connect(op, grant_types=["authorization_code", "refresh_token"])
