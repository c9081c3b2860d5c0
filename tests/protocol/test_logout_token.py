"""The logout token: each check of Back-Channel Logout 1.0 section 2.6, with the code of its refusal."""

from __future__ import annotations

import hashlib
import hmac
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc_rp.protocol.claims import MAX_SID_LENGTH, MAX_TOKEN_AGE
from oidc_rp.protocol.errors import ClaimError, TokenError
from oidc_rp.protocol.id_token import Client
from oidc_rp.protocol.jose import JWS, encode_base64url
from oidc_rp.protocol.keys import parse_key_set
from oidc_rp.protocol.logout_token import EVENT, MAX_JTI_LENGTH, LogoutToken, validate_logout_token
from tests.support.keys import jwk, private_key, sign
from tests.support.logout_tokens import TYP, build_logout_claims, sign_any, sign_logout_token
from tests.support.strategies import some_of
from tests.support.tokens import (
    CLIENT,
    CLIENT_ID,
    ISSUER,
    NOW,
    SKEW,
    build_claims,
    compact,
    public_key_pem,
    validate,
)

verify_with_k1 = parse_key_set({"keys": [jwk()]}).verify_signature


def read(token: str, client: Client = CLIENT) -> LogoutToken:
    return validate_logout_token(token, client, verify_with_k1, now=NOW)


def read_claims(**changes: Any) -> LogoutToken:
    return read(sign_logout_token(now=NOW, **changes))


def refuse(token: str, client: Client = CLIENT) -> str:
    """The code with which a token is refused."""
    with pytest.raises(TokenError) as caught:
        read(token, client)
    return caught.value.code


def refuse_claims(**changes: Any) -> str:
    return refuse(sign_logout_token(now=NOW, **changes))


def test_logout_token_says_whose_sessions_end() -> None:
    assert read_claims() == LogoutToken(iss=ISSUER, sub="subject-1", sid="session-1", jti="jti-1", iat=NOW)


# ---- signature and algorithm


def test_signature_of_another_key_is_refused() -> None:
    claims = build_logout_claims(now=NOW)
    assert refuse(sign(claims, key=private_key(name="k2"), header={"typ": TYP})) == "token_signature"


def test_signature_of_other_claims_is_refused() -> None:
    header, _, signature = sign_logout_token(now=NOW).split(".")
    _, payload, _ = sign_logout_token(now=NOW, sid="session-2").split(".")
    assert refuse(f"{header}.{payload}.{signature}") == "token_signature"


def test_key_that_the_op_does_not_publish_is_refused() -> None:
    assert refuse(sign(build_logout_claims(now=NOW), name="k2", header={"typ": TYP})) == "token_key_unknown"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", [b"", b"x"], ids=["unsigned", "with_a_signature"])
def test_alg_none_is_refused(alg: str, signature: bytes) -> None:
    token = compact({"alg": alg, "typ": TYP}, build_logout_claims(now=NOW), signature)
    assert refuse(token) == "token_alg"


def test_public_key_is_no_shared_secret() -> None:
    header = {"alg": "HS256", "kid": "k1", "typ": TYP}
    unsigned = compact(header, build_logout_claims(now=NOW)).removesuffix(".")
    signature = encode_base64url(hmac.digest(public_key_pem(), unsigned.encode(), hashlib.sha256))
    assert refuse(f"{unsigned}.{signature}") == "token_alg"


def test_alg_that_this_client_does_not_take_is_refused() -> None:
    assert refuse(sign_logout_token(now=NOW), replace(CLIENT, algorithms=frozenset({"ES256"}))) == "token_alg"


# ---- iss and aud


@pytest.mark.parametrize(
    "issuer",
    [None, "https://evil.example", f"{ISSUER}/", "HTTPS://OP.EXAMPLE", f"{ISSUER} ", [ISSUER], {"iss": ISSUER}, 1],
)
def test_issuer_rejects(issuer: Any) -> None:
    assert refuse_claims(iss=issuer) == "token_iss"


@pytest.mark.parametrize("audience", [CLIENT_ID, [CLIENT_ID]], ids=["string", "list"])
def test_audience_accepts(audience: Any) -> None:
    assert read_claims(aud=audience).sid == "session-1"


