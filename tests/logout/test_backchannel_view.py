"""backchannel-logout/: a valid token ends what it names; anything else gets a reason and changes nothing."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache.backends.locmem import LocMemCache
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import Http404
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from oidc_rp.models import LogoutReceipt, OIDCSession
from oidc_rp.op_logout_views import backchannel_logout
from oidc_rp.protocol.claims import MAX_TOKEN_AGE
from oidc_rp.protocol.logout_token import EVENT
from oidc_rp.provider.documents import COOLDOWN_SECONDS
from oidc_rp.signals import session_ended
from tests.logout.driver import FORM, is_signed_in, post_body, post_logout_token, sign_in_as, snapshot
from tests.support.browser import JSON, begin, complete
from tests.support.fake_op import FakeOP
from tests.support.keys import jwk, private_key, sign
from tests.support.logout_tokens import TYP, build_logout_claims, sign_any, sign_logout_token
from tests.support.tokens import compact, public_key_pem

pytestmark = pytest.mark.django_db

OTHER_OP: dict[str, Any] = {"iss": "https://other.example/tenant/", "aud": "client-2"}


def assert_refused(response: Any, code: str) -> None:
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/json"
    answer = response.json()
    assert answer.keys() == {"error", "error_description"}
    assert answer["error"] == "invalid_request"
    assert answer["error_description"].startswith(f"{code}: ")


# ---- what a valid token ends


def test_sid_ends_just_that_session(op: FakeOP) -> None:
    named, same_subject, somebody_else = (
        sign_in_as(op, "subject-1", "session-1"),
        sign_in_as(op, "subject-1", "session-2"),
        sign_in_as(op, "subject-2", "session-3"),
    )
    response = post_logout_token(sign_logout_token())
    assert (response.status_code, response.content) == (200, b"")
    assert [is_signed_in(client) for client in (named, same_subject, somebody_else)] == [False, True, True]


@pytest.mark.parametrize("sub", [None, "subject-1"])
def test_sid_needs_no_sub(op: FakeOP, sub: str | None) -> None:
    client = sign_in_as(op)
    assert post_logout_token(sign_logout_token(sub=sub)).status_code == 200
    assert not is_signed_in(client)


def test_sid_ends_every_login_of_that_op_session(op: FakeOP) -> None:
    clients = [sign_in_as(op), sign_in_as(op)]
    post_logout_token(sign_logout_token())
    assert [is_signed_in(client) for client in clients] == [False, False]


def test_sub_ends_all_sessions_of_that_subject_and_no_other(op: FakeOP) -> None:
    mine = [sign_in_as(op, sid="session-1"), sign_in_as(op, sid="session-2"), sign_in_as(op, sid=None)]
    bob = sign_in_as(op, "subject-2", "session-3")
    longer = sign_in_as(op, "subject-11", "session-4")
    post_logout_token(sign_logout_token(sid=None))
    assert [is_signed_in(client) for client in mine] == [False, False, False]
    assert is_signed_in(bob)
    assert is_signed_in(longer)


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_same_names_at_another_op_are_others(op: FakeOP, other_op: FakeOP, sid: str | None) -> None:
    here, there = sign_in_as(op), sign_in_as(other_op, alias="other")
    post_logout_token(sign_logout_token(sid=sid))
    assert not is_signed_in(here)
    assert is_signed_in(there)
    assert post_logout_token(sign_logout_token(sid=sid, **OTHER_OP), "other").status_code == 200
    assert not is_signed_in(there)


@pytest.mark.parametrize("sid", [None, "session-1"], ids=["by_sub", "by_sid"])
def test_same_names_at_another_client_of_the_op_are_others(op: FakeOP, settings: Settings, sid: str | None) -> None:
    settings.OIDC_PROVIDERS = {
        **settings.OIDC_PROVIDERS,
        "second": {**settings.OIDC_PROVIDERS["default"], "CLIENT_ID": "client-3"},
    }
    first = sign_in_as(op)
    op.client_id = "client-3"
    second = sign_in_as(op, alias="second")
    post_logout_token(sign_logout_token(sid=sid))
    assert not is_signed_in(first)
    assert is_signed_in(second)


@pytest.mark.parametrize(
    "sid", ["a/b+c==", "&sid=x%00;", "\u00e4\u05e9\u2603\U0001f511", "0123456789abcdef" * 20, "\U0001f511" * 1_024]
)
def test_sid_of_any_characters_ends_its_session(op: FakeOP, sid: str) -> None:
    named, other = sign_in_as(op, sid=sid), sign_in_as(op, sid=f"{sid[:-1]}?")
    assert post_logout_token(sign_logout_token(sid=sid)).status_code == 200
    assert not is_signed_in(named)
    assert is_signed_in(other)


@pytest.mark.parametrize("sid", ["SESSION-1", "session-1 ", "session-"])
def test_sid_is_compared_octet_by_octet(op: FakeOP, sid: str) -> None:
    client = sign_in_as(op)
    assert post_logout_token(sign_logout_token(sid=sid)).status_code == 200
    assert is_signed_in(client)


def test_session_that_is_not_known_is_success(op: FakeOP) -> None:
    client = sign_in_as(op)
    assert post_logout_token(sign_logout_token(sub="nobody", sid="nothing")).status_code == 200
    assert is_signed_in(client)


def test_session_that_has_ended_is_success(op: FakeOP) -> None:
    client = sign_in_as(op)
    client.post("/oidc/logout/")
    assert post_logout_token(sign_logout_token()).status_code == 200
    assert OIDCSession.objects.get().end_reason == "logout"


def test_logout_ends_row_session_and_tokens(op: FakeOP) -> None:
    client = sign_in_as(op)
    post_logout_token(sign_logout_token())
    row = OIDCSession.objects.get()
    assert row.ended_at is not None
    assert (row.end_reason, row.sealed_tokens, row.session_key) == ("backchannel_logout", "", "")
    assert not Session.objects.exists()
    assert client.get("/home/").content == b"home of nobody"


def test_user_may_sign_in_again_afterwards(op: FakeOP) -> None:
    sign_in_as(op, sid="session-1")
    post_logout_token(sign_logout_token())
    assert is_signed_in(sign_in_as(op, sid="session-2"))


def test_session_by_password_is_left_alone(op: FakeOP) -> None:
    sign_in_as(op)
    client = Client()
    client.force_login(User.objects.get(), "django.contrib.auth.backends.ModelBackend")
    post_logout_token(sign_logout_token(sid=None))
    assert client.get("/private/").status_code == 200


@pytest.mark.parametrize(
    ("alg", "typ"), [("RS256", "JWT"), ("RS256", None), ("PS256", TYP), ("ES256", TYP), ("EdDSA", TYP)]
)
def test_deviations_and_algorithms_that_are_accepted(op: FakeOP, alg: str, typ: str | None) -> None:
    client = sign_in_as(op)
    op.keys.append(jwk(alg, "k-logout"))
    token = sign(build_logout_claims(exp=None, aud=["client-1"]), alg, "k-logout", header={"typ": typ or ""})
    with time_machine.travel(time.time() + COOLDOWN_SECONDS + 1, tick=False):
        assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize("body", [b"logout_token=%s", b"a=1&logout_token=%s&b=2", b"\xff=\xfe&logout_token=%s"])
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
def test_form_accepts(op: FakeOP, body: bytes, content_type: str) -> None:
    client = sign_in_as(op)
    assert post_body(body % sign_logout_token().encode(), content_type).status_code == 200
    assert not is_signed_in(client)


def test_token_in_the_query_is_none(op: FakeOP) -> None:
    client = sign_in_as(op)
    query = urlencode({"logout_token": sign_logout_token()})
    assert_refused(
        Client().post(f"/oidc/backchannel-logout/default/?{query}", "", content_type=FORM), "request_malformed"
    )
    assert is_signed_in(client)


# ---- what is refused


def encrypted() -> str:
    return f"{compact({'alg': 'RSA-OAEP', 'enc': 'A256GCM'}, b'', b'')}.Y2lwaGVydGV4dA.dGFn"


def hmac_with_the_public_key() -> str:
    token: str = sign(build_logout_claims(), "HS256", key=b"x" * 64, header={"typ": TYP})
    assert len(public_key_pem()) > 64
    return token


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "signature_of_another_key": (lambda: sign(build_logout_claims(), key=private_key(name="k2")), "token_signature"),
    "unknown_key": (lambda: sign(build_logout_claims(), name="k2"), "token_key_unknown"),
    "alg_none": (lambda: compact({"alg": "none", "typ": TYP}, build_logout_claims()), "token_alg"),
    "hmac": (hmac_with_the_public_key, "token_alg"),
    "iss": (lambda: sign_logout_token(iss="https://evil.example"), "token_iss"),
    "iss_missing": (lambda: sign_logout_token(iss=None), "token_iss"),
    "iss_of_the_other_provider": (lambda: sign_logout_token(**OTHER_OP), "token_iss"),
    "aud": (lambda: sign_logout_token(aud="client-2"), "token_aud"),
    "aud_missing": (lambda: sign_logout_token(aud=None), "token_aud"),
    "aud_with_a_stranger": (lambda: sign_logout_token(aud=["client-1", "client-2"]), "token_aud"),
    "iat_missing": (lambda: sign_logout_token(iat=None), "token_iat"),
    "iat_in_the_future": (lambda: sign_logout_token(iat=time.time() + 60), "token_iat"),
    "iat_long_ago": (lambda: sign_logout_token(iat=time.time() - MAX_TOKEN_AGE - 60), "token_iat"),
    "exp_passed": (lambda: sign_logout_token(exp=time.time() - 60), "token_exp"),
    "exp_missing_and_iat_old": (lambda: sign_logout_token(exp=None, iat=time.time() - 900), "token_iat"),
    "typ_of_an_access_token": (lambda: sign_logout_token(typ="at+jwt"), "token_typ"),
    "events_missing": (lambda: sign_logout_token(events=None), "token_events"),
    "events_is_a_list": (lambda: sign_logout_token(events=[EVENT]), "token_events"),
    "event_is_a_string": (lambda: sign_logout_token(events={EVENT: "{}"}), "token_events"),
    "nonce": (lambda: sign_logout_token(nonce="n"), "token_nonce"),
    "sub_and_sid_missing": (lambda: sign_logout_token(sub=None, sid=None), "token_sub"),
    "sub_is_a_number": (lambda: sign_logout_token(sub=1), "token_sub"),
    "sub_is_empty": (lambda: sign_logout_token(sub="", sid=None), "token_sub"),
    "sid_is_a_list": (lambda: sign_logout_token(sid=["session-1"]), "token_sid"),
    "sid_is_empty": (lambda: sign_logout_token(sid=""), "token_sid"),
    "sid_of_1025_characters": (lambda: sign_logout_token(sid="s" * 1_025), "token_sid"),
    "jti_missing": (lambda: sign_logout_token(jti=None), "token_jti"),
    "jti_is_a_number": (lambda: sign_logout_token(jti=1), "token_jti"),
    "jti_is_too_long": (lambda: sign_logout_token(jti="j" * 1_025), "token_jti"),
    "crit": (lambda: sign(build_logout_claims(), header={"typ": TYP, "crit": ["exp"]}), "token_crit"),
    "encrypted": (encrypted, "token_encrypted"),
    "1_mb": (lambda: "a" * 1_000_000, "token_too_large"),
    "1_mb_well_formed": (lambda: sign_logout_token(padding="p" * 750_000), "token_too_large"),
    "empty": (lambda: "", "token_malformed"),
    "not_a_jwt": (lambda: "hello", "token_malformed"),
    "nul": (lambda: "\0.\0.\0", "token_malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_token_is_refused_and_changes_nothing(op: FakeOP, name: str, caplog: pytest.LogCaptureFixture) -> None:
    build, code = REFUSED[name]
    client = sign_in_as(op)
    before = snapshot()
    token = build()
    response = post_logout_token(token)
    assert_refused(response, code)
    assert snapshot() == before
    assert is_signed_in(client)
    assert code in caplog.text
    # Neither the token nor a segment of it.
    for part in (segment for segment in token.split(".") if len(segment) > 20):
        assert part[:20] not in response.content.decode()
        assert part[:20] not in caplog.text


def test_id_token_is_no_logout_token(op: FakeOP) -> None:
    client = sign_in_as(op)
    before = snapshot()
    id_token = sign(op.build_claims())
    assert_refused(post_logout_token(id_token), "token_events")
    assert snapshot() == before
    assert is_signed_in(client)


def test_logout_token_is_no_id_token(op: FakeOP) -> None:
    op.token_answer["id_token"] = sign_logout_token()
    client = Client()
    response = complete(client, op.authorize(begin(client)["Location"]), headers=JSON)
    assert (response.status_code, response.json()["error"]) == (502, "token_nonce")
    assert not OIDCSession.objects.exists()


def form(**fields: Any) -> str:
    return urlencode(fields, doseq=True)


@pytest.mark.parametrize(
    ("build", "content_type"),
    [
        pytest.param(lambda token: "", FORM, id="empty_body"),
        pytest.param(lambda token: form(id_token=token), FORM, id="another_field"),
        pytest.param(lambda token: form(Logout_Token=token), FORM, id="other_case"),
        pytest.param(lambda token: form(logout_token=[token, token]), FORM, id="field_twice"),
        pytest.param(lambda token: form(logout_token=["", token]), FORM, id="field_twice_once_empty"),
        pytest.param(lambda token: token, FORM, id="bare_token"),
        pytest.param(lambda token: json.dumps({"logout_token": token}), "application/json", id="json"),
        pytest.param(lambda token: json.dumps({"logout_token": token}), FORM, id="json_said_to_be_a_form"),
        pytest.param(lambda token: form(logout_token=token), "application/json", id="form_said_to_be_json"),
        pytest.param(lambda token: form(logout_token=token), "text/plain", id="text"),
        pytest.param(lambda token: form(logout_token=token), "", id="no_content_type"),
        pytest.param(lambda token: token, "application/logout+jwt", id="jwt"),
        pytest.param(lambda token: form(logout_token=token), f"{FORM}; charset=utf-16", id="utf_16"),
        pytest.param(
            lambda token: f'--b\r\nContent-Disposition: form-data; name="logout_token"\r\n\r\n{token}\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
            id="multipart",
        ),
        pytest.param(lambda token: form(logout_token=token), "multipart/form-data", id="multipart_without_boundary"),
        pytest.param(lambda token: form(logout_token=token, a=["1"] * 2_000), FORM, id="2000_fields"),
        pytest.param(lambda token: form(logout_token=token, a="1" * 20_000_000), FORM, id="20_mb"),
    ],
)
def test_body_is_refused_and_changes_nothing(op: FakeOP, build: Any, content_type: str) -> None:
    client = sign_in_as(op)
    before = snapshot()
    assert_refused(post_body(build(sign_logout_token()), content_type), "request_malformed")
    assert snapshot() == before
    assert is_signed_in(client)


class BrokenBody(io.BytesIO):
    """What a server offers of a request whose sender has gone away."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("the connection was reset")


