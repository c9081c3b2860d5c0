"""What happens at an OP while users are signed in."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP
from .site import Site


@pytest.mark.feature("New keys at the OP while users are signed in")
def test_key_rotation(op: OP, site: Site, other_site: Site, browser: Browser) -> None:
    for warmed in (site, other_site):
        # The old keys are then known for longer than the new clients, who may ask for others at once.
        warmed.connect(op).sign_in(Browser())
    channel = "back" if op.metadata.get("backchannel_logout_supported") else None
    here, there = site.connect(op, channel=channel), other_site.connect(op, channel=channel)
    here.sign_in(browser)
    there.sign_in(browser)
    op.rotate_keys()
    assert here.who(browser) is not None
    here.sign_in(Browser())
    assert browser.passwords_given == 1
    # Its ID token is older than the key, the logout token is not.
    here.sign_out(browser)
    if channel:
        there.wait_for_end(browser, "backchannel_logout")


@pytest.mark.feature("Restart of the OP while users are signed in")
def test_restart(op: OP, site: Site, browser: Browser) -> None:
    client = site.connect(op)
    client.sign_in(browser)
    op.stop()
    assert client.who(browser) is not None
    op.start()
    assert client.who(browser) is not None
    newcomer = Browser()
    client.sign_in(newcomer)
    assert newcomer.passwords_given == 1
