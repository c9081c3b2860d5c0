"""What is as long as an answer may be, and made to be slow, costs no more than its length.

Times are of this process, so that a busy machine does not matter, and far above what is needed: they are
there to tell linear from quadratic, which at these lengths would take minutes.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.authentication import clean_text, process_authentication_response
from oidc_rp.protocol.errors import OIDCError
from oidc_rp.protocol.jose import MAX_TOKEN_LENGTH, encode_base64url, parse_jws
from oidc_rp.protocol.keys import parse_key_set
from oidc_rp.protocol.metadata import parse_metadata
from oidc_rp.protocol.strict_json import StrictJSONError, parse_object
from oidc_rp.protocol.tokens import process_token_response
from oidc_rp.protocol.urls import is_acceptable_url
from tests.support.keys import jwk
from tests.support.tokens import compact

# The most that provider/http.py reads of an answer.
LENGTH = 1_000_000
SECONDS = 5
# A JSON text of small members becomes about this many times as much in memory.
MEMORY_FACTOR = 100

DOCUMENTS = {
    "deep_arrays": b'{"a":' + b"[" * LENGTH,
    "deep_objects": b'{"a":' * (LENGTH // 5),
    "brackets_in_a_string": b'{"a":"' + b"[" * LENGTH + b'"}',
    "brackets_in_an_open_string": b'{"a":"' + b"[" * LENGTH,
    "quotes": b'{"a":' + b'"' * LENGTH,
    "escaped_quotes": b'{"a":"' + b'\\"' * (LENGTH // 2),
    "backslashes": b'{"a":"' + b"\\" * LENGTH + b'"}',
    "open_strings_and_brackets": b'{"a":' + b'["' * (LENGTH // 2),
    "many_members": json.dumps({str(number): 0 for number in range(LENGTH // 12)}).encode(),
    "many_empty_objects": b'{"a":[' + b"{}," * (LENGTH // 3) + b"{}]}",
    "one_name_over_and_over": b"{" + b'"a":0,' * (LENGTH // 6) + b'"a":0}',
    "digits": b'{"a":' + b"9" * LENGTH + b"}",
    "many_long_numbers": b'{"a":[' + (b"9" * 4_300 + b",") * (LENGTH // 4_301) + b"0]}",
    "exponent": b'{"a":1e' + b"9" * LENGTH + b"}",
    "digits_after_the_point": b'{"a":0.' + b"9" * LENGTH + b"}",
    "surrogates": b'{"a":"' + b"\\ud83d\\ude00" * (LENGTH // 12) + b'"}',
    "white_space": b" " * LENGTH + b"{}",
    "no_utf8": b'{"a":"' + b"\xff" * LENGTH + b'"}',
}
TEXTS = {
    "letters": "a" * LENGTH,
    "dots": "." * LENGTH,
    "letters_and_dots": "a." * (LENGTH // 2),
    "slashes": "/" * LENGTH,
    "spaces": " " * LENGTH,
    "upper_and_blank": "A " * (LENGTH // 2),
    "brackets": "[" * LENGTH,
    "colons": ":" * LENGTH,
    "ats": "@" * LENGTH,
    "no_ascii": "\u0130" * LENGTH,
}


@contextmanager
def bounded(length: int) -> Iterator[None]:
    """Fails if what is inside takes too long, or more memory than goes with `length`."""
    tracemalloc.start()
    started = time.process_time()
    try:
        yield
        assert time.process_time() - started < SECONDS
        assert tracemalloc.get_traced_memory()[1] < MEMORY_FACTOR * length
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in DOCUMENTS.items()])
def test_a_document_of_the_greatest_length_is_read_or_refused_in_time(document: bytes) -> None:
    with bounded(LENGTH), suppress(StrictJSONError):
        parse_object(document)
    with bounded(LENGTH), suppress(OIDCError):
        process_token_response(Answer("token", 400, "", document))


@pytest.mark.parametrize("document", [pytest.param(document, id=name) for name, document in DOCUMENTS.items()])
def test_a_token_of_the_greatest_length_is_refused_in_time(document: bytes) -> None:
    payload = document[: MAX_TOKEN_LENGTH * 3 // 4 - 100]
    with bounded(LENGTH), suppress(OIDCError):
        parse_jws(compact({"alg": "RS256"}, payload))
    with bounded(LENGTH), suppress(OIDCError):
        parse_jws(compact(document, {}))


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])
def test_a_text_of_the_greatest_length_is_read_or_refused_in_time(text: str) -> None:
    with bounded(LENGTH):
        assert is_acceptable_url(f"https://{text}") in (True, False)
        assert len(clean_text(text, 500)) <= 500
        for name in ("code", "error", "iss"):
            with pytest.raises(OIDCError):
                process_authentication_response({name: [text]}, issuer="https://op.example", iss_required=True)
        with pytest.raises(OIDCError):
            parse_jws(text)


@pytest.mark.parametrize("changes", [
    pytest.param({"n": encode_base64url(b"\xff" * (LENGTH // 2))}, id="modulus"),
    pytest.param({"e": encode_base64url(b"\xff" * (LENGTH // 2))}, id="exponent"),
    pytest.param({"n": "_" * 1_400, "e": encode_base64url(b"\xff" * 1_024)}, id="exponent_as_long_as_the_modulus"),
    pytest.param({"kid": "k" * LENGTH}, id="kid"),
    pytest.param({"key_ops": ["verify"] * (LENGTH // 10)}, id="key_ops"),
])  # fmt: skip
def test_a_key_of_the_greatest_length_is_used_or_left_out_in_time(changes: dict[str, object]) -> None:
    jws = parse_jws(compact({"alg": "RS256"}, {}, b"\x01" * 256))
    with bounded(LENGTH):
        keys = parse_key_set({"keys": [{**jwk(), **changes}]})
        with pytest.raises(OIDCError):
            keys.verify_signature(jws)


def test_metadata_of_the_greatest_length_is_read_in_time() -> None:
    metadata = {
        "issuer": "https://op.example",
        "authorization_endpoint": "https://op.example/" + "a" * (LENGTH // 2),
        "token_endpoint": "https://op.example/t",
        "jwks_uri": "https://op.example/j",
        "scopes_supported": ["scope"] * (LENGTH // 20),
    }
    with bounded(LENGTH):
        assert len(parse_metadata(metadata, "https://op.example").scopes_supported or ()) == LENGTH // 20
