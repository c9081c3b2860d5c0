"""What happens at an OP while users are signed in."""

from __future__ import annotations

from functools import partial

import pytest

from oidc_rp.provider.documents import COOLDOWN_SECONDS

from .browser import Browser
from .op import OP
from .running import WAIT_SECONDS, wait_until
from .site import Client, Site


@pytest.mark.feature("New keys at the OP while users are signed in")
def test_key_rotation(op: OP, site: Site, other_site: Site, browser: Browser) -> None:
    channel = "back" if op.metadata.get("backchannel_logout_supported") else None
    here, there = site.connect(op, channel=channel), other_site.connect(op, channel=channel)
    here.sign_in(browser)
    there.sign_in(browser)
    op.rotate_keys()
    assert here.who(browser) is not None
    for client in (here, there):
        # A site that has just read the keys does not ask for others at once.
        wait_until(partial(can_sign_in, client), COOLDOWN_SECONDS + WAIT_SECONDS)
    assert browser.passwords_given == 1
    # Its ID token is older than the key, the logout token is not.
    here.sign_out(browser)
    if channel:
        there.wait_for_end(browser, "backchannel_logout")


def can_sign_in(client: Client) -> bool:
    newcomer = Browser()
    client.op.walk_through(newcomer, client.begin(newcomer))
    return client.who(newcomer) is not None


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
