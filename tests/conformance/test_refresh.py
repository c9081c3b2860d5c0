"""The answer to a refresh token is for somebody else, by somebody else, or none at all (Core 1.0 section 12.2)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from oidc_rp.models import OIDCSession
from tests.support.browser import Response
from tests.support.keys import private_key, sign
from tests.support.loopback import Last
from tests.support.tokens import compact, hash_half

from .attack import Misbehaviour, answers, both, claims, header, minted, misbehaviours, sends, tokens
from .op import HostileOP
from .rp import RP

# The access token's, and how much longer a session goes on that cannot be renewed.
LIFETIME, TOLERANCE = 300, 300
COOKIE = "__Host-oidc_rp.refresh"


@pytest.fixture(autouse=True)
def signed_in(rp: RP) -> None:
    """At the OP's session-1; somebody else is there too, and is never touched."""
    other = RP(rp.op, rp.settings, rp.log)
    claims(sub="subject-2", sid="session-2")(rp.op)
    other.sign_in()
    claims(sub="subject-1", sid="session-1")(rp.op)
    rp.sign_in()


def visit(rp: RP, after: float) -> Response:
    """A page that needs a session, so many seconds after now."""
    with time_machine.travel(time.time() + after, tick=False):
        return rp.browser.get("/private/", headers={"accept": "text/html", "sec-fetch-mode": "navigate"})


def read_end(sid: str) -> str:
    """Why the session ended; empty while it is alive."""
    row = OIDCSession.objects.get(sid=sid)
    assert (row.ended_at is None) is (row.end_reason == "")
    return row.end_reason


def ends(rp: RP, misbehave: Misbehaviour, reason: str, calls: str = "token") -> None:
    """The session has ended, here and in the browser, and no other one."""
    misbehave(rp.op)
    answer = visit(rp, after=LIFETIME + 1)
    assert (answer.status_code, answer["Location"]) == (302, "/oidc/login/?next=/private/")
    assert (read_end("session-1"), read_end("session-2")) == (reason, "")
    assert not OIDCSession.objects.get(sid="session-1").sealed_tokens
    assert [rp.browser.cookies[name].value for name in (COOKIE, "sessionid")] == ["", ""]
    assert not rp.is_signed_in()
    assert rp.op.calls == calls.split()


def goes_on(rp: RP, misbehave: Misbehaviour, code: str) -> None:
    """For the tolerance, with what it had; then the request is nobody's, and the session is still there."""
    misbehave(rp.op)
    before = rp.browser.cookies[COOKIE].value
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    assert f"renewal_failed: {code}: " in rp.log.text
    assert rp.op.calls == ["token"]
    rp.op.is_strict = False  # not to end what it has rotated itself meanwhile
    assert visit(rp, after=LIFETIME + TOLERANCE + 1).status_code == 302
    assert read_end("session-1") == ""
    assert rp.browser.cookies[COOKIE].value == before
    assert not [secret for secret in rp.op.secrets if secret in rp.log.text]


@misbehaviours(
    names_another_subject=claims(sub="subject-3"),
    names_the_subject_of_the_other_session=claims(sub="subject-2"),
    names_nobody=claims(sub=None),
    names_another_issuer=claims(iss="https://evil.example"),
    names_another_client=claims(aud="client-2"),
    adds_an_audience_that_we_do_not_trust=claims(aud=["client-1", "client-2"], azp="client-1"),
    was_issued_to_another_client=claims(azp="client-2"),
    brings_the_nonce_of_another_login=claims(nonce="n-0S6_WzA2Mj"),
    has_expired=claims(exp=1_000),
    was_issued_long_ago=claims(iat=1_000),
    swaps_the_access_token=claims(at_hash=hash_half("another-access-token", "sha256")),
    signs_nothing=minted(lambda right: compact({"alg": "none"}, right)),
    uses_an_algorithm_that_was_not_agreed=minted(lambda right: sign(right, "RS384")),
    needs_an_unknown_extension=header(crit=["x"], x=1),
    is_one_word=tokens(id_token="token"),
    is_encrypted=tokens(id_token="a.b.c.d.e"),
)
def test_id_token_that_is_not_of_this_login_ends_the_session(rp: RP, misbehave: Misbehaviour) -> None:
    """The refresh token is spent, and what came for it is not to be trusted."""
    ends(rp, misbehave, "refresh_mismatch")


