"""Offline grants: how a user gives one, what a job gets from it, and how it ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import requests
import responses
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from oidc_rp.models import OfflineGrant, OIDCIdentity, OIDCSession
from oidc_rp.offline_grants import PATIENCE_SECONDS, Grant, offline_grants
from oidc_rp.protocol.errors import (
    ConfigurationError,
    DestinationError,
    GrantEndedError,
    OIDCError,
    OPUnavailableError,
    RenewalError,
    UserRefusedError,
)
from oidc_rp.providers import UnknownProviderError, providers
from oidc_rp.revocation import flush_revocations
from oidc_rp.sessions import end_sessions
from oidc_rp.shortcuts import request_offline_access
from tests.logout.driver import post_logout_token
from tests.support.browser import JSON as ASK_JSON
from tests.support.browser import begin, complete, get_error, query, sign_in
from tests.support.fake_op import Answer, FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.rotating_op import JSON, RotatingOP
from tests.support.sessions import copy_browser
from tests.test_admin import read_messages, sign_in_to_admin
from tests.test_cleanup import clean_up, tell
from tests.test_login import change_provider
from tests.urls import urlpatterns as common

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOW = 1_800_000_000
REFRESH_COOKIE = "__Host-oidc_rp.refresh"
ADMIN = "/admin/oidc_rp/offlinegrant/"
API = "https://api.example/things"


def ask(request: HttpRequest) -> HttpResponse:
    return request_offline_access(request, request.GET.get("provider", "default"), next="/home/")


def ask_google(request: HttpRequest) -> HttpResponse:
    return request_offline_access(request, next="/home/", scope=(), params={"access_type": "offline"})


def ask_for_here(request: HttpRequest) -> HttpResponse:
    return request_offline_access(request, scope="offline_access invoices")


urlpatterns = [
    *common,
    path("ask/", ask),
    path("ask-google/", ask_google),
    path("ask-for-here/", ask_for_here),
]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def signed_in(client: Client, op: FakeOP, clock: time_machine.Traveller) -> Client:
    op.metadata["revocation_endpoint"] = "https://op.example/revoke"
    sign_in(client, op)
    return client


def consent(client: Client, op: FakeOP, number: int = 1, **claims: Any) -> Any:
    """The user's trip to the OP and back; the callback's answer."""
    op.claims.update(claims)
    op.token_answer = {
        "access_token": f"offline-access-{number}",
        "refresh_token": f"offline-refresh-{number}",
        "scope": "openid profile email offline_access",
    }
    begun = client.get("/ask/")
    assert begun.status_code == 302, begun.content
    return complete(client, op.authorize(begun["Location"]), headers=ASK_JSON)


@pytest.fixture
def grant(signed_in: Client, op: FakeOP) -> Grant:
    """A grant whose access token lives for 300 seconds."""
    assert consent(signed_in, op)["Location"] == "/home/"
    return get_grant()


@pytest.fixture
def rotating(grant: Grant, op: FakeOP) -> RotatingOP:
    return RotatingOP(op, current="offline-refresh-1").install()


def get_grant() -> Grant:
    found = offline_grants.get(User.objects.get())
    assert found is not None
    return found


def read_reason() -> str:
    row = OfflineGrant.objects.get()
    assert (row.ended_at is None) is (row.end_reason == "")
    if row.ended_at is not None:
        assert row.sealed_tokens == ""
    return row.end_reason


# ---- how it is given


def test_user_is_asked_for_consent_at_the_op(signed_in: Client) -> None:
    asked = query(signed_in.get("/ask/")["Location"])
    assert (asked["scope"], asked["prompt"]) == ("openid profile email offline_access", "consent")


def test_other_scopes_and_parameters_can_be_asked_for(signed_in: Client) -> None:
    asked = query(signed_in.get("/ask-google/")["Location"])
    assert (asked["scope"], asked["access_type"]) == ("openid profile email", "offline")
    assert query(signed_in.get("/ask-for-here/")["Location"])["scope"].endswith(" offline_access invoices")


def test_user_comes_back_to_the_page(signed_in: Client, op: FakeOP) -> None:
    begun = signed_in.get("/ask-for-here/?a=1")
    assert complete(signed_in, op.authorize(begun["Location"]))["Location"] == "/ask-for-here/?a=1"


def test_grant_is_kept_for_the_signed_in_user(grant: Grant, caplog: pytest.LogCaptureFixture) -> None:
    row = OfflineGrant.objects.get()
    assert (row.user, row.alias, row.issuer, row.client_id, row.sub) == (
        User.objects.get(),
        "default",
        "https://op.example",
        "client-1",
        "subject-1",
    )
    assert row.scopes == ["openid", "profile", "email", "offline_access"]
    assert str(row) == "subject-1 at https://op.example, since 2027-01-15 08:00"
    assert "unexpected_scope" not in caplog.text


def test_scopes_are_those_that_were_asked_for_if_the_op_does_not_say(signed_in: Client, op: FakeOP) -> None:
    complete(signed_in, op.authorize(signed_in.get("/ask-for-here/")["Location"]))
    assert OfflineGrant.objects.get().scopes == ["openid", "profile", "email", "offline_access", "invoices"]


def test_session_stays_as_it_is(signed_in: Client, op: FakeOP) -> None:
    def look() -> Any:
        cookies = {name: signed_in.cookies[name].value for name in ("sessionid", REFRESH_COOKIE)}
        return cookies, list(OIDCSession.objects.values()), dict(signed_in.session)

    before = look()
    answer = consent(signed_in, op, acr="mfa", sid="session-2")
    assert look() == before
    assert not {"sessionid", REFRESH_COOKIE} & answer.cookies.keys()


def test_login_alone_makes_no_grant(signed_in: Client, op: FakeOP, settings: Any) -> None:
    change_provider(settings, SCOPES=["openid", "offline_access"])
    sign_in_again(signed_in, op)
    assert not OfflineGrant.objects.exists()


@pytest.mark.parametrize("url", ["/ask/?provider=other", "/ask/"], ids=["other_provider", "nobody"])
def test_who_is_not_signed_in_there_is_not_asked(
    client: Client, op: FakeOP, other_op: FakeOP, url: str, request: pytest.FixtureRequest
) -> None:
    if "other" in url:
        sign_in(client, op)
    assert get_error(client.get(url, headers=ASK_JSON)) == (400, "offline_session")
    assert OfflineGrant.objects.count() == 0


def test_client_for_jobs_may_be_another_at_the_same_op(client: Client, op: FakeOP, settings: Any) -> None:
    default = settings.OIDC_PROVIDERS["default"]
    settings.OIDC_PROVIDERS = {"default": default, "jobs": {**default, "CLIENT_ID": "client-jobs"}}
    sign_in(client, op)
    begun = client.get("/ask/?provider=jobs")
    assert query(begun["Location"])["client_id"] == "client-jobs"
    op.claims["aud"] = "client-jobs"
    complete(client, op.authorize(begun["Location"]), alias="jobs")
    assert offline_grants.get(User.objects.get()) is None
    assert offline_grants.get(User.objects.get(), "jobs") is not None


def test_user_of_a_password_is_not_asked(client: Client, op: FakeOP) -> None:
    client.force_login(User.objects.create_user("alice"), "django.contrib.auth.backends.ModelBackend")
    assert get_error(client.get("/ask/", headers=ASK_JSON)) == (400, "offline_session")


def test_op_that_is_down_is_an_error_page(signed_in: Client, op: FakeOP) -> None:
    cache.clear()
    op.overrides["metadata"] = (503, {}, "")
    providers.clear()
    assert signed_in.get("/ask/", headers=ASK_JSON).status_code == 503


def test_consent_of_another_subject_is_refused(signed_in: Client, op: FakeOP) -> None:
    assert get_error(consent(signed_in, op, sub="subject-2")) == (400, "offline_subject")
    assert not OfflineGrant.objects.exists()
    assert signed_in.get("/private/").status_code == 200


def sign_out(client: Client, op: FakeOP) -> None:
    client.post("/oidc/logout/")


def sign_in_again(client: Client, op: FakeOP) -> None:
    complete(client, op.authorize(begin(client, prompt="login")["Location"]))
    assert OIDCSession.objects.filter(ended_at=None).count() == 1


def sign_in_by_password(client: Client, op: FakeOP) -> None:
    client.force_login(User.objects.create_user("mallory"), "django.contrib.auth.backends.ModelBackend")


@pytest.mark.parametrize("meanwhile", [sign_out, sign_in_again, sign_in_by_password])
def test_consent_for_a_session_that_is_gone_is_refused(
    client: Client, op: FakeOP, meanwhile: Callable[[Client, FakeOP], None]
) -> None:
    sign_in(client, op)
    begun = client.get("/ask/")
    meanwhile(client, op)
    response = op.authorize(begun["Location"])
    assert get_error(complete(client, response, headers=ASK_JSON)) == (400, "offline_session")
    assert not OfflineGrant.objects.exists()


def test_consent_that_the_user_refuses_is_a_page(signed_in: Client, op: FakeOP) -> None:
    state = op.authorize(signed_in.get("/ask/")["Location"])["state"]
    answer = complete(signed_in, {"error": "access_denied", "state": state, "iss": op.issuer}, headers=ASK_JSON)
    assert get_error(answer) == (403, "op_error")
    assert signed_in.get("/private/").status_code == 200


def test_op_that_issues_no_refresh_token_is_reported(signed_in: Client, op: FakeOP) -> None:
    begun = signed_in.get("/ask/")
    op.token_answer = {"refresh_token": None}
    answer = complete(signed_in, op.authorize(begun["Location"]), headers=ASK_JSON)
    assert get_error(answer) == (502, "offline_refresh_token_missing")
    assert not OfflineGrant.objects.exists()


def test_one_response_makes_one_grant(signed_in: Client, op: FakeOP) -> None:
    response = op.authorize(signed_in.get("/ask/")["Location"])
    copy = copy_browser(signed_in)
    assert complete(signed_in, response).status_code == 302
    cache.clear()  # it may forget, and the row must not
    assert get_error(complete(copy, response, headers=ASK_JSON)) == (400, "state_replayed")
    assert OfflineGrant.objects.count() == 1


def test_newer_grant_takes_the_place_of_the_older(signed_in: Client, op: FakeOP, grant: Grant) -> None:
    consent(signed_in, op, 2)
    assert [row.end_reason for row in OfflineGrant.objects.order_by("pk")] == ["replaced", ""]
    assert get_grant().get_access_token() == "offline-access-2"
    with pytest.raises(GrantEndedError) as caught:
        grant.get_access_token()
    assert caught.value.reason == "replaced"
    assert flush_revocations(10)
    assert "revocation" not in op.calls


def test_grants_of_others_stay(signed_in: Client, op: FakeOP, grant: Grant) -> None:
    bob = Client()
    op.claims.update(sub="subject-bob", email="bob@example.com")
    sign_in(bob, op)
    consent(bob, op, 2)
    users = {identity.sub: identity.user for identity in OIDCIdentity.objects.select_related("user")}
    assert [found.row.sub for found in offline_grants.list(users["subject-1"])] == ["subject-1"]
    assert [found.row.sub for found in offline_grants.list(users["subject-bob"].pk)] == ["subject-bob"]
    assert offline_grants.get(users["subject-1"], "other") is None


# ---- what a job gets


def test_access_token_of_the_consent_is_used_first(grant: Grant, rotating: RotatingOP) -> None:
    assert grant.get_access_token() == "offline-access-1"
    assert rotating.grants == []


def test_access_token_is_renewed_before_it_ends(
    grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    clock.shift(239)
    assert grant.get_access_token() == "offline-access-1"
    clock.shift(1)
    assert grant.get_access_token() == "access/1"
    clock.shift(239)
    assert get_grant().get_access_token() == "access/1"
    clock.shift(10_000)
    assert grant.get_access_token() == "access/2"
    assert [form["refresh_token"] for form in rotating.grants] == ["offline-refresh-1", "refresh-token-2"]
    assert rotating.reuses == 0


def test_op_that_does_not_rotate(grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    rotating.rotates = False
    for number in (1, 2):
        clock.shift(300)
        assert grant.get_access_token() == f"access/{number}"


def test_token_without_expires_in_is_kept_for_a_while(
    grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    rotating.lifetime = None
    clock.shift(300)
    assert grant.get_access_token() == "access/1"
    clock.shift(239)
    assert grant.get_access_token() == "access/1"
    clock.shift(1)
    assert grant.get_access_token() == "access/2"


def test_use_is_remembered_to_the_minute(grant: Grant, clock: time_machine.Traveller) -> None:
    assert OfflineGrant.objects.get().last_used_at is None
    start = timezone.now()
    grant.get_access_token()
    clock.shift(59)
    grant.get_access_token()
    assert OfflineGrant.objects.get().last_used_at == start
    clock.shift(1)
    grant.get_access_token()
    assert OfflineGrant.objects.get().last_used_at == start + timedelta(seconds=60)


def test_fresh_access_token_costs_one_query(grant: Grant, django_assert_num_queries: Any) -> None:
    grant.get_access_token()
    with django_assert_num_queries(1):
        grant.get_access_token()


@pytest.mark.django_db(transaction=True)
def test_async_code_gets_the_same(grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    user = User.objects.get()
    clock.shift(300)

    async def work() -> tuple[str, bool, object]:
        found = await offline_grants.aget(user)
        assert found is not None
        return await found.aget_access_token(), await found.arevoke(), await offline_grants.aget(user)

    assert asyncio.run(work()) == ("access/1", True, None)


def serve(http: responses.RequestsMock, *good: str) -> list[str | None]:
    """An API that takes these tokens, and the Authorization headers that it has seen."""
    seen: list[str | None] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        seen.append(request.headers.get("Authorization"))
        return (200 if seen[-1] in [f"Bearer {token}" for token in good] else 401), {}, ""

    http.add_callback("GET", API, callback=answer)
    return seen


def test_auth_renews_once_on_a_401(
    grant: Grant, rotating: RotatingOP, http: responses.RequestsMock, settings: Any, clock: time_machine.Traveller
) -> None:
    change_provider(settings, API_ORIGINS=["https://api.example"])
    seen = serve(http, "access/1")
    clock.shift(10)
    assert requests.get(API, auth=grant.auth, timeout=5).status_code == 200
    assert seen == ["Bearer offline-access-1", "Bearer access/1"]


def test_api_that_refuses_each_token_makes_no_storm(
    grant: Grant, rotating: RotatingOP, http: responses.RequestsMock, settings: Any, clock: time_machine.Traveller
) -> None:
    change_provider(settings, API_ORIGINS=["https://api.example"])
    serve(http)
    clock.shift(10)
    for _ in range(3):
        assert requests.get(API, auth=grant.auth, timeout=5).status_code == 401
    assert len(rotating.grants) == 1


def test_auth_sends_nothing_elsewhere(grant: Grant) -> None:
    with pytest.raises(DestinationError):
        requests.get(API, auth=grant.auth, timeout=5)


def test_unexpected_scopes_are_reported(
    grant: Grant, op: FakeOP, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    op.token_answer["scope"] = "openid offline_access admin"
    clock.shift(300)
    op.claims["nonce"] = None
    grant.get_access_token()
    assert "unexpected_scope: provider 'default' granted ['admin']" in caplog.text


# ---- several at once


def work_at_once(count: int, work: Callable[[], str]) -> list[str]:
    barrier = Barrier(count)

    def do(_: int) -> str:
        barrier.wait(timeout=60)
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(do, range(count)))


@pytest.mark.django_db(transaction=True)
def test_jobs_at_once_make_one_call(grant: Grant, rotating: RotatingOP) -> None:
    OfflineGrant.objects.update(access_expires_at=0)
    with time_machine.travel(NOW + 300):  # ticking, for those that wait
        tokens = work_at_once(12, grant.get_access_token)
    assert set(tokens) == {"access/1"}
    assert (len(rotating.grants), rotating.reuses) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_jobs_at_once_over_many_expiries_reuse_nothing(grant: Grant, rotating: RotatingOP) -> None:
    rotating.lifetime = 0  # each call finds a token that has ended
    with time_machine.travel(NOW + 300):
        tokens = work_at_once(8, lambda: " ".join(grant.get_access_token() for _ in range(5)))
    assert len(tokens) == 8
    assert rotating.reuses == 0
    assert read_reason() == ""


def test_job_that_died_with_the_lease_is_replaced(
    grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    clock.shift(300)
    OfflineGrant.objects.update(lease="another", leased_until=NOW + 300 + 20)
    with time_machine.travel(NOW + 300) as ticking:
        steps = grant._fetch()
        next(steps)
        ticking.shift(20)
        with pytest.raises(StopIteration) as done:
            next(steps)
    assert done.value.value == "access/1"


def test_job_waits_for_another_and_not_for_ever(
    grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    clock.shift(300)
    OfflineGrant.objects.update(lease="another", leased_until=NOW + 10_000)
    steps = grant._fetch()
    next(steps)
    clock.shift(PATIENCE_SECONDS)
    with pytest.raises(OPUnavailableError) as caught:
        next(steps)
    assert caught.value.code == "renewal_busy"


def test_token_is_not_renewed_in_a_transaction(
    grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest-django's own transaction around each test is not meant.
    clock.shift(300)
    with transaction.atomic(), pytest.raises(ConfigurationError) as caught:
        grant.get_access_token()
    assert caught.value.code == "renewal_in_transaction"
    assert rotating.grants == []


# ---- how it ends


@pytest.mark.parametrize("lasts", [True, False], ids=["alive", "expired"])
def test_op_that_is_down_ends_nothing(
    grant: Grant, op: FakeOP, rotating: RotatingOP, clock: time_machine.Traveller, lasts: bool
) -> None:
    op.overrides["token"] = (503, {}, "")
    clock.shift(299 if lasts else 300)
    if lasts:
        assert grant.get_access_token() == "offline-access-1"
    else:
        with pytest.raises(OPUnavailableError):
            grant.get_access_token()
    assert read_reason() == ""
    rotating.install()
    clock.shift(60)
    assert grant.get_access_token() == "access/1"


def test_refused_refresh_token_ends_it(grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    rotating.current = "revoked"
    clock.shift(299)
    with pytest.raises(GrantEndedError) as caught:
        grant.get_access_token()
    assert caught.value.reason == read_reason() == "refresh_refused"
    assert caught.value.code == "grant_over"
    assert offline_grants.get(User.objects.get()) is None


def test_id_token_of_another_subject_ends_it(grant: Grant, op: FakeOP, clock: time_machine.Traveller) -> None:
    op.claims.update(sub="subject-2", nonce=None)
    clock.shift(300)
    with pytest.raises(GrantEndedError):
        grant.get_access_token()
    assert read_reason() == "refresh_mismatch"


def test_user_who_is_not_active_gets_none(grant: Grant, rotating: RotatingOP, clock: time_machine.Traveller) -> None:
    User.objects.update(is_active=False)
    for seconds in (0, 300):
        clock.shift(seconds)
        with pytest.raises(UserRefusedError) as caught:
            grant.get_access_token()
        assert caught.value.code == "user_inactive"
    assert rotating.grants == []
    User.objects.update(is_active=True)
    assert grant.get_access_token() == "access/1"


def test_user_who_is_deleted_takes_it_along(grant: Grant) -> None:
    User.objects.get().delete()
    with pytest.raises(GrantEndedError) as caught:
        grant.get_access_token()
    assert caught.value.reason == "deleted"


def test_revoked_grant_is_over_here_at_once_and_at_the_op_soon(grant: Grant, op: FakeOP) -> None:
    op.calls.clear()
    op.forms.clear()
    assert grant.revoke() is True
    assert read_reason() == "revoked"
    assert grant.revoke() is False
    with pytest.raises(GrantEndedError):
        grant.get_access_token()
    assert flush_revocations(10)
    assert sorted(form["token"] for form in op.forms) == ["offline-access-1", "offline-refresh-1"]
    assert op.calls == ["revocation", "revocation"]


def test_newest_tokens_are_the_ones_that_are_revoked(
    grant: Grant, op: FakeOP, rotating: RotatingOP, clock: time_machine.Traveller
) -> None:
    """Between the look at the row and the statement that ends it, a job renews it."""
    renewed = False

    def renew(execute: Any, sql: str, *args: Any) -> Any:
        nonlocal renewed
        if sql.startswith("UPDATE") and not renewed:
            renewed = True
            clock.shift(300)
            grant.get_access_token()
        return execute(sql, *args)

    with connection.execute_wrapper(renew):
        assert grant.revoke() is True
    assert flush_revocations(10)
    assert sorted(form["token"] for form in op.forms if "token" in form) == ["access/1", "refresh-token-2"]


def test_grant_that_another_ends_meanwhile_is_revoked_once(grant: Grant, op: FakeOP) -> None:
    def end(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE"):
            OfflineGrant.objects.all().delete()
        return execute(sql, *args)

    with connection.execute_wrapper(end):
        assert grant.revoke() is False
    assert flush_revocations(10)
    assert "revocation" not in op.calls


@pytest.mark.parametrize("how", ["revoked", "deleted", "replaced"])
def test_what_comes_of_a_rotation_does_not_outlive_a_revocation(
    grant: Grant, op: FakeOP, rotating: RotatingOP, clock: time_machine.Traveller, how: str
) -> None:
    def answer() -> Answer:
        rotated = rotating()
        if how == "deleted":
            OfflineGrant.objects.all().delete()
        elif how == "replaced":
            OfflineGrant.objects.update(ended_at=timezone.now(), end_reason="replaced")
        else:
            grant.revoke()
        return rotated

    op.overrides["token"] = answer
    clock.shift(300)
    with pytest.raises(GrantEndedError):
        grant.get_access_token()
    assert flush_revocations(10)
    revoked = [form["token"] for form in op.forms if "token" in form]
    assert ("refresh-token-2" in revoked) is (how != "replaced")


def test_alias_of_another_client_is_not_asked(
    grant: Grant, op: FakeOP, settings: Any, clock: time_machine.Traveller
) -> None:
    change_provider(settings, CLIENT_ID="client-9")
    op.calls.clear()
    with pytest.raises(UnknownProviderError):
        grant.get_access_token()
    assert grant.revoke() is True
    assert flush_revocations(10)
    assert op.calls == []


def test_logouts_do_not_end_it(signed_in: Client, grant: Grant) -> None:
    """Back-Channel Logout 1.0 section 2.7: refresh tokens with offline_access are not revoked."""
    assert post_logout_token(sign_logout_token(sid=None)).status_code == 200
    assert OIDCSession.objects.get().end_reason == "backchannel_logout"
    assert grant.get_access_token() == "offline-access-1"
    end_sessions(user=User.objects.get())
    signed_in.post("/oidc/logout/")
    assert read_reason() == ""


def test_key_that_is_gone_makes_it_useless_and_keeps_it(grant: Grant, settings: Any) -> None:
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another key of the test suite, of a length that Django's checks accept"
    with pytest.raises(RenewalError):
        grant.get_access_token()
    settings.SECRET_KEY_FALLBACKS = [old]
    assert grant.get_access_token() == "offline-access-1"
    settings.SECRET_KEY_FALLBACKS = []
    assert grant.revoke() is True


def test_seal_is_of_one_row(signed_in: Client, op: FakeOP, grant: Grant) -> None:
    """Who can write to the database cannot make one user's jobs work with another's tokens."""
    bob = Client()
    op.claims.update(sub="subject-bob", email="bob@example.com")
    sign_in(bob, op)
    consent(bob, op, 2)
    theirs = OfflineGrant.objects.get(sub="subject-bob")
    OfflineGrant.objects.filter(pk=grant.row.pk).update(sealed_tokens=theirs.sealed_tokens)
    with pytest.raises(RenewalError):
        grant.get_access_token()


def test_no_token_is_seen_anywhere(
    signed_in: Client, op: FakeOP, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = consent(signed_in, op)
    grant = get_grant()
    rotating = RotatingOP(op, current="offline-refresh-1").install()
    clock.shift(300)
    issued = ["offline-access-1", "offline-refresh-1", grant.get_access_token(), rotating.current]
    op.overrides["token"] = (
        400,
        JSON,
        json.dumps({"error": "invalid_grant", "error_description": "offline-refresh-1"}),
    )
    clock.shift(300)
    with pytest.raises(OIDCError) as caught:
        grant.get_access_token()
    rows = json.dumps(list(OfflineGrant.objects.values()), default=str)
    places = [
        rows,
        caplog.text,
        str(answer.serialize()),
        repr(dict(signed_in.session)),
        repr(caught.value.__cause__),
        str(caught.value.__cause__),
    ]
    for token in issued:
        assert all(token not in place for place in places)


# ---- the admin, and cleaning up


def test_admin_lists_and_revokes(grant: Grant, op: FakeOP) -> None:
    admin = sign_in_to_admin()
    assert "subject-1" in admin.get(ADMIN).content.decode()
    assert "subject-1" in admin.get(ADMIN, {"q": "subject-1", "state": "live"}).content.decode()
    page = admin.get(f"{ADMIN}{grant.row.pk}/change/").content.decode()
    assert "offline_access" in page
    assert OfflineGrant.objects.get().sealed_tokens not in page
    answer = admin.post(ADMIN, {"action": "revoke_selected", "_selected_action": [str(grant.row.pk)]})
    assert read_messages(answer) == [("info", "1 grant was revoked.")]
    assert read_reason() == "admin"
    assert "subject-1" not in admin.get(ADMIN, {"state": "live"}).content.decode()
    assert "subject-1" in admin.get(ADMIN, {"state": "ended"}).content.decode()
    assert flush_revocations(10)
    assert op.calls.count("revocation") == 2


def test_admin_revokes_what_it_deletes(grant: Grant, op: FakeOP) -> None:
    admin = sign_in_to_admin()
    admin.post(f"{ADMIN}{grant.row.pk}/delete/", {"post": "yes"})
    assert not OfflineGrant.objects.exists()
    assert flush_revocations(10)
    assert op.calls.count("revocation") == 2


def test_admin_revokes_what_it_deletes_in_bulk(grant: Grant, op: FakeOP) -> None:
    admin = sign_in_to_admin()
    admin.post(ADMIN, {"action": "delete_selected", "_selected_action": [str(grant.row.pk)], "post": "yes"})
    assert not OfflineGrant.objects.exists()
    assert flush_revocations(10)
    assert op.calls.count("revocation") == 2


def test_admin_who_may_only_look_cannot_revoke(grant: Grant) -> None:
    admin = sign_in_to_admin("view_offlinegrant")
    assert "revoke_selected" not in admin.get(ADMIN).content.decode()
    admin.post(ADMIN, {"action": "revoke_selected", "_selected_action": [str(grant.row.pk)]})
    assert read_reason() == ""


def test_ended_grants_are_cleaned_up_after_a_while(grant: Grant, clock: time_machine.Traveller) -> None:
    OIDCSession.objects.all().delete()
    clock.shift(timedelta(days=40))
    assert clean_up() == tell()
    grant.revoke()
    clock.shift(timedelta(days=29))
    assert clean_up() == tell()
    clock.shift(timedelta(days=2))
    assert clean_up() == tell(grants=1)
    assert not OfflineGrant.objects.exists()