def test_audience_accepts_one_that_is_trusted_beside_us() -> None:
    trusting = replace(CLIENT, trusted_audiences=frozenset({"sibling"}))
    assert read(sign_logout_token(now=NOW, aud=[CLIENT_ID, "sibling"]), trusting).sid == "session-1"


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(None, id="missing"),
        pytest.param("client-2", id="foreign"),
        pytest.param("client", id="prefix_of_our_client_id"),
        pytest.param(f"{CLIENT_ID} client-2", id="two_in_a_string"),
        pytest.param([], id="empty_list"),
        pytest.param(["client-2"], id="foreign_in_a_list"),
        pytest.param([CLIENT_ID, "client-2"], id="foreign_beside_us"),
        pytest.param([CLIENT_ID, 1], id="number_beside_us"),
        pytest.param({CLIENT_ID: True}, id="object"),
        pytest.param(1, id="number"),
    ],
)
def test_audience_rejects(audience: Any) -> None:
    assert refuse_claims(aud=audience) == "token_aud"


# ---- times


@pytest.mark.parametrize("issued", [NOW + SKEW, NOW - MAX_TOKEN_AGE - SKEW, float(NOW), NOW + 0.5])
def test_iat_accepts_up_to_the_boundary(issued: float) -> None:
    assert read_claims(iat=issued).iat == issued


@pytest.mark.parametrize(
    "issued",
    [
        pytest.param(NOW + SKEW + 1, id="future"),
        pytest.param(NOW - MAX_TOKEN_AGE - SKEW - 1, id="old"),
        pytest.param(None, id="missing"),
        pytest.param(0, id="epoch"),
        pytest.param(-NOW, id="negative"),
        pytest.param(NOW * 1_000, id="milliseconds"),
        pytest.param(10**400, id="huge"),
        pytest.param(str(NOW), id="string"),
        pytest.param(True, id="boolean"),
        pytest.param([NOW], id="list"),
    ],
)
def test_iat_rejects(issued: Any) -> None:
    assert refuse_claims(iat=issued) == "token_iat"


def test_iat_is_bounded_whatever_exp_promises() -> None:
    assert refuse_claims(iat=NOW - MAX_TOKEN_AGE - SKEW - 1, exp=NOW + 86_400) == "token_iat"


@pytest.mark.parametrize("expires", [NOW - SKEW + 1, NOW + 86_400])
def test_exp_accepts_until_it_has_passed(expires: float) -> None:
    assert read_claims(exp=expires).sid == "session-1"


@pytest.mark.parametrize(
    "expires",
    [
        pytest.param(NOW - SKEW, id="just_passed"),
        pytest.param(0, id="epoch"),
        pytest.param(str(NOW + 60), id="string"),
        pytest.param(True, id="boolean"),
        pytest.param(-1, id="negative"),
    ],
)
def test_exp_rejects(expires: Any) -> None:
    assert refuse_claims(exp=expires) == "token_exp"


def test_exp_may_be_missing_while_iat_is_fresh() -> None:
    assert read_claims(exp=None, iat=NOW - MAX_TOKEN_AGE - SKEW).sid == "session-1"
    assert refuse_claims(exp=None, iat=NOW - MAX_TOKEN_AGE - SKEW - 1) == "token_iat"


@pytest.mark.parametrize("expires", [NOW + 120, None], ids=["with_exp", "without_exp"])
def test_nbf_rejects_the_future(expires: int | None) -> None:
    assert read_claims(nbf=NOW + SKEW, exp=expires).sid == "session-1"
    assert refuse_claims(nbf=NOW + SKEW + 1, exp=expires) == "token_nbf"


# ---- typ


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", "jwt", "Logout+JWT", None])
def test_typ_accepts(typ: str | None) -> None:
    assert read_claims(typ=typ).sid == "session-1"


@pytest.mark.parametrize(
    "typ", ["at+jwt", "application/at+jwt", "id+jwt", "secevent+jwt", "dpop+jwt", "JOSE", "", " JWT"]
)
def test_typ_rejects(typ: str) -> None:
    header = {"alg": "RS256", "kid": "k1", "typ": typ}
    assert refuse(compact(header, build_logout_claims(now=NOW), b"signature")) == "token_typ"


# ---- events and nonce: what tells a logout token from an ID token


