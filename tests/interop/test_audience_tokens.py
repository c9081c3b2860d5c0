"""Access tokens of the user that one API takes and others do not."""

from __future__ import annotations

import pytest

from .browser import Browser
from .op import OP, not_offered
from .site import Client, Site

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.mark.feature("Access token for one API by token exchange (`audience`)")
def test_token_exchange(op: OP, site: Site, browser: Browser) -> None:
    op.require("grant_types_supported", TOKEN_EXCHANGE)
    client = site.connect(op, grant_types=["authorization_code", TOKEN_EXCHANGE])
    api = site.connect(op)
    target = {"audience": api.client_id, "scope": op.allow_audience(client.client_id, api.client_id)}
    sub = client.sign_in(browser)["sub"]
    # The session's own is of no use there.
    assert api.introspect(client.tokens(browser)["access_token"])["active"] is False
    token = client.token_for(browser, **target)
    said = api.introspect(token)
    assert (said["active"], said["sub"]) == (True, sub)
    assert api.client_id in said["aud"]
    # One call to the OP is enough for both processes.
    assert {client.token_for(browser, **target) for _ in range(10)} == {token}


@pytest.mark.feature("Access token for one API by its URI (`resource`)")
def test_resource_indicator(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    sub = client.sign_in(browser)["sub"]
    before = client.tokens(browser)
    token = client.token_for(browser, resource=op.resource)
    said = client.introspect(token)
    assert (said["active"], said["aud"], said["sub"]) == (True, op.resource, sub)
    # One call to the OP is enough for both processes.
    assert {client.token_for(browser, resource=op.resource) for _ in range(10)} == {token}
    # The session has kept its access token, and can go on with the refresh token that came instead of its own.
    after = client.tokens(browser)
    assert after["access_token"] == before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert client.renew(browser, after["access_token"]) == 200


@pytest.mark.feature("A `resource` that is refused costs the session nothing")
def test_refused_resource(op: OP, site: Site, browser: Browser) -> None:
    client = connect(op, site)
    client.sign_in(browser)
    page = browser.get(f"{site.url}/token-for/", resource="https://unknown.example/")
    assert page.status == 502, str(page)
    assert client.renew(browser, client.tokens(browser)["access_token"]) == 200, client.ends()


def connect(op: OP, site: Site) -> Client:
    """With logins for one API: a refresh token buys access tokens for the APIs that its login was for."""
    if not op.resource:
        not_offered("no resource indicators")
    options = {"AUTHENTICATION_PARAMS": {"resource": op.resource}}
    return site.connect(op, options=options, grant_types=["authorization_code", "refresh_token"])
