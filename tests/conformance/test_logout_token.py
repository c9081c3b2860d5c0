"""Logout tokens that end nothing: forged, replayed, for others, of another kind (Back-Channel Logout 1.0)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from oidc_rp.models import LogoutReceipt
from oidc_rp.protocol.logout_token import EVENT
from tests.logout.driver import post_logout_token, snapshot
from tests.support.keys import private_key, sign
from tests.support.logout_tokens import TYP, build_logout_claims
from tests.support.loopback import Last
from tests.support.tokens import compact, public_key_pem

from .op import HostileOP
from .rp import RP
from .test_id_token_alg import mac_with

# Makes of the right claims what is sent as the logout token.
Forge = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Forgery:
    """One logout token that must end nothing, and the code of the refusal."""

    forge: Forge
    code: str


def forgeries(code: str, **cases: Forge) -> pytest.MarkDecorator:
    """One test for each of `cases`, which are named for what the attacker does."""
    return pytest.mark.parametrize(
        "forgery", [pytest.param(Forgery(one, code), id=name) for name, one in cases.items()]
    )


def changed(typ: str | None = TYP, **claims: Any) -> Forge:
    """These claims are different, None leaves one out; a callable is asked when the attack is made."""

    def forge(right: dict[str, Any]) -> str:
        now = {name: value() if callable(value) else value for name, value in claims.items()}
        present = {name: value for name, value in {**right, **now}.items() if value is not None}
        return sign(present, header={"typ": typ or ""})

    return forge


def signed(**options: Any) -> Forge:
    """It is signed in another way."""
    return lambda right: sign(right, **{"header": {"typ": TYP}, **options})


def exactly(token: str) -> Forge:
    return lambda right: token


def seconds_from_now(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


def ends_nothing(rp: RP, forgery: Forgery) -> None:
    """400 with the reason, no call, and the session goes on."""
    rp.sign_in()
    before = snapshot()
    token = forgery.forge(build_logout_claims(iss=rp.op.issuer))
    answer: Any = post_logout_token(token)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"] == "invalid_request"
    assert answer.json()["error_description"].startswith(f"{forgery.code}: ")
    assert snapshot() == before
    assert rp.is_signed_in()
    assert not [segment for segment in token.split(".") if len(segment) > 20 and segment in rp.log.text]


@forgeries(
    "token_signature",
    signs_with_a_key_of_its_own=signed(key=private_key(name="k2")),
    leaves_the_signature_out=lambda right: compact({"alg": "RS256", "kid": "k1", "typ": TYP}, right),
)
def test_logout_token_that_the_op_did_not_sign(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)
    assert rp.op.calls == [], "the keys have been read a moment ago"


@forgeries("token_key_unknown", names_a_key_that_is_not_there=signed(name="k2"))
def test_logout_token_of_an_unknown_key(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)
    assert rp.op.calls == []


@forgeries(
    "token_alg",
    signs_nothing=lambda right: compact({"alg": "none", "typ": TYP}, right),
    macs_with_the_public_key=mac_with(public_key_pem()),
    uses_an_algorithm_that_was_not_agreed=signed(alg="RS512"),
)
def test_logout_token_with_an_algorithm_of_its_own(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_iss",
    names_another_issuer=changed(iss="https://evil.example"),
    names_none=changed(iss=None),
    names_a_list=changed(iss=["https://evil.example"]),
    adds_a_slash=lambda right: sign({**right, "iss": right["iss"] + "/"}),
)
def test_logout_token_of_another_issuer(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_aud",
    names_another_client=changed(aud="client-2"),
    names_nobody=changed(aud=None),
    adds_an_audience_that_we_do_not_trust=changed(aud=["client-1", "client-2"]),
)
def test_logout_token_for_another_client(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_iat",
    was_issued_in_the_future=changed(iat=seconds_from_now(90)),
    was_issued_long_ago=changed(iat=seconds_from_now(-700), exp=seconds_from_now(60)),
    was_issued_long_ago_and_never_expires=changed(iat=seconds_from_now(-700), exp=None),
    was_issued_never=changed(iat=None),
    was_issued_in_words=changed(iat="now"),
)
def test_logout_token_that_was_not_issued_just_now(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_exp",
    has_expired=changed(exp=seconds_from_now(-60)),
    expires_in_words=changed(exp="tomorrow"),
    expires_at_true=changed(exp=True),
)
def test_logout_token_that_has_expired(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_events",
    has_no_event=changed(events=None),
    has_another_event=changed(events={"http://schemas.openid.net/event/risc": {}}),
    has_a_list_of_events=changed(events=[EVENT]),
    has_the_event_as_text=changed(events=EVENT),
    has_text_for_the_event=changed(events={EVENT: "{}"}),
    has_null_for_the_event=changed(events={EVENT: None}),
)
def test_logout_token_without_the_event(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_nonce", could_be_an_id_token=changed(nonce="n"), has_an_empty_nonce=changed(nonce=""))
def test_logout_token_with_a_nonce(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_typ",
    is_an_access_token=changed(typ="at+jwt"),
    is_a_response=changed(typ="oauth-authz-resp+jwt"),
    is_a_proof=changed(typ="dpop+jwt"),
)
def test_token_of_another_kind(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries(
    "token_sub",
    names_neither_subject_nor_session=changed(sub=None, sid=None),
    names_an_empty_subject=changed(sub="", sid=None),
    names_all_by_a_wildcard_that_is_a_list=changed(sub=["*"], sid=None),
)
def test_logout_token_about_nobody(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_sid", names_an_empty_session=changed(sid=""), names_a_list=changed(sid=["session-1"]))
def test_logout_token_of_no_session(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_jti", has_no_name=changed(jti=None), has_a_number=changed(jti=1), has_1_kb=changed(jti="j" * 1_025))
def test_logout_token_without_a_name_of_its_own(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_crit", needs_an_unknown_extension=signed(header={"typ": TYP, "crit": ["x"], "x": 1}))
def test_logout_token_with_critical_extensions(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_encrypted", is_encrypted=exactly(f"{compact({'alg': 'dir', 'enc': 'A256GCM'}, b'')}.eA.eA"))
def test_logout_token_that_is_encrypted(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_malformed", is_one_word=exactly("token"), is_nul=exactly("\0"), is_markup=exactly("<script>"))
def test_logout_token_that_is_none(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


@forgeries("token_too_large", is_of_750_kb=exactly("a" * 750_000))
def test_logout_token_that_is_huge(rp: RP, forgery: Forgery) -> None:
    ends_nothing(rp, forgery)


def test_id_token_is_no_logout_token(rp: RP, op: HostileOP) -> None:
    ends_nothing(rp, Forgery(lambda right: op.build_id_token(), "token_events"))


def test_logout_token_is_no_id_token(rp: RP, op: HostileOP) -> None:
    op.mint = lambda claims: sign(build_logout_claims(iss=op.issuer), header={"typ": TYP})
    answer = rp.try_to_sign_in()
    rp.check_refusal(answer, "token_nonce", calls="metadata token jwks")


def test_logout_token_used_again_ends_nothing_more(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    token = sign(build_logout_claims(iss=op.issuer, sid=None), header={"typ": TYP})
    assert post_logout_token(token).status_code == 200
    assert not rp.is_signed_in()
    op.claims["iat"] = int(time.time()) + 10  # later than the logout, by the OP's own clock
    rp.sign_in()
    answer: Any = post_logout_token(token)
    assert (answer.status_code, answer.json()["error_description"].partition(":")[0]) == (400, "token_jti")
    assert rp.is_signed_in()
    assert LogoutReceipt.objects.count() == 1


def test_logout_token_of_the_other_op_ends_nothing_here(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    """It is right in all, for the attacker's own client: the same names of subject and session, the same key's name."""
    rp.sign_in()
    token = sign(build_logout_claims(iss=attacker.issuer, aud=attacker.client_id), header={"typ": TYP})
    assert post_logout_token(token, "other").status_code == 200
    assert rp.is_signed_in()
    assert post_logout_token(token, "default").status_code == 400
    assert rp.is_signed_in()


@pytest.mark.parametrize("sid", ["session-1", None], ids=["names_the_session", "names_the_subject"])
def test_logout_token_of_the_op_ends_what_it_names(rp: RP, op: HostileOP, sid: str | None) -> None:
    rp.sign_in()
    other = RP(op, rp.settings, rp.log)
    op.claims.update(sub="subject-2", sid="session-2")
    other.sign_in()
    token = sign(build_logout_claims(iss=op.issuer, sid=sid), header={"typ": TYP})
    answer = post_logout_token(token)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (rp.is_signed_in(), other.is_signed_in()) == (False, True)
    assert op.calls == []


def test_storm_of_forged_logout_tokens_is_no_storm_of_fetches(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    for number in range(100):
        right = build_logout_claims(iss=op.issuer, jti=f"jti-{number}")
        assert post_logout_token(sign(right, name=f"k{number + 2}", key=private_key())).status_code == 400
    assert op.calls.count("jwks") <= 1
    assert rp.is_signed_in()


def test_logout_token_while_the_keys_cannot_be_read_is_to_be_sent_again(rp: RP, op: HostileOP) -> None:
    """Neither accepted nor used up: the OP is told to try later, and then it counts."""
    token = sign(build_logout_claims(iss=op.issuer), header={"typ": TYP})
    op.wire["jwks"] = Last([])
    answer: Any = post_logout_token(token)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert not LogoutReceipt.objects.exists()
    op.wire.clear()
    assert post_logout_token(token).status_code == 200