def test_event_may_have_members_and_company() -> None:
    events = {EVENT: {"reason": "timeout"}, "https://other.example/event": {}}
    assert read_claims(events=events).sid == "session-1"


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(None, id="missing"),
        pytest.param({}, id="empty"),
        pytest.param({"http://schemas.openid.net/event/other": {}}, id="another_event"),
        pytest.param({f"{EVENT}/": {}}, id="longer_name"),
        pytest.param({EVENT.upper(): {}}, id="other_case"),
        pytest.param({EVENT: None}, id="null"),
        pytest.param({EVENT: True}, id="true"),
        pytest.param({EVENT: []}, id="list_as_value"),
        pytest.param({EVENT: "{}"}, id="string_as_value"),
        pytest.param([EVENT], id="list"),
        pytest.param(EVENT, id="string"),
        pytest.param(1, id="number"),
    ],
)
def test_events_rejects(events: Any) -> None:
    assert refuse_claims(events=events) == "token_events"


@pytest.mark.parametrize("nonce", ["a nonce", "", 0, False])
def test_nonce_is_refused(nonce: Any) -> None:
    assert refuse_claims(nonce=nonce) == "token_nonce"


def test_null_nonce_is_refused() -> None:
    assert refuse(sign_any({**build_logout_claims(now=NOW), "nonce": None})) == "token_nonce"


@pytest.mark.parametrize("typ", ["JWT", None, TYP])
def test_id_token_is_no_logout_token(typ: str | None) -> None:
    assert refuse(sign_any(build_claims(sid="session-1", jti="jti-1"), typ)) == "token_events"


def test_logout_token_is_no_id_token() -> None:
    with pytest.raises(TokenError) as caught:
        validate(sign_logout_token(now=NOW))
    assert caught.value.code == "token_nonce"


# ---- sub, sid, jti


@pytest.mark.parametrize(("sub", "sid"), [("subject-1", None), (None, "session-1"), ("subject-1", "session-1")])
def test_sub_or_sid_is_enough(sub: str | None, sid: str | None) -> None:
    token = read_claims(sub=sub, sid=sid)
    assert (token.sub, token.sid) == (sub, sid)


def test_sub_and_sid_must_not_both_be_missing() -> None:
    assert refuse_claims(sub=None, sid=None) == "token_sub"


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["alone", "beside_sid"])
@pytest.mark.parametrize("sub", ["", 1, True, ["subject-1"], {"sub": 1}, "s" * 256])
def test_sub_rejects(sub: Any, sid: str | None) -> None:
    assert refuse_claims(sub=sub, sid=sid) == "token_sub"


@pytest.mark.parametrize("sub", [None, "subject-1"], ids=["alone", "beside_sub"])
@pytest.mark.parametrize(
    "sid",
    [
        pytest.param("", id="empty"),
        pytest.param("s" * (MAX_SID_LENGTH + 1), id="1025_characters"),
        pytest.param(1, id="number"),
        pytest.param(False, id="boolean"),
        pytest.param(["session-1"], id="list"),
        pytest.param({"sid": "session-1"}, id="object"),
    ],
)
def test_sid_rejects(sid: Any, sub: str | None) -> None:
    assert refuse_claims(sid=sid, sub=sub) == "token_sid"


@pytest.mark.parametrize(
    "sid",
    [
        pytest.param("s", id="one_character"),
        pytest.param("a/b+c==", id="base64"),
        pytest.param("0123456789abcdef" * 20, id="320_characters"),
        pytest.param("s" * MAX_SID_LENGTH, id="1024_characters"),
        pytest.param("\U0001f511" * MAX_SID_LENGTH, id="1024_characters_of_four_octets"),
        pytest.param("sitzung \u00e4\u00f6\u00fc \u05e9\u05dc\u05d5\u05dd %00 &sid=x", id="unicode_and_separators"),
        pytest.param("'; DROP TABLE oidc_rp_oidcsession; --", id="sql"),
    ],
)
def test_sid_accepts_any_characters(sid: str) -> None:
    assert read_claims(sid=sid).sid == sid


@pytest.mark.parametrize("jti", ["j", "j" * MAX_JTI_LENGTH, "\u00fc/+="])
def test_jti_accepts(jti: str) -> None:
    assert read_claims(jti=jti).jti == jti


@pytest.mark.parametrize("jti", [None, "", "j" * (MAX_JTI_LENGTH + 1), 1, ["jti-1"], {}])
def test_jti_rejects(jti: Any) -> None:
    assert refuse_claims(jti=jti) == "token_jti"


