"""The search finds what it is to find: a search that finds nothing proves nothing."""

from __future__ import annotations

import pickle
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing

from tests.proof.search import find_secrets

TOKEN = "wfDbF4n7Q~a.secret/of+forty-three_characters"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoZS1qd3Q"

HIDINGS: dict[str, Callable[[str], bytes]] = {
    "as_it_is": lambda text: f"Bearer {text}, and so on".encode(),
    "quoted": lambda text: quote(f"token={text}", safe="").encode(),
    "base64": lambda text: b"x=" + b64encode(f"token={text}".encode()),
    "urlsafe_base64": lambda text: urlsafe_b64encode(text.encode()).rstrip(b"=") + b":signature",
    "quoted_base64": lambda text: quote(b64encode(text.encode()), safe="").encode(),
    "django_session": lambda text: SessionStore().encode({"token": text}).encode(),
    "long_django_session": lambda text: SessionStore().encode({"token": text, "padding": "x" * 5_000}).encode(),
    "signed_cookie": lambda text: signing.dumps({"token": text}, compress=True).encode(),
    "pickle": lambda text: pickle.dumps({"token": text}),
}


@pytest.mark.parametrize("hide", HIDINGS.values(), ids=HIDINGS)
@pytest.mark.parametrize("secret", [TOKEN, JWT], ids=["opaque", "jwt"])
def test_secret_is_found(secret: str, hide: Callable[[str], bytes]) -> None:
    found = find_secrets(["another-secret-of-the-same-run", secret], {"logs": [b"line", hide(secret)], "pages": [b""]})
    assert found
    assert all(line.startswith("logs: ") for line in found)
    assert not any(secret in line for line in found)


def test_signature_of_a_jwt_alone_is_found() -> None:
    assert find_secrets([JWT], {"pages": [b"c2lnbmF0dXJlLW9mLXRoZS1qd3Q"]})


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert find_secrets([TOKEN, JWT], {"pages": [hide("harmless") for hide in HIDINGS.values()]}) == []
