from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.provider.client_auth import (
    ASSERTION_LIFETIME,
    ASSERTION_TYPE,
    Credentials,
    build_basic,
    build_client_assertion,
    generate_credentials,
    load_client_key,
)
from oidc_rp.provider.config import ProviderConfig
from tests.support.keys import private_key
from tests.support.tokens import CLIENT_ID, ISSUER, NOW


def pem(key: Any, password: bytes | None = None) -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return text.decode()


def config(**changes: Any) -> ProviderConfig:
    return ProviderConfig(**{"alias": "default", "issuer": ISSUER, "client_id": CLIENT_ID, **changes})


def credentials(advertised: tuple[str, ...] | None = None, **changes: Any) -> list[Credentials]:
    return list(generate_credentials(config(**changes), lambda: NOW, advertised))


@pytest.mark.parametrize(
    ("client_id", "secret", "pair"),
    [
        pytest.param("client-1", "secret", "client-1:secret", id="plain"),
        pytest.param("client 1", "a b", "client+1:a+b", id="space"),
        pytest.param("https://rp.example", "a:b", "https%3A%2F%2Frp.example:a%3Ab", id="colon"),
        pytest.param("client", "100%&=+/?", "client:100%25%26%3D%2B%2F%3F", id="form_characters"),
        pytest.param("client", "é\u2603", "client:%C3%A9%E2%98%83", id="not_ascii"),
    ],
)
def test_basic_form_encodes_both_parts(client_id: str, secret: str, pair: str) -> None:
    scheme, _, value = build_basic(client_id, secret).partition(" ")
    assert (scheme, b64decode(value).decode()) == ("Basic", pair)


def test_client_secret_basic_sends_nothing_in_the_form() -> None:
    assert credentials(client_secret=("secret",)) == [Credentials({}, build_basic(CLIENT_ID, "secret"))]


def test_client_secret_post_sends_nothing_in_the_header() -> None:
    (only,) = credentials(client_secret=("secret",), client_auth_method="client_secret_post")
    assert only == Credentials({"client_id": CLIENT_ID, "client_secret": "secret"})


def test_a_public_client_names_itself() -> None:
    assert credentials(client_auth_method="none") == [Credentials({"client_id": CLIENT_ID})]


def test_both_secrets_of_a_rotation_are_offered_in_order() -> None:
    offered = credentials(client_secret=("new", lambda: "old"), client_auth_method="client_secret_post")
    assert [one.form["client_secret"] for one in offered] == ["new", "old"]


def test_credentials_do_not_show_themselves() -> None:
    assert repr(credentials(client_secret=("very secret",))) == "[Credentials()]"


@pytest.mark.parametrize(
    ("alg", "advertised", "chosen"),
    [
        pytest.param("RS256", None, "RS256", id="rsa"),
        pytest.param("RS256", ("RS256", "PS256"), "PS256", id="rsa_where_pss_is_taken"),
        pytest.param("RS256", ("RS256",), "RS256", id="rsa_where_pss_is_not_taken"),
        pytest.param("ES256", ("RS256",), "ES256", id="p_256"),
        pytest.param("ES384", None, "ES384", id="p_384"),
        pytest.param("ES512", None, "ES512", id="p_521"),
        pytest.param("EdDSA", None, "EdDSA", id="ed25519"),
    ],
)
def test_private_key_jwt(alg: str, advertised: tuple[str, ...] | None, chosen: str) -> None:
    (only,) = credentials(
        advertised, client_auth_method="private_key_jwt", client_key=pem(private_key(alg)), client_key_id="rp-1"
    )
    assertion = only.form.pop("client_assertion")
    assert only == Credentials({"client_id": CLIENT_ID, "client_assertion_type": ASSERTION_TYPE})
    header = jwt.get_unverified_header(assertion)
    assert (header["alg"], header["kid"]) == (chosen, "rp-1")
    claims = jwt.decode(
        assertion,
        private_key(alg).public_key(),
        [chosen],
        audience=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["iss"], claims["sub"], claims["aud"]) == (CLIENT_ID, CLIENT_ID, ISSUER)
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + ASSERTION_LIFETIME)


def test_an_assertion_is_used_once() -> None:
    with_key = config(client_key=lambda: pem(private_key("ES256")))
    first, second = (build_client_assertion(with_key, NOW, None) for _ in range(2))
    assert jti(first) != jti(second)
    assert "kid" not in jwt.get_unverified_header(first)


def test_an_assertion_needs_a_key() -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_client_assertion(config(), NOW, None)
    assert caught.value.code == "client_key_missing"


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: "very secret", id="no_pem"),
        pytest.param(lambda: pem(private_key("ES256"), b"password"), id="encrypted"),
        pytest.param(lambda: pem(private_key("ES256"))[:-60], id="truncated"),
        pytest.param(lambda: pem(ed448.Ed448PrivateKey.generate()), id="ed448"),
        pytest.param(lambda: pem(ec.generate_private_key(ec.SECP256K1())), id="secp256k1"),
        pytest.param(lambda: pem(dsa.generate_private_key(1_024)), id="dsa"),
        pytest.param(
            lambda: private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            id="public_key",
        ),
    ],
)
def test_an_unusable_client_key_is_refused(build: Callable[[], str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_client_key(build())
    assert caught.value.code == "client_key"
    assert "very secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def jti(assertion: str) -> str:
    claims: dict[str, str] = jwt.decode(assertion, options={"verify_signature": False})
    return claims["jti"]
