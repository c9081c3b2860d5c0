"""What the site's server does at the OP by itself."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP
from .running import wait_until
from .site import Site


@pytest.mark.feature("Client credentials")
def test_client_credentials(op: OP, site: Site) -> None:
    op.require("grant_types_supported", "client_credentials")
    client = site.connect(op, grant_types=["authorization_code", "client_credentials"])
    token = client.service_token(*op.service_scopes)
    said = client.introspect(token)
    assert (said["active"], said["client_id"]) == (True, client.client_id)
    # One call to the OP is enough for both processes.
    assert {client.service_token(*op.service_scopes) for _ in range(10)} == {token}


@pytest.mark.feature("Revocation at logout")
def test_revocation(op: OP, site: Site, browser: Browser) -> None:
    op.require_member("revocation_endpoint")
    client = site.connect(op)
    client.sign_in(browser)
    token = client.tokens(browser)["access_token"]
    assert client.introspect(token)["active"] is True
    client.sign_out_here(browser)
    wait_until(lambda: client.introspect(token)["active"] is False)