@misbehaviours(
    signs_with_a_key_of_its_own=minted(lambda right: sign(right, key=private_key(name="k2"))),
    names_a_key_that_is_not_there=header(kid="k9"),
)
def test_id_token_that_the_op_did_not_sign_ends_the_session(rp: RP, misbehave: Misbehaviour) -> None:
    """But for what it is worth, the keys are read again."""
    ends(rp, misbehave, "refresh_mismatch", calls="token jwks")


@misbehaviours(
    refuses_it=answers("token", '{"error": "invalid_grant"}', 400),
    refuses_it_with_a_page_of_text=answers("token", '{"error": "invalid_grant", "error_description": "<script>"}', 400),
    has_revoked_it=lambda op: setattr(op, "revoked", True),
)
def test_refresh_token_that_is_refused_ends_the_session(rp: RP, misbehave: Misbehaviour) -> None:
    ends(rp, misbehave, "refresh_refused")


@misbehaviours(
    answers_with_nothing=answers("token", ""),
    answers_with_a_list=answers("token", "[]"),
    leaves_the_access_token_out=tokens(access_token=None),
    leaves_the_type_out=tokens(token_type=None),
    sends_another_type=tokens(token_type="DPoP"),
    sends_an_access_token_with_a_line_break=tokens(access_token="a\r\nX-Injected: 1"),
    sends_a_lifetime_in_words=tokens(expires_in="soon"),
    sends_an_id_token_that_is_an_object=tokens(id_token={"sub": "subject-1"}),
)
def test_answer_that_is_no_token_response_is_waited_out(rp: RP, misbehave: Misbehaviour) -> None:
    goes_on(rp, misbehave, "op_answer_malformed")


@misbehaviours(
    does_not_know_us=answers("token", '{"error": "invalid_client"}', 401),
    does_not_allow_this=answers("token", '{"error": "unauthorized_client"}', 400),
    has_no_time=answers("token", '{"error": "temporarily_unavailable"}', 400),
)
def test_refusal_of_the_site_is_waited_out(rp: RP, misbehave: Misbehaviour) -> None:
    """It is not the user's session that is wrong."""
    goes_on(rp, misbehave, "op_error")


@misbehaviours(
    answers_500=answers("token", "oops", 500),
    answers_503=answers("token", "", 503),
    answers_429=answers("token", "", 429),
)
def test_op_that_is_out_of_order_is_waited_out(rp: RP, misbehave: Misbehaviour) -> None:
    goes_on(rp, misbehave, "op_unavailable")


def test_page_of_a_proxy_with_success_is_waited_out(rp: RP) -> None:
    goes_on(rp, answers("token", "<html>We will be back soon</html>", Content_Type="text/html"), "op_web_page")


@misbehaviours(hangs_up=sends("token", Last([])), speaks_another_protocol=sends("token", Last([b"SSH-2.0-x\r\n"])))
def test_op_that_is_dead_is_waited_out(rp: RP, misbehave: Misbehaviour) -> None:
    goes_on(rp, misbehave, "op_unreachable")


def test_op_that_is_slow_is_waited_out(rp: RP) -> None:
    rp.configure(TIMEOUT=1)
    goes_on(rp, sends("token", [b""] * 10_000), "op_timeout")


@misbehaviours(sends_2_mb=answers("token", b" " * 2_000_000), refuses_with_2_mb=answers("token", b" " * 2_000_000, 400))
def test_answer_that_is_huge_is_waited_out(rp: RP, misbehave: Misbehaviour) -> None:
    goes_on(rp, misbehave, "op_answer_too_large")


def test_refresh_token_is_not_sent_along_with_a_redirect(rp: RP, attacker: HostileOP) -> None:
    goes_on(rp, answers("token", "", 307, Location=f"{attacker.issuer}/token"), "op_redirect")
    assert attacker.calls == []


def test_answer_that_was_lost_after_the_rotation_ends_the_session_at_the_next(rp: RP) -> None:
    """The strict OP takes the second use of the old refresh token for theft."""
    rp.op.wire["token"] = Last([])
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    rp.op.wire.clear()
    assert visit(rp, after=LIFETIME + 61).status_code == 302
    assert (read_end("session-1"), read_end("session-2")) == ("refresh_refused", "")
    assert rp.op.calls == ["token", "token"]


