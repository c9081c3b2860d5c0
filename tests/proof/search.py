"""Looking for secrets in what was sent, stored and logged, also where they are encoded or compressed."""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

# The octets of what base64 and its URL-safe form are made of.
_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_DEPTH = 3


def find_secrets(secrets: Iterable[str], places: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Where which kind of place holds a secret; the secret itself is shown by its first characters only."""
    needles = sorted({needle for secret in secrets for needle in spell(secret)})
    found = []
    for place, texts in places.items():
        haystack = b"\n".join(sorted({form for text in texts for form in decode(text)}))
        found += [f"{place}: {needle[:6].decode()}..." for needle in needles if needle in haystack]
    return found


def spell(secret: str) -> Iterator[bytes]:
    """A token, and the signature of a JWT alone: whoever has that and the claims has the token."""
    yield secret.encode()
    if secret.count(".") == 2:
        yield secret.rpartition(".")[2].encode()


def decode(text: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """The text itself, and whatever comes out of it by decoding."""
    yield text
    if depth == 0:
        return
    unquoted = unquote_to_bytes(text)
    if unquoted != text:
        yield from decode(unquoted, depth - 1)
    for run in _ENCODED.findall(text):
        # A run may begin with a character that only happens to stand before it, such as Django's mark of a session.
        for start in range(4):
            octets = _decode_base64(run[start:])
            yield octets
            # Its first two octets say that it is compressed.
            if octets[:1] == b"\x78":
                yield from _decompress(octets, depth - 1)


def _decode_base64(run: bytes) -> bytes:
    run = run.translate(bytes.maketrans(b"+/", b"-_"))
    # One character more than a multiple of four encodes nothing.
    run = run[: len(run) - (len(run) % 4 == 1)]
    return urlsafe_b64decode(run + b"=" * (-len(run) % 4))


def _decompress(octets: bytes, depth: int) -> Iterator[bytes]:
    try:
        yield from decode(zlib.decompressobj().decompress(octets), depth)
    except (zlib.error, binascii.Error):
        return
