"""Discovery, and logins in every way that the OP offers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from .browser import Browser
from .op import OP
from .running import wait_until
from .site import Client, Site

ASSERTION_KEY_ID = "the-key-of-the-site"


@pytest.mark.feature("Discovery and `oidc_doctor`")
def test_doctor_finds_no_fault(op: OP, site: Site) -> None:
    client = site.connect(op)
    (report,) = json.loads(site.manage("oidc_doctor", client.alias, "--json", "--base-url", site.url))
    assert report["issuer"] == op.issuer
    faults = [finding for finding in report["findings"] if finding["status"] == "fault"]
    assert faults == []


@pytest.mark.feature("Login, `{method}`")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])
def test_client_authentication(op: OP, site: Site, browser: Browser, method: str) -> None:
    op.require("token_endpoint_auth_methods_supported", method, default=("client_secret_basic",))
    client = connect_with(op, site, method)
    assert client.who(browser) is None
    facts = client.sign_in(browser)
    assert (facts["iss"], browser.passwords_given) == (op.issuer, 1)


@pytest.mark.feature("ID token signed with {alg}")
@pytest.mark.parametrize(
    "alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256"]
)
def test_signing_algorithm(op: OP, site: Site, browser: Browser, alg: str) -> None:
    op.require("id_token_signing_alg_values_supported", alg)
    # No other is accepted, so a login shows that the OP took this one.
    options = {"SIGNING_ALGORITHMS": [alg]}
    site.connect(op, options=options, id_token_signed_response_alg=alg).sign_in(browser)


@pytest.mark.feature("`response_mode=form_post`")
def test_form_post(op: OP, site: Site, browser: Browser) -> None:
    op.require("response_modes_supported", "form_post", default=("query", "fragment"))
    client = site.connect(op, options={"RESPONSE_MODE": "form_post"})
    client.sign_in(browser)
    # The site refuses an authentication response by GET then, so this came by POST.


@pytest.mark.feature("Silent login (`prompt=none`)")
def test_silent_login(op: OP, site: Site, browser: Browser) -> None:
    client = site.connect(op)
    page = op.walk_through(browser, client.begin(browser, prompt="none"))
    assert page.status == 200, f"{page}\n{site.server.read_log()}"
    assert (client.who(browser), browser.passwords_given) == (None, 0)
    facts = client.sign_in(browser)
    browser.forget(site.url)
    assert client.who(browser) is None
    assert client.sign_in(browser, prompt="none")["sub"] == facts["sub"]
    assert browser.passwords_given == 1


@pytest.mark.feature("`max_age`")
def test_max_age(op: OP, site: Site, browser: Browser) -> None:
    client = site.connect(op)
    first = client.sign_in(browser, max_age="600")
    assert client.sign_in(browser, max_age="600")["auth_time"] == first["auth_time"]
    assert browser.passwords_given == 1
    wait_until(lambda: time.time() > first["auth_time"] + 2)
    again = client.sign_in(browser, max_age="1")
    assert browser.passwords_given == 2
    assert again["auth_time"] > first["auth_time"]


@pytest.mark.feature("Userinfo")
def test_userinfo(op: OP, site: Site, browser: Browser) -> None:
    op.require_member("userinfo_endpoint")
    client = site.connect(op, options={"FETCH_USERINFO": True})
    facts = client.sign_in(browser)
    account = client.account(browser)
    assert account["claims"]["sub"] == facts["sub"]
    assert (account["claims"]["email"], account["email"]) == (op.email, op.email)


def connect_with(op: OP, site: Site, method: str, **metadata: Any) -> Client:
    if method != "private_key_jwt":
        return site.connect(op, token_endpoint_auth_method=method, **metadata)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": ASSERTION_KEY_ID, "use": "sig"}
    return site.connect(
        op,
        options={"CLIENT_KEY": pem, "CLIENT_KEY_ID": ASSERTION_KEY_ID},
        token_endpoint_auth_method=method,
        token_endpoint_auth_signing_alg="ES256",
        jwks={"keys": [public]},
        **metadata,
    )