def test_op_that_is_back_within_the_tolerance_is_not_noticed(rp: RP) -> None:
    rp.op.overrides["token"] = (503, {}, "")
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    rp.op.overrides.clear()
    assert visit(rp, after=LIFETIME + 61).status_code == 200
    assert read_end("session-1") == ""
    assert rp.op.calls == ["token", "token"]


def test_op_that_is_out_of_order_is_left_alone_for_as_long_as_it_asks(rp: RP) -> None:
    rp.op.overrides["token"] = (503, {"Retry-After": "60"}, "")
    for seconds in (1, 10, 30):
        assert visit(rp, after=LIFETIME + seconds).status_code == 200
    assert rp.op.calls == ["token"]


@pytest.mark.parametrize("rotations", [3])
def test_each_refresh_token_is_used_once(rp: RP, rotations: int) -> None:
    """The strict OP would have ended the grant otherwise."""
    for number in range(1, rotations + 1):
        assert visit(rp, after=(LIFETIME + 1) * number).status_code == 200
    assert rp.op.calls == ["token"] * rotations
    sent = [form["refresh_token"] for form in rp.op.forms if "refresh_token" in form]
    assert len(set(sent)) == rotations


def test_op_that_does_not_rotate(rp: RP) -> None:
    """Its answers have no refresh token, and the first one stays good."""
    first = rp.op.refresh_token
    rp.op.is_strict = False
    tokens(refresh_token=None)(rp.op)
    for number in (1, 2):
        assert visit(rp, after=(LIFETIME + 1) * number).status_code == 200
    assert [form["refresh_token"] for form in rp.op.forms if "refresh_token" in form] == [first, first]


def read_session(rp: RP, after: float) -> dict[str, Any]:
    with time_machine.travel(time.time() + after, tick=False):
        facts: dict[str, Any] = rp.browser.get("/oidc/session/").json()
    return facts


def test_renewal_makes_no_authentication_fresher(rp: RP) -> None:
    before = read_session(rp, after=0)["auth_time"]
    claims(auth_time=int(time.time()) + LIFETIME)(rp.op)
    after = read_session(rp, after=LIFETIME + 1)
    assert (after["auth_time"], rp.op.calls) == (before, ["token"])


def test_renewal_that_is_weaker_is_taken_at_its_word(rp: RP) -> None:
    claims(acr="none-at-all", amr=None)(rp.op)
    assert read_session(rp, after=LIFETIME + 1)["acr"] == "none-at-all"


def test_renewal_that_grants_more_is_noticed(rp: RP) -> None:
    tokens(scope="openid profile email admin")(rp.op)
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    assert "unexpected_scope: provider 'default' granted ('admin',)" in rp.log.text


def test_renewal_without_id_token_is_one(rp: RP) -> None:
    both(tokens(id_token=None, scope=None, expires_in="300"))(rp.op)
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    assert rp.op.calls == ["token"]


# ---- the refresh token's cookie


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"), id="changes_a_letter"),
        pytest.param(lambda value: value[: len(value) // 2], id="cuts_it"),
        pytest.param(lambda value: value.replace("0.1.", "7.1.", 1), id="makes_it_newer"),
        pytest.param(lambda value: value.replace("0.1.", "0.2.", 1), id="says_there_is_a_second_part"),
        pytest.param(lambda value: value.replace("0.1.", "0.0.", 1), id="says_there_is_no_part"),
        pytest.param(lambda value: value.replace("0.1.", "0.99999999.", 1), id="says_there_are_parts_by_the_million"),
        pytest.param(lambda value: value.replace("0.1.", "0.-1.", 1), id="says_there_are_parts_below_zero"),
        pytest.param(lambda value: value.replace("0.1.", "0.\u00b9.", 1), id="counts_in_other_digits"),
        pytest.param(lambda value: value + "A" * 60_000, id="makes_it_60_kb"),
        pytest.param(lambda value: "0.1." + "A" * 400, id="makes_one_up"),
        pytest.param(lambda value: "x", id="makes_it_one_letter"),
        pytest.param(lambda value: "", id="deletes_it"),
    ],
)
def test_cookie_that_was_changed(rp: RP, change: Change) -> None:
    """It renews nothing, or, where only the part in the clear was changed, just what it would have."""
    rp.browser.cookies[COOKIE] = change(rp.browser.cookies[COOKIE].value)
    own = rp.op.refresh_token
    assert visit(rp, after=LIFETIME + 1).status_code in {200, 302}
    sent = [form["refresh_token"] for form in rp.op.forms if "refresh_token" in form]
    assert sent in ([], [own])
    assert read_end("session-1") == ""