def test_body_that_breaks_off_is_refused_and_changes_nothing(op: FakeOP) -> None:
    client = sign_in_as(op)
    before = snapshot()
    broken: dict[str, Any] = {"wsgi.input": BrokenBody()}
    response = Client().post("/oidc/backchannel-logout/default/", "logout_token=", content_type=FORM, **broken)
    assert_refused(response, "request_malformed")
    assert snapshot() == before
    assert is_signed_in(client)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(op: FakeOP, method: str) -> None:
    client = sign_in_as(op)
    before = snapshot()
    query = urlencode({"logout_token": sign_logout_token()})
    response = client.generic(method, f"/oidc/backchannel-logout/default/?{query}")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "no-store" in response["Cache-Control"]
    assert snapshot() == before


def test_unknown_alias_is_not_found(rf: RequestFactory) -> None:
    # The view alone: what a 404 looks like is the site's template.
    with pytest.raises(Http404):
        backchannel_logout(rf.post("/", form(logout_token="a.b.c"), content_type=FORM), alias="nobody")


def test_view_needs_no_login_and_no_csrf_token(op: FakeOP, settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    client = Client()
    op.claims.update(sub="subject-1", sid="session-1")
    complete(client, op.authorize(begin(client)["Location"]))
    assert post_logout_token(sign_logout_token()).status_code == 200
    assert OIDCSession.objects.get().ended_at is not None


# ---- replay


def test_replay_is_refused(op: FakeOP) -> None:
    token = sign_logout_token()
    assert post_logout_token(token).status_code == 200
    before = snapshot()
    assert_refused(post_logout_token(token), "token_jti")
    assert snapshot() == before


def test_replay_cannot_end_a_later_session(op: FakeOP) -> None:
    """The OP logs the whole subject out; they sign in again; somebody who saw the token posts it again."""
    token = sign_logout_token(sid=None)
    with time_machine.travel(time.time(), tick=False) as clock:
        post_logout_token(token)
        clock.shift(2)
        client = sign_in_as(op)
        assert_refused(post_logout_token(token), "token_jti")
        assert is_signed_in(client)


def test_jti_of_another_issuer_is_another(op: FakeOP, other_op: FakeOP) -> None:
    assert post_logout_token(sign_logout_token()).status_code == 200
    assert post_logout_token(sign_logout_token(**OTHER_OP), "other").status_code == 200


def test_forged_token_does_not_use_a_jti_up(op: FakeOP) -> None:
    client = sign_in_as(op)
    assert_refused(post_logout_token(sign(build_logout_claims(), key=private_key(name="k2"))), "token_signature")
    assert post_logout_token(sign_logout_token()).status_code == 200
    assert not is_signed_in(client)


# ---- what is to be tried again


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(requests.ConnectionError(), id="unreachable"),
        pytest.param(requests.Timeout(), id="timeout"),
        pytest.param((503, {}, ""), id="503"),
        pytest.param((404, {}, ""), id="404"),
        pytest.param((302, {"Location": "https://evil.example/"}, ""), id="redirect"),
        pytest.param((200, {"Content-Type": "application/json"}, "<html>"), id="html"),
        pytest.param((400, {"Content-Type": "application/json"}, '{"error": "invalid_request"}'), id="oauth_error"),
    ],
)
@pytest.mark.parametrize("document", ["metadata", "jwks"])
def test_keys_that_cannot_be_had_ask_for_another_try(op: FakeOP, document: str, failure: Any) -> None:
    op.overrides[document] = failure
    response = post_logout_token(sign_logout_token())
    assert response.status_code == 503
    assert json.loads(response.content) == {"error": "temporarily_unavailable"}
    assert not LogoutReceipt.objects.exists()
    op.overrides.clear()
    assert post_logout_token(sign_logout_token()).status_code == 200


