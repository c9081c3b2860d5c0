"""Sealed values open for one purpose and one owner, and for nothing else."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from oidc_rp.sealing import SealError, open_sealed, open_sealed_under, seal, seal_under

VALUE = b"a value"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_seal_opens_with_the_same_purpose_and_owner(value: bytes, owner: str) -> None:
    assert open_sealed(seal(value, "purpose", owner), "purpose", owner) == value


@pytest.mark.parametrize(
    ("purpose", "owner"),
    [("other", "owner"), ("purpose", "other"), ("purpose", ""), ("purposeo", "wner"), ("", "purpose\0owner")],
)
def test_seal_opens_for_no_other_purpose_or_owner(purpose: str, owner: str) -> None:
    with pytest.raises(SealError):
        open_sealed(seal(VALUE, "purpose", "owner"), purpose, owner)


def test_seal_is_broken_by_a_change_of_any_byte() -> None:
    data = urlsafe_b64decode(seal(VALUE, "purpose") + "==")
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x01
        with pytest.raises(SealError):
            open_sealed(urlsafe_b64encode(changed).rstrip(b"=").decode(), "purpose")


def test_seal_is_broken_by_a_change_of_any_character() -> None:
    """Also of the last one, some of whose bits no byte needs."""
    for value in (b"", b"a", b"ab"):
        text = seal(value, "purpose")
        for position, character in enumerate(text):
            for other in "AB-_!=\n":
                if other != character:
                    with pytest.raises(SealError):
                        open_sealed(text[:position] + other + text[position + 1 :], "purpose")


@pytest.mark.parametrize("extra", ["=", "==", "\n", " ", "!", "AAAA"])
def test_seal_has_one_spelling(extra: str) -> None:
    text = seal(VALUE, "purpose")
    for changed in (text + extra, extra + text):
        with pytest.raises(SealError):
            open_sealed(changed, "purpose")


def test_seal_is_broken_by_truncation() -> None:
    text = seal(VALUE, "purpose")
    for length in range(len(text)):
        with pytest.raises(SealError):
            open_sealed(text[:length], "purpose")


@given(st.text(max_size=100))
def test_seal_error_is_all_that_text_of_others_can_cause(text: str) -> None:
    with pytest.raises(SealError):
        open_sealed(text, "purpose")


def test_seal_never_repeats_a_nonce() -> None:
    """A repeated nonce would give AES-GCM's authentication key away."""
    nonces = {urlsafe_b64decode(seal(VALUE, "purpose") + "==")[1:13] for _ in range(2_000)}
    assert len(nonces) == 2_000


def test_seal_hides_the_value() -> None:
    assert VALUE not in urlsafe_b64decode(seal(VALUE, "purpose") + "==")


def test_seal_opens_with_a_fallback_key(settings: Settings) -> None:
    old = settings.SECRET_KEY
    text = seal(VALUE, "purpose")
    settings.SECRET_KEY = "a new key"
    with pytest.raises(SealError, match="broken"):
        open_sealed(text, "purpose")
    settings.SECRET_KEY_FALLBACKS = ["another key", old]
    assert open_sealed(text, "purpose") == VALUE


def test_seal_is_made_with_the_key_and_not_a_fallback(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["an old key"]
    text = seal(VALUE, "purpose")
    settings.SECRET_KEY_FALLBACKS = []
    assert open_sealed(text, "purpose") == VALUE


def test_seal_takes_keys_of_bytes(settings: Settings) -> None:
    settings.SECRET_KEY = b"a key of bytes"
    text = seal(VALUE, "purpose")
    settings.SECRET_KEY = "a key of bytes"
    assert open_sealed(text, "purpose") == VALUE


def test_seal_of_an_earlier_release_opens(settings: Settings) -> None:
    """A change of the format needs a new version number: logins and sessions outlive a deployment."""
    settings.SECRET_KEY = "the key of an earlier release"
    assert open_sealed("ASBQU6Q9EOUL8GFZeoqevAERyD4IadEW0Bdd1rRKg-6WW3Xv", "purpose", "owner") == VALUE
    text = "AUBZou4CpNlTvxcBN_9EAMYEHP_CxwyUzRUiOG-_eYQDnu1b"
    assert open_sealed_under("a refresh token", text, "purpose", "owner") == VALUE


def test_seal_has_the_length_that_is_promised() -> None:
    assert len(seal(b"", "purpose")) == 39
    assert len(seal(b"a" * 300, "purpose")) == 439


def test_seal_of_another_version_is_not_taken_for_broken() -> None:
    data = bytearray(urlsafe_b64decode(seal(VALUE, "purpose") + "=="))
    data[0] = 2
    with pytest.raises(SealError, match="not a sealed value"):
        open_sealed(urlsafe_b64encode(data).rstrip(b"=").decode(), "purpose")


def test_seal_under_a_secret_opens_with_that_secret_purpose_and_owner_only() -> None:
    text = seal_under("secret", VALUE, "purpose", "owner")
    assert open_sealed_under("secret", text, "purpose", "owner") == VALUE
    for secret, purpose, owner in [
        ("other", "purpose", "owner"),
        ("secret", "other", "owner"),
        ("secret", "purpose", ""),
    ]:
        with pytest.raises(SealError, match="broken"):
            open_sealed_under(secret, text, purpose, owner)
    with pytest.raises(SealError, match="broken"):
        open_sealed(text, "purpose", "owner")


def test_seal_opens_with_the_first_of_several_fallback_keys_that_fits(settings: Settings) -> None:
    settings.SECRET_KEY = "the oldest key"
    text = seal(VALUE, "purpose", "owner")
    settings.SECRET_KEY = "the newest key"
    settings.SECRET_KEY_FALLBACKS = ["an older key", "the oldest key"]
    assert open_sealed(text, "purpose", "owner") == VALUE


def test_seal_under_a_secret_is_for_no_owner_unless_one_is_named() -> None:
    assert open_sealed_under("secret", seal_under("secret", VALUE, "purpose"), "purpose", "") == VALUE
    assert open_sealed_under("secret", seal_under("secret", VALUE, "purpose", ""), "purpose") == VALUE


def test_seal_opens_whatever_its_length_and_its_last_character() -> None:
    for length in range(60):
        assert open_sealed(seal(b"a" * length, "purpose"), "purpose") == b"a" * length
    for _ in range(1_000):
        assert open_sealed(seal(b"a", "purpose"), "purpose") == b"a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"\x01" + b"\0" * 12, "not a sealed value", id="nonce_alone"),
        pytest.param(b"\x01" + b"\0" * 13, "the seal is broken", id="one_octet_behind_the_nonce"),
    ],
)
def test_seal_has_something_behind_its_nonce(data: bytes, message: str) -> None:
    with pytest.raises(SealError, match=message):
        open_sealed(urlsafe_b64encode(data).rstrip(b"=").decode(), "purpose")


@pytest.mark.parametrize("text", ["\u00e9", "A", "AAAAA"])
def test_seal_error_says_that_it_is_no_seal(text: str) -> None:
    with pytest.raises(SealError, match="not a sealed value"):
        open_sealed(text, "purpose")
