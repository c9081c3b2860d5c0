"""Single sign-on with two sites, and logouts that arrive for real."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP
from .site import Site


@pytest.mark.feature("RP-initiated logout")
def test_rp_initiated_logout(op: OP, site: Site, browser: Browser) -> None:
    op.require_member("end_session_endpoint")
    client = site.connect(op)
    client.sign_in(browser)
    page = client.sign_out(browser)
    # Back at the site, where that logout was to end, and signed out there and at the OP.
    assert (page.url, page.status, client.who(browser)) == (f"{site.url}/home/", 200, None)
    client.sign_in(browser)
    assert browser.passwords_given == 2


@pytest.mark.feature("Single sign-on at two sites")
def test_single_sign_on(op: OP, site: Site, other_site: Site, browser: Browser) -> None:
    here, there = site.connect(op), other_site.connect(op)
    first, second = here.sign_in(browser), there.sign_in(browser)
    assert first["sub"] == second["sub"]
    assert browser.passwords_given == 1


@pytest.mark.feature("Logout at one site ends the other's session, back channel")
def test_backchannel_logout(op: OP, site: Site, other_site: Site, browser: Browser) -> None:
    op.require_member("backchannel_logout_supported")
    logout_at_one_ends_the_other(op, site, other_site, browser, "back")


@pytest.mark.feature("Logout at one site ends the other's session, front channel")
def test_frontchannel_logout(op: OP, site: Site, other_site: Site, browser: Browser) -> None:
    op.require_member("frontchannel_logout_supported")
    logout_at_one_ends_the_other(op, site, other_site, browser, "front")


def logout_at_one_ends_the_other(op: OP, site: Site, other_site: Site, browser: Browser, channel: str) -> None:
    here, there = site.connect(op, channel=channel), other_site.connect(op, channel=channel)
    bystander = Browser()
    assert here.sign_in(browser)["sid"]
    there.sign_in(browser)
    there.sign_in(bystander)
    here.sign_out(browser)
    there.wait_for_end(browser, f"{channel}channel_logout")
    assert here.who(browser) is None
    # The same user's session at the OP in another browser has not ended.
    assert there.who(bystander) is not None
