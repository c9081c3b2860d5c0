from __future__ import annotations

from typing import Any

import pytest

from oidc_rp.protocol.errors import ClaimError, MalformedTokenError
from oidc_rp.protocol.jose import (
    MAX_HEADER_LENGTH,
    MAX_TOKEN_LENGTH,
    check_access_token_hash,
    decode_base64url,
    encode_base64url,
    parse_jws,
)
from tests.support.keys import sign
from tests.support.tokens import ACCESS_TOKEN, build_claims, compact, hash_half

HEADER = {"alg": "RS256", "kid": "k1"}


def test_parse_jws_takes_a_token_apart() -> None:
    token = sign(build_claims(), header={"typ": "JWT"})
    jws = parse_jws(token)
    assert (jws.header.alg, jws.header.kid, jws.header.typ) == ("RS256", "k1", "JWT")
    assert jws.payload == build_claims()
    assert jws.signing_input.decode() == token.rpartition(".")[0]
    assert encode_base64url(jws.signature) == token.rpartition(".")[2]


def test_a_parsed_token_does_not_show_its_content() -> None:
    assert repr(parse_jws(compact(HEADER, {"sub": "subject-1"}))) == (
        "JWS(header=JWSHeader(alg='RS256', kid='k1', typ=None))"
    )


def test_parse_jws_accepts_a_token_of_the_greatest_length() -> None:
    token = compact(HEADER, {"a": "x" * 74_900})
    padded = token + "A" * ((MAX_TOKEN_LENGTH - len(token)) // 4 * 4)
    assert MAX_TOKEN_LENGTH - 4 < len(padded) <= MAX_TOKEN_LENGTH
    assert parse_jws(padded).payload


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param("", "token_malformed", id="empty"),
        pytest.param("a.b", "token_malformed", id="two_segments"),
        pytest.param("a.b.c.d", "token_malformed", id="four_segments"),
        pytest.param("a.b.c.d.e", "token_encrypted", id="five_segments_of_a_jwe"),
        pytest.param("a." * 50_000, "token_malformed", id="fifty_thousand_segments"),
        pytest.param("x" * (MAX_TOKEN_LENGTH + 1), "token_too_large", id="over_long_token"),
        pytest.param(compact({**HEADER, "x": "x" * MAX_HEADER_LENGTH}, {}), "token_malformed", id="over_long_header"),
        pytest.param(compact(HEADER, {}) + "é", "token_malformed", id="not_ascii"),
        pytest.param(compact(HEADER, {}) + "==", "token_malformed", id="padding"),
        pytest.param(compact(HEADER, {}) + "ab+/", "token_malformed", id="standard_alphabet"),
        pytest.param(compact(HEADER, {}) + "abc\n", "token_malformed", id="line_break_at_the_end"),
        pytest.param(" " + compact(HEADER, {}), "token_malformed", id="space_in_front"),
        pytest.param(compact(HEADER, {}) + "ab!d", "token_malformed", id="not_base64url"),
        pytest.param(compact(HEADER, {}) + "a", "token_malformed", id="impossible_length"),
        pytest.param(compact(b"", {}), "token_malformed", id="empty_header"),
        pytest.param(compact(b"[]", {}), "token_malformed", id="header_is_a_list"),
        pytest.param(compact({}, {}), "token_malformed", id="alg_missing"),
        pytest.param(compact({"alg": None}, {}), "token_malformed", id="alg_null"),
        pytest.param(compact({"alg": ["RS256"]}, {}), "token_malformed", id="alg_list"),
        pytest.param(compact({"alg": "RS256", "kid": 1}, {}), "token_malformed", id="kid_number"),
        pytest.param(compact({"alg": "RS256", "typ": {}}, {}), "token_malformed", id="typ_object"),
        pytest.param(compact(b'{"alg": "none", "alg": "RS256"}', {}), "token_malformed", id="alg_twice"),
        pytest.param(compact({**HEADER, "crit": ["exp"]}, {}), "token_crit", id="crit"),
        pytest.param(compact({**HEADER, "crit": []}, {}), "token_crit", id="crit_empty"),
        pytest.param(compact({**HEADER, "crit": None}, {}), "token_crit", id="crit_null"),
        pytest.param(compact({**HEADER, "crit": ["b64"], "b64": False}, {}), "token_crit", id="unencoded_payload"),
        pytest.param(compact(HEADER, b""), "token_malformed", id="empty_payload"),
        pytest.param(compact(HEADER, b'"text"'), "token_malformed", id="payload_is_a_string"),
        pytest.param(compact(HEADER, b'{"sub": "a", "sub": "b"}'), "token_malformed", id="sub_twice"),
        pytest.param(compact(HEADER, b'{"exp": NaN}'), "token_malformed", id="nan"),
        pytest.param(compact(HEADER, b'{"exp": 1e999}'), "token_malformed", id="infinity_in_disguise"),
        pytest.param(compact(HEADER, b'{"sub": "\\u0000"}'), "token_malformed", id="nul"),
        pytest.param(compact(HEADER, b'{"sub": "\\ud800"}'), "token_malformed", id="lone_surrogate"),
        pytest.param(compact(HEADER, b'{"a":' * 40 + b"1" + b"}" * 40), "token_malformed", id="deep_nesting"),
        pytest.param(compact(HEADER, b'{"a": 1' + b"0" * 5_000 + b"}"), "token_malformed", id="huge_integer"),
    ],
)
def test_parse_jws_rejects(token: str, code: str) -> None:
    with pytest.raises(MalformedTokenError) as caught:
        parse_jws(token)
    assert caught.value.code == code


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xfb\xff", b"abc", bytes(range(256))])
def test_base64url_goes_there_and_back(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data).encode()) == data


