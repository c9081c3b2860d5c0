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
from collections.abc import Iterable
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
    return _seal(_cipher(settings.SECRET_KEY, purpose), value, _bind(purpose, owner))


def open_sealed(text: str, purpose: str, owner: str = "") -> bytes:
    """Open what `seal` made with the same purpose and owner; SealError for anything else."""
    ciphers = (_cipher(key, purpose) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))
    return _open(ciphers, text, _bind(purpose, owner))


def seal_under(secret: str, value: bytes, purpose: str, owner: str = "") -> str:
    """As `seal`, but under `secret`, which must have the entropy of a key: only who knows it can open the value."""
    return _seal(_derive(secret, purpose), value, _bind(purpose, owner))


def open_sealed_under(secret: str, text: str, purpose: str, owner: str = "") -> bytes:
    """Open what `seal_under` made with the same arguments; SealError for anything else."""
    return _open([_derive(secret, purpose)], text, _bind(purpose, owner))


def _seal(cipher: AESGCM, value: bytes, bound: bytes) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return _encode(_VERSION + nonce + cipher.encrypt(nonce, value, bound))


def _open(ciphers: Iterable[AESGCM], text: str, bound: bytes) -> bytes:
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise SealError("not a sealed value") from None
    # Python's decoder skips foreign characters and ignores left-over bits: one value would have many spellings.
    if data[:1] != _VERSION or len(data) <= 1 + _NONCE_BYTES or _encode(data) != text:
        raise SealError("not a sealed value")
    nonce, sealed = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
    for cipher in ciphers:
        try:
            return cipher.decrypt(nonce, sealed, bound)
        except InvalidTag:
            continue
    raise SealError("the seal is broken")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bind(purpose: str, owner: str) -> bytes:
    # NUL cannot be part of a purpose, so no two pairs make the same bytes.
    return f"{purpose}\0{owner}".encode()


# Of the site's own keys there are few. Other secrets are not kept in memory.
@lru_cache(maxsize=64)
def _cipher(secret_key: str | bytes, purpose: str) -> AESGCM:
    return _derive(secret_key, purpose)


def _derive(secret_key: str | bytes, purpose: str) -> AESGCM:
    material = secret_key.encode() if isinstance(secret_key, str) else secret_key
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=f"oidc_rp:{purpose}".encode()).derive(material))
