"""How this client authenticates at the OP's endpoints (Core 1.0 section 9, RFC 6749 section 2.3)."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import encode

from oidc_rp.protocol.errors import ConfigurationError

from .config import ProviderConfig
from .secrets import resolve_secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 60

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to add to one request: form parameters, and a value for the Authorization header."""

    form: dict[str, str] = field(repr=False)
    authorization: str | None = field(default=None, repr=False)


def generate_credentials(
    config: ProviderConfig, now: Callable[[], float], advertised_algorithms: tuple[str, ...] | None
) -> Iterator[Credentials]:
    """The credentials to try, in turn: one, or two while a secret is being rotated.

    The next is to be tried only if the OP answers invalid_client. `now` gives Unix
    seconds; `advertised_algorithms` is the OP's
    `token_endpoint_auth_signing_alg_values_supported`.
    """
    if config.client_auth_method == "none":
        yield Credentials(form={"client_id": config.client_id})
    elif config.client_auth_method == "private_key_jwt":
        assertion = build_client_assertion(config, now(), advertised_algorithms)
        yield Credentials(
            form={
                "client_id": config.client_id,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }
        )
    else:
        for source in config.client_secret:
            secret = resolve_secret(source)
            if config.client_auth_method == "client_secret_post":
                yield Credentials(form={"client_id": config.client_id, "client_secret": secret})
            else:
                yield Credentials(form={}, authorization=build_basic(config.client_id, secret))


def fingerprint_credentials(config: ProviderConfig) -> str:
    """A digest of what this client authenticates with at present: another one, if a secret has been replaced.

    Not for logs, and to be kept under seal only: it lets a weak secret be guessed. Raises ConfigurationError.
    """
    sources = config.client_secret if config.client_key is None else (*config.client_secret, config.client_key)
    secrets_now = [resolve_secret(source) for source in sources]
    parts = [config.client_auth_method, config.client_id, config.client_key_id, *secrets_now]
    return sha256(repr(parts).encode()).hexdigest()


def build_basic(client_id: str, client_secret: str) -> str:
    """RFC 6749 section 2.3.1: both parts are form-encoded before they are joined and base64-encoded."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
    return "Basic " + b64encode(pair).decode()


def build_client_assertion(config: ProviderConfig, now: float, advertised_algorithms: tuple[str, ...] | None) -> str:
    """The assertion of private_key_jwt (RFC 7523 section 3), valid for 60 seconds and once.

    `aud` is the issuer, as a string: an assertion made out to the token endpoint's URL
    could be replayed by whoever made us take their URL for it (FAPI 2.0 section 5.3.3.1).
    """
    if config.client_key is None:
        raise ConfigurationError("CLIENT_KEY is missing", code="client_key_missing")
    key = load_client_key(resolve_secret(config.client_key))
    return encode(
        {
            "iss": config.client_id,
            "sub": config.client_id,
            "aud": config.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now),
            "exp": int(now) + ASSERTION_LIFETIME,
        },
        key,
        algorithm=choose_algorithm(key, advertised_algorithms),
        headers={"kid": config.client_key_id} if config.client_key_id else None,
    )


def load_client_key(pem: str) -> PrivateKey:
    """Load a private key in PEM; ConfigurationError if it is none of RSA, EC (P-256/384/521) or Ed25519."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        # The library's message may quote the input.
        raise ConfigurationError("CLIENT_KEY is not an unencrypted PEM private key", code="client_key") from None
    if isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVE_ALGORITHMS
    ):
        return key
    raise ConfigurationError("CLIENT_KEY is not RSA, EC (P-256, P-384, P-521) or Ed25519", code="client_key")


def choose_algorithm(key: PrivateKey, advertised: tuple[str, ...] | None) -> str:
    """The algorithm to sign with: fixed by the key, but for RSA, where PS256 is better if the OP takes it."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVE_ALGORITHMS[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return "PS256" if advertised is not None and "PS256" in advertised else "RS256"