def test_keys_are_not_fetched_for_what_is_refused_without_them(op: FakeOP) -> None:
    post_logout_token(sign_logout_token(iss="https://evil.example"))
    assert op.calls == []


def test_key_rotated_just_before_is_fetched(op: FakeOP) -> None:
    client = sign_in_as(op)
    op.keys = [jwk(name="k2")]
    with time_machine.travel(time.time() + COOLDOWN_SECONDS + 1, tick=False):
        token = sign(build_logout_claims(), name="k2", header={"typ": TYP})
        assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


def test_storm_of_unknown_keys_is_no_storm_of_fetches(op: FakeOP) -> None:
    sign_in_as(op)
    op.calls.clear()
    for number in range(20):
        assert_refused(
            post_logout_token(sign(build_logout_claims(), name=f"k{number + 2}", key=private_key())),
            "token_key_unknown",
        )
    assert op.calls.count("jwks") <= 1


def test_client_secret_that_is_too_short_is_no_fault_of_the_token(op: FakeOP, settings: Settings) -> None:
    default = {**settings.OIDC_PROVIDERS["default"], "CLIENT_SECRET": "short", "ID_TOKEN_SIGNED_RESPONSE_ALG": "HS256"}
    settings.OIDC_PROVIDERS = {"default": default}
    token = sign(build_logout_claims(), "HS256", key=b"s" * 32, header={"typ": TYP})
    assert post_logout_token(token).status_code == 503