def test_cookie_of_another_session_is_not_used(rp: RP) -> None:
    """Neither of another user, nor of an earlier session of the same."""
    mine = rp.browser.cookies[COOKIE].value
    thief = RP(rp.op, rp.settings, rp.log)
    claims(sub="subject-3", sid="session-3")(rp.op)
    thief.sign_in()
    thief.browser.cookies[COOKIE] = mine
    visit(thief, after=LIFETIME + 1)
    assert rp.op.calls == []


def test_cookie_of_a_login_is_no_refresh_token(rp: RP) -> None:
    rp.browser.get("/oidc/login/", {"prompt": "login"})
    [pending] = [m.value for name, m in rp.browser.cookies.items() if name.startswith("__Host-oidc_rp.tx.") and m.value]
    rp.browser.cookies[COOKIE] = f"0.1.{pending.partition('.')[2]}"
    visit(rp, after=LIFETIME + 1)
    assert rp.op.calls == []


def test_cookie_is_for_this_site_alone(rp: RP) -> None:
    morsel = rp.browser.cookies[COOKIE]
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Lax")
    assert (morsel["path"], morsel["domain"]) == ("/", "")
    assert rp.op.refresh_token not in morsel.value


def test_refresh_token_is_in_no_database(rp: RP) -> None:
    visit(rp, after=LIFETIME + 1)
    stored = json.dumps([list(OIDCSession.objects.values()), dict(rp.browser.session.items())], default=str)
    assert rp.op.refresh_token not in stored
    assert rp.op.access_token not in stored


def test_refresh_token_is_for_the_op_that_issued_it(rp: RP, attacker: HostileOP) -> None:
    """The alias is given to another OP, which would get the tokens of all who are signed in."""
    rp.configure(ISSUER=attacker.issuer, CLIENT_ID=attacker.client_id)
    visit(rp, after=LIFETIME + 1)
    assert (rp.op.calls, attacker.calls) == ([], [])


def test_session_of_another_op_goes_on_for_the_tolerance(rp: RP, attacker: HostileOP) -> None:
    rp.configure(ISSUER=attacker.issuer, CLIENT_ID=attacker.client_id)
    assert visit(rp, after=LIFETIME + TOLERANCE - 60).status_code == 200
    assert visit(rp, after=LIFETIME + TOLERANCE + 1).status_code == 302
    assert (rp.op.calls, attacker.calls) == ([], [])


def test_silent_renewal_that_cannot_begin_is_waited_out(rp: RP) -> None:
    """There is no refresh token, and the OP cannot say where to send the browser."""
    rp.settings.OIDC_RP_SESSION_RENEWAL = "expired"
    tokens(refresh_token=None)(rp.op)
    assert rp.try_to_sign_in(prompt="login").status_code == 302
    rp.forget_documents()
    rp.op.wire["metadata"] = Last([])
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    answer = visit(rp, after=LIFETIME + TOLERANCE + 1)
    assert (answer.status_code, "private page" in answer.content.decode()) == (503, False)
    assert answer["Retry-After"]


def test_old_refresh_token_revives_nothing(rp: RP) -> None:
    """Cookies that somebody has copied before the last renewal."""
    stolen = {name: morsel.value for name, morsel in rp.browser.cookies.items()}
    assert visit(rp, after=LIFETIME + 1).status_code == 200
    thief = RP(rp.op, rp.settings, rp.log)
    thief.browser.cookies.load(stolen)
    visit(thief, after=2 * (LIFETIME + 1))
    assert rp.op.calls == ["token"]
    assert visit(rp, after=2 * (LIFETIME + 1)).status_code == 200
    assert rp.op.calls == ["token", "token"]
