"""(f) Sealing and opening a token of 2 KB, against AES-GCM alone."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from oidc_rp.sealing import open_sealed, seal

from .common import Effort, Row, interleave

TOKEN = os.urandom(1_024).hex().encode()
PURPOSE, OWNER = "benchmark", "the owner of the token"


def run(effort: Effort) -> list[Row]:
    """Measure both. The floor has its key loaded, and neither encodes nor decodes."""
    if not settings.configured:
        settings.configure(SECRET_KEY="not a secret: the benchmarks' key, of a length that Django's checks accept")
    cipher, bound = AESGCM(AESGCM.generate_key(256)), f"{PURPOSE} {OWNER}".encode()
    sealed, nonce = seal(TOKEN, PURPOSE, OWNER), os.urandom(12)
    encrypted = cipher.encrypt(nonce, TOKEN, bound)
    if open_sealed(sealed, PURPOSE, OWNER) != TOKEN:
        raise AssertionError("what was sealed does not open")
    seconds = interleave(
        {
            "seal": lambda: seal(TOKEN, PURPOSE, OWNER),
            "encrypt": lambda: cipher.encrypt(os.urandom(12), TOKEN, bound),
            "open": lambda: open_sealed(sealed, PURPOSE, OWNER),
            "decrypt": lambda: cipher.decrypt(nonce, encrypted, bound),
        },
        effort.validation_rounds,
        effort.validation_calls,
    )
    return [
        Row("seal a token of 2 KB / AES-GCM alone", seconds["seal"], seconds["encrypt"], "s"),
        Row("open a sealed token of 2 KB / AES-GCM alone", seconds["open"], seconds["decrypt"], "s"),
    ]