class BrokenCursor:
    """Stands in for a database that goes away at a statement which contains a word."""

    def __init__(self, word: str, error: type[Exception]) -> None:
        self.word = word
        self.error = error

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.word in sql:
            raise self.error("the database is gone")
        return execute(sql, params, many, context)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [DatabaseError, OperationalError, InterfaceError])
@pytest.mark.parametrize(
    "word",
    ['INSERT INTO "oidc_rp_logoutreceipt"', 'UPDATE "oidc_rp_oidcsession"', 'DELETE FROM "django_session"'],
    ids=["receipt", "row", "session"],
)
def test_database_failure_asks_for_another_try(op: FakeOP, word: str, error: type[Exception]) -> None:
    client = sign_in_as(op)
    token = sign_logout_token()
    with connection.execute_wrapper(BrokenCursor(word, error)):
        response = post_logout_token(token)
    assert (response.status_code, json.loads(response.content)) == (503, {"error": "temporarily_unavailable"})
    # The OP's next attempt, with the same token, is as good as the first.
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_rows_are_written_outside_of_the_requests_transaction(op: FakeOP, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ATOMIC_REQUESTS too: a login that is being completed must see the receipt before the rows are read."""
    sign_in_as(op)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    in_transaction: list[bool] = []

    def watch(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('UPDATE "oidc_rp_oidcsession"'):
            in_transaction.append(connection.in_atomic_block)
        return execute(sql, *args)

    with connection.execute_wrapper(watch):
        assert post_logout_token(sign_logout_token()).status_code == 200
    assert in_transaction == [False, False]


class ForgetfulCache(LocMemCache):
    """A cache server that goes away just when something is to be deleted, once."""

    failures: list[Exception] = []

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        if self.failures:
            raise self.failures.pop()
        super().delete_many(keys, version)


def test_session_store_failure_asks_for_another_try(
    op: FakeOP, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.ForgetfulCache"}}
    client = sign_in_as(op)
    token = sign_logout_token()
    monkeypatch.setattr(ForgetfulCache, "failures", [ConnectionError("gone")])
    op_server = Client(raise_request_exception=False)
    response = op_server.post("/oidc/backchannel-logout/default/", form(logout_token=token), content_type=FORM)
    assert response.status_code == 500
    assert post_logout_token(token).status_code == 200
    assert not is_signed_in(client)


# ---- cost


@pytest.mark.parametrize("others", [0, 30])
def test_cost_does_not_grow_with_other_sessions(
    op: FakeOP, others: int, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_ended, "receivers", [])  # those of other apps have their own cost
    sign_in_as(op)
    row = OIDCSession.objects.get()
    for number in range(others):
        row.pk = None
        row.login_key, row.sid_key, row.sub_key, row.session_key = (
            f"l{number}",
            f"s{number}",
            f"u{number}",
            f"k{number}",
        )
        row.save(force_insert=True)
    # The receipt in its savepoint (3); mark, read, delete session, clear key, settle.
    with django_assert_num_queries(8):
        assert post_logout_token(sign_logout_token()).status_code == 200


# ---- properties


@pytest.fixture
def signed_in(op: FakeOP) -> Client:
    return sign_in_as(op)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    body=st.binary(max_size=300), content_type=st.sampled_from([FORM, "multipart/form-data; boundary=b", "", "\x00"])
)
def test_arbitrary_bytes_change_nothing(signed_in: Client, body: bytes, content_type: str) -> None:
    before = snapshot()
    assert_refused(post_body(body, content_type), "request_malformed")
    assert snapshot() == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(token=st.binary(max_size=100) | st.text(max_size=100) | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[\w-]*"))
def test_arbitrary_token_changes_nothing(signed_in: Client, token: bytes | str) -> None:
    before = snapshot()
    assert_refused(post_body(urlencode({"logout_token": token})), "token_malformed")
    assert snapshot() == before


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    name=st.sampled_from(["iss", "aud", "iat", "exp", "jti", "events"]),
    value=JSON_VALUES.filter(lambda value: not isinstance(value, str)),
)
def test_signed_nonsense_changes_nothing(signed_in: Client, name: str, value: Any) -> None:
    """A broken OP: `exp` may be left out, and any number far away is one that has not passed."""
    before = snapshot()
    response = post_logout_token(sign_any({**build_logout_claims(), name: value, "sid": "nobody's"}))
    assert response.status_code in ({200, 400} if name == "exp" else {400})
    if response.status_code == 400:
        assert snapshot() == before