# ---- form


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], None, "exp"])
def test_crit_is_refused(crit: Any) -> None:
    header = {"alg": "RS256", "kid": "k1", "typ": TYP, "crit": crit, "b64": True}
    assert refuse(compact(header, build_logout_claims(now=NOW), b"signature")) == "token_crit"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param("", "token_malformed", id="empty"),
        pytest.param("a.b", "token_malformed", id="two_segments"),
        pytest.param("a.b.c.d", "token_malformed", id="four_segments"),
        pytest.param("a.b.c.d.e", "token_encrypted", id="encrypted"),
        pytest.param("." * 90_000, "token_malformed", id="dots"),
        pytest.param("..", "token_malformed", id="empty_segments"),
        pytest.param("\u00e4.b.c", "token_malformed", id="not_ascii"),
        pytest.param("a" * 1_000_000, "token_too_large", id="1_mb"),
        pytest.param(compact({"alg": "RS256"}, b"[]"), "token_malformed", id="payload_is_a_list"),
        pytest.param(compact({"alg": "RS256"}, b"{" * 5_000), "token_malformed", id="deep_payload"),
        pytest.param(compact({"alg": "RS256"}, b'{"iss":"a","iss":"b"}'), "token_malformed", id="repeated_claim"),
        pytest.param(compact({"alg": "RS256"}, b'{"sid":"\\ud800"}'), "token_malformed", id="lone_surrogate"),
        pytest.param(compact({"alg": "RS256"}, b'{"sid":"\\u0000"}'), "token_malformed", id="nul"),
        pytest.param(compact(b'{"alg":"RS256","alg":"none"}', {}), "token_malformed", id="repeated_alg"),
        pytest.param(compact({}, {}), "token_malformed", id="no_alg"),
        pytest.param(compact({"alg": "RS256", "typ": 1}, {}), "token_malformed", id="typ_is_a_number"),
    ],
)
def test_malformed_token_is_refused(token: str, code: str) -> None:
    assert refuse(token) == code


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.example"}, {"aud": "client-2"}, {"iat": 0}, {"exp": 0}, {"events": {}}, {"nonce": "n"},
     {"sub": None, "sid": None}, {"jti": None}],
    ids="_".join,
)  # fmt: skip
def test_what_needs_no_key_is_settled_before_one_is_asked_for(changes: dict[str, Any]) -> None:
    def fetch_keys(jws: JWS) -> None:
        pytest.fail("a key was asked for")

    with pytest.raises(TokenError):
        validate_logout_token(sign_logout_token(now=NOW, **changes), CLIENT, fetch_keys, now=NOW)


def test_event_has_the_name_of_the_specification() -> None:
    """Section 2.4."""
    assert read_claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}).jti == "jti-1"


@pytest.mark.parametrize("length", [1_024, 1_025])
def test_jti_and_sid_have_1024_characters_at_most(length: int) -> None:
    for name in ("jti", "sid"):
        if length == 1_024:
            assert getattr(read_claims(**{name: "x" * length}), name) == "x" * length
        else:
            assert refuse_claims(**{name: "x" * length}) == f"token_{name}"


def test_a_wrong_typ_is_shown_in_bounds() -> None:
    with pytest.raises(ClaimError) as caught:
        read(sign_logout_token(now=NOW, typ="x" * 101))
    assert (caught.value.expected, caught.value.actual) == ("logout+jwt", "x" * 100)


# ---- properties

CLAIM_NAMES = [*build_logout_claims(now=NOW), "nonce", "nbf"]


@given(st.text())
def test_arbitrary_text_is_no_logout_token(text: str) -> None:
    assert refuse(text).startswith("token_")


@given(some_of(CLAIM_NAMES))
def test_arbitrary_claims_are_refused_or_valid(changes: dict[str, Any]) -> None:
    claims = {**build_logout_claims(now=NOW), **changes}
    try:
        token = read(sign_any(claims))
    except TokenError:
        return
    assert token.iss == ISSUER
    assert "nonce" not in claims
    assert (token.sub, token.sid, token.jti) == (claims.get("sub"), claims.get("sid"), claims["jti"])


@given(st.randoms(use_true_random=False))
def test_changed_octet_is_refused(randomness: random.Random) -> None:
    token = sign_logout_token(now=NOW)
    # Not the last one: four of its bits belong to no octet of the signature.
    position = randomness.randrange(len(token) - 1)
    replacement = randomness.choice([character for character in "AZaz09-_.=" if character != token[position]])
    changed = token[:position] + replacement + token[position + 1 :]
    assert refuse(changed).startswith("token_")
