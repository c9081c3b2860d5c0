"""A page that only a login with a second factor opens."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP, not_offered
from .site import Site


@pytest.mark.feature("Step-up to a second factor")
def test_step_up(op: OP, site: Site, browser: Browser) -> None:
    if op.strong_acr is None:
        not_offered("no acr")
    client, url = site.connect(op), f"{site.url}/stronger/{op.strong_acr}/"
    before = client.sign_in(browser)
    assert before["acr"] != op.strong_acr
    page = browser.get(url)
    assert page.is_at(op.origin), str(page)
    page = op.walk_through(browser, page)
    assert (page.url, page.status) == (url, 200), f"{page}\n{site.server.read_log()}"
    after = client.who(browser)
    assert after is not None
    assert (after["acr"], after["sub"]) == (op.strong_acr, before["sub"])
    # The page asks once.
    assert browser.get(url).url == url
