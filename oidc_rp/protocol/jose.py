"""Compact JWS: parsing with bounds, and at_hash (RFC 7515, Core 1.0 section 3.1.3.8).

The parsing is ours because `jwt.decode` spends most of its time checking base64 one
character at a time, and because bounds, `crit` and duplicate names must be settled
before anything else looks at the token.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from .errors import ClaimError, MalformedTokenError
from .strict_json import StrictJSONError, parse_object

MAX_TOKEN_LENGTH = 100_000
MAX_HEADER_LENGTH = 4_096

# EdDSA means Ed25519 here (keys.py takes no other curve); its hash is SHA-512 (RFC 8032 section 5.1).
_HASHES: Mapping[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(("RS256", "PS256", "ES256", "HS256"), hashlib.sha256),
    **dict.fromkeys(("RS384", "PS384", "ES384", "HS384"), hashlib.sha384),
    **dict.fromkeys(("RS512", "PS512", "ES512", "HS512", "EdDSA"), hashlib.sha512),
}

# To the standard alphabet; the characters that only the other alphabet has, and padding,
# become one that strict decoding refuses (RFC 7515 section 2: no "=", no line breaks).
_TO_STANDARD_ALPHABET = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL_ALPHABET = bytes.maketrans(b"+/", b"-_")
# By the length modulo 4; a single character over encodes nothing, so its padding is one that is refused.
_PADDING = (b"", b"===", b"==", b"=")


@dataclass(frozen=True, slots=True)
class JWSHeader:
    """The members of a JOSE header that mean something here."""

    alg: str
    kid: str | None
    typ: str | None


class JWS(NamedTuple):
    """A parsed and not yet verified compact JWS. `payload` is what the token says of itself.

    A tuple, like `IDToken`, because one is made for every token: a frozen dataclass takes
    several times as long to build.
    """

    header: JWSHeader
    payload: dict[str, Any]
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        """Without the token's text, which must not end up in a log."""
        return f"JWS(header={self.header!r})"


def parse_jws(token: str) -> JWS:
    """Take a compact JWS with a JSON object as its payload apart, without trusting any of it.

    Raises MalformedTokenError, also for tokens over 100,000 characters and for any
    `crit` (RFC 7515 section 4.1.11: extensions that are not understood must be refused,
    and we understand none).
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise MalformedTokenError("the token is longer than 100,000 characters", code="token_too_large")
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
    except UnicodeEncodeError:
        raise MalformedTokenError("the token is not ASCII") from None
    header, dot, payload = signing_input.partition(b".")
    if not dot or b"." in payload:
        if token.count(".") == 4:
            raise MalformedTokenError("the token is encrypted", code="token_encrypted")
        raise MalformedTokenError("a compact JWS has three segments")
    if len(header) > MAX_HEADER_LENGTH:
        raise MalformedTokenError("the header is longer than 4,096 characters")
    return JWS(_parse_header(header), _parse_segment(payload), signing_input, decode_base64url(signature))


def decode_base64url(segment: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2); MalformedTokenError otherwise."""
    try:
        return binascii.a2b_base64(
            segment.translate(_TO_STANDARD_ALPHABET) + _PADDING[len(segment) % 4], strict_mode=True
        )
    except binascii.Error:
        raise MalformedTokenError("a segment is not base64url") from None


def encode_base64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 section 2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL_ALPHABET, b"=").decode()


def check_access_token_hash(claims: Mapping[str, Any], access_token: str, alg: str) -> None:
    """Core 1.0 section 3.1.3.8: `at_hash`, if present, belongs to this access token.

    An `alg` whose hash is not known is refused, never skipped.
    """
    at_hash = claims.get("at_hash")
    if at_hash is None:
        return
    digest = _HASHES.get(alg)
    if digest is None or not isinstance(at_hash, str):
        raise ClaimError("at_hash", "cannot be checked")
    full: bytes = digest(access_token.encode()).digest()
    expected = encode_base64url(full[: len(full) // 2])
    if not hmac.compare_digest(expected.encode(), at_hash.encode()):
        raise ClaimError("at_hash", "does not belong to the access token")


# An OP signs thousands of tokens under the same few headers, so parsing them once is enough.
# Both sides are bounded: 256 entries of at most 4,096 characters.
@lru_cache(maxsize=256)
def _parse_header(segment: bytes) -> JWSHeader:
    header = _parse_segment(segment)
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(alg, str):
        raise MalformedTokenError("the header has no alg")
    if not isinstance(kid, str | None) or not isinstance(typ, str | None):
        raise MalformedTokenError("kid or typ is not a string")
    if "crit" in header:
        raise MalformedTokenError("the header has critical extensions", code="token_crit")
    return JWSHeader(alg=alg, kid=kid, typ=typ)


def _parse_segment(segment: bytes) -> dict[str, Any]:
    try:
        return parse_object(decode_base64url(segment))
    except StrictJSONError as error:
        raise MalformedTokenError(f"a segment is not acceptable JSON: {error}") from None
