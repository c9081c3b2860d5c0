"""Sealed values: encrypted and authenticated under SECRET_KEY, each for one purpose and one owner.

AES-256-GCM with a fresh random nonce each time; the key is derived per purpose by HKDF
(RFC 5869), and purpose and owner are authenticated along with the value, so that a value
sealed for one use or one session opens for no other. Opening tries SECRET_KEY first and
then each of SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealError(Exception):
    """The value was not sealed here, for this purpose and owner, or has been changed since."""


def seal(value: bytes, purpose: str, owner: str = "") -> str:
    """Seal `value` as ASCII text that is safe in a cookie; a third longer, plus 40 characters."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(settings.SECRET_KEY, purpose).encrypt(nonce, value, _bind(purpose, owner))
    return _encode(_VERSION + nonce + sealed)


def open_sealed(text: str, purpose: str, owner: str = "") -> bytes:
    """Open what `seal` made with the same purpose and owner; SealError for anything else."""
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise SealError("not a sealed value") from None
    # Python's decoder skips foreign characters and ignores left-over bits: one value would have many spellings.
    if data[:1] != _VERSION or len(data) <= 1 + _NONCE_BYTES or _encode(data) != text:
        raise SealError("not a sealed value")
    nonce, sealed = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(secret_key, purpose).decrypt(nonce, sealed, _bind(purpose, owner))
        except InvalidTag:
            continue
    raise SealError("the seal is broken")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bind(purpose: str, owner: str) -> bytes:
    # NUL cannot be part of a purpose, so no two pairs make the same bytes.
    return f"{purpose}\0{owner}".encode()


@lru_cache(maxsize=64)
def _cipher(secret_key: str | bytes, purpose: str) -> AESGCM:
    material = secret_key.encode() if isinstance(secret_key, str) else secret_key
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=f"oidc_rp:{purpose}".encode()).derive(material))
