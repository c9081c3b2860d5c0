"""The authentication request and response (Core 1.0 section 3.1.2, RFC 7636, RFC 9207)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from .errors import AuthenticationResponseError, OPError
from .jose import encode_base64url

MAX_PARAMETER_LENGTH = 16_384
# What is as long as a code or a token and has no spaces; a long error code of words and underscores is none.
_SECRET_LIKE = re.compile(r"(?=\S*[0-9A-Z])[\w~+/=.-]{20,}")

# What comes back as an error when the OP could not do without the user (Core section 3.1.2.6).
# Some OPs say interaction_required for all of them.
INTERACTION_ERRORS = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)


def generate_secret() -> str:
    """A fresh `state`, `nonce` or `code_verifier`: 256 random bits, 43 characters (RFC 7636 section 4.1)."""
    return secrets.token_urlsafe(32)


def compute_code_challenge(code_verifier: str) -> str:
    """The S256 code challenge (RFC 7636 section 4.2)."""
    return encode_base64url(hashlib.sha256(code_verifier.encode()).digest())


def build_authentication_request(endpoint: str, parameters: Mapping[str, str | None]) -> str:
    """The URL to send the browser to; parameters that are None or empty are left out.

    A query that the endpoint already has is kept (RFC 6749 section 3.1).
    """
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def get_response_parameter(parameters: Mapping[str, Sequence[str]], name: str) -> str | None:
    """One parameter of the authentication response, None if absent.

    Raises AuthenticationResponseError if it is repeated (RFC 6749 section 3.1) or
    longer than 16,384 characters.
    """
    values = parameters.get(name, ())
    if len(values) > 1:
        raise AuthenticationResponseError(f"{name} is repeated", code="response_parameter_repeated")
    if not values or not values[0]:
        return None
    if len(values[0]) > MAX_PARAMETER_LENGTH:
        raise AuthenticationResponseError(f"{name} is too long", code="response_parameter_too_long")
    return values[0]


def check_state(actual: str, expected: str) -> None:
    """RFC 6749 section 10.12: `state` is that of this browser's authentication request."""
    if not hmac.compare_digest(actual.encode(), expected.encode()):
        raise AuthenticationResponseError("state is not that of the authentication request", code="state_mismatch")


def check_response_issuer(actual: str | None, issuer: str, *, required: bool) -> None:
    """RFC 9207 section 2.4: `iss` is the issuer that the request was sent to, also on error responses.

    `required` says whether the OP's metadata promises the parameter. One that came
    although it was not promised is compared all the same.
    """
    if actual is None:
        if required:
            raise AuthenticationResponseError("iss is missing although the OP promises it", code="iss_missing")
    elif actual != issuer:
        raise AuthenticationResponseError("iss is not the issuer that was asked", code="iss_mismatch")


def process_authentication_response(parameters: Mapping[str, Sequence[str]], *, issuer: str, iss_required: bool) -> str:
    """Check a response whose `state` has been matched, and return its authorization code.

    `parameters` maps each name to all its values. Raises AuthenticationResponseError,
    or OPError if the OP reports an error (Core section 3.1.2.6).
    """
    error = get_response_parameter(parameters, "error")
    actual_issuer = get_response_parameter(parameters, "iss")
    # Known OPs promise iss and then leave it off their error responses. Without it, nothing but
    # the error itself is taken from such a response; a wrong one is refused in any case.
    check_response_issuer(actual_issuer, issuer, required=iss_required and error is None)
    if error is not None:
        description = get_response_parameter(parameters, "error_description") or ""
        raise OPError(clean_text(error, 100), clean_text(description, 500), endpoint="authorization")
    code = get_response_parameter(parameters, "code")
    if code is None:
        raise AuthenticationResponseError("the response has neither code nor error", code="code_missing")
    return code


def clean_text(text: str, length: int) -> str:
    """Text of an OP made fit for logs and pages: at most `length` printable characters, and nothing like a secret.

    An OP may quote the code or the token that it refuses.
    """
    printable = "".join(character if character.isprintable() else " " for character in text[:length])
    return _SECRET_LIKE.sub("\u2026", printable)