@pytest.mark.parametrize(
    ("alg", "algorithm"),
    [
        *((alg, "sha256") for alg in ("RS256", "PS256", "ES256", "HS256")),
        *((alg, "sha384") for alg in ("RS384", "PS384", "ES384", "HS384")),
        *((alg, "sha512") for alg in ("RS512", "PS512", "ES512", "HS512", "EdDSA")),
    ],
)
def test_at_hash_takes_the_hash_of_alg(alg: str, algorithm: str) -> None:
    check_access_token_hash({"at_hash": hash_half(ACCESS_TOKEN, algorithm)}, ACCESS_TOKEN, alg)
    with pytest.raises(ClaimError) as caught:
        check_access_token_hash({"at_hash": hash_half("another token", algorithm)}, ACCESS_TOKEN, alg)
    assert caught.value.claim == "at_hash"


def test_at_hash_is_checked_as_the_specification_shows() -> None:
    # Core 1.0 appendix A.3
    check_access_token_hash(
        {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256"
    )


def test_at_hash_may_be_absent() -> None:
    check_access_token_hash({}, ACCESS_TOKEN, "RS256")


@pytest.mark.parametrize(
    ("at_hash", "alg"),
    [
        pytest.param(hash_half(ACCESS_TOKEN, "sha256"), "RS1", id="unknown_alg"),
        pytest.param(hash_half(ACCESS_TOKEN, "sha256"), "none", id="alg_none"),
        pytest.param(hash_half(ACCESS_TOKEN, "sha512"), "RS256", id="hash_of_another_alg"),
        pytest.param(hash_half(ACCESS_TOKEN, "sha256") + "==", "RS256", id="padding"),
        pytest.param(hash_half(ACCESS_TOKEN, "sha256")[:4], "RS256", id="prefix"),
        pytest.param("", "RS256", id="empty"),
        pytest.param("é", "RS256", id="not_ascii"),
        pytest.param(True, "RS256", id="boolean"),
        pytest.param([hash_half(ACCESS_TOKEN, "sha256")], "RS256", id="list"),
    ],
)
def test_at_hash_rejects(at_hash: Any, alg: str) -> None:
    with pytest.raises(ClaimError) as caught:
        check_access_token_hash({"at_hash": at_hash}, ACCESS_TOKEN, alg)
    assert (caught.value.code, caught.value.expected, caught.value.actual) == ("token_at_hash", None, None)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", "....."])
def test_parse_jws_says_that_there_are_not_three_segments(token: str) -> None:
    with pytest.raises(MalformedTokenError, match="a compact JWS has three segments"):
        parse_jws(token)


def test_parse_jws_counts_characters() -> None:
    """A token may have 100,000, and a header 4,096."""
    with pytest.raises(MalformedTokenError) as caught:
        parse_jws("a" * 100_001)
    assert caught.value.code == "token_too_large"
    with pytest.raises(MalformedTokenError, match="three segments"):
        parse_jws("a" * 100_000)
    header = b'{"alg": "RS256", "x": "%s"}'
    # Three octets are four characters.
    longest = header % (b"a" * (3_072 - len(header) + 2))
    assert parse_jws(compact(longest, {})).header.alg == "RS256"
    with pytest.raises(MalformedTokenError, match=r"longer than 4,096"):
        parse_jws("a" * 4_097 + ".e30.")
