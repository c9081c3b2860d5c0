"""manage.py oidc_cleanup: what nobody needs any more goes, and nothing else, at any time."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from oidc_rp.management.commands.oidc_cleanup import BATCH
from oidc_rp.models import LogoutReceipt, OIDCSession
from oidc_rp.signals import session_ended
from tests.logout.driver import is_signed_in, post_logout_token, sign_in_as
from tests.support.fake_op import FakeOP
from tests.support.logout_tokens import sign_logout_token

pytestmark = pytest.mark.django_db


def clean_up(*arguments: str) -> str:
    output = io.StringIO()
    call_command("oidc_cleanup", *arguments, stdout=output)
    return output.getvalue().strip()


def tell(expired: int = 0, sessions: int = 0, grants: int = 0, receipts: int = 0) -> str:
    return (
        f"{expired} sessions had expired; "
        f"deleted {sessions} ended sessions, {grants} ended offline grants, {receipts} receipts."
    )


def make_rows(count: int, **values: Any) -> None:
    """Rows like that of the one login there is."""
    user = OIDCSession.objects.get().user
    OIDCSession.objects.bulk_create(
        OIDCSession(login_key=f"login-{number}", alias="default", sub="bulk", user=user, **values)
        for number in range(count)
    )


def test_live_session_is_kept(op: FakeOP) -> None:
    client = sign_in_as(op)
    assert clean_up("--keep-days=0") == tell()
    assert is_signed_in(client)
    assert OIDCSession.objects.get().ended_at is None


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "file", "signed_cookies"])
def test_expired_session_is_ended(op: FakeOP, settings: Settings, engine: str, tmp_path: Any) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    client = sign_in_as(op)
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 1), tick=False):
        assert clean_up() == tell(expired=1)
        assert not is_signed_in(client)
    row = OIDCSession.objects.get()
    assert (row.end_reason, row.sealed_tokens, row.session_key) == ("expired", "", "")


def test_expired_session_is_deleted_from_the_engine(op: FakeOP) -> None:
    sign_in_as(op)
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    clean_up()
    assert not Session.objects.exists()


def test_session_that_is_used_is_prolonged(op: FakeOP, settings: Settings) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    start = timezone.now()
    client = sign_in_as(op)
    with time_machine.travel(start + timedelta(seconds=settings.SESSION_COOKIE_AGE - 60), tick=False):
        assert is_signed_in(client)
    with time_machine.travel(start + timedelta(seconds=settings.SESSION_COOKIE_AGE + 60), tick=False):
        assert clean_up() == tell()
        assert is_signed_in(client)


def test_session_that_is_prolonged_meanwhile_is_kept(op: FakeOP) -> None:
    """Between the command's look at the rows and its statement that ends them, the user comes back."""
    client = sign_in_as(op)
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    came_back = False

    def come_back(execute: Any, sql: str, *args: Any) -> Any:
        nonlocal came_back
        if sql.startswith("UPDATE") and not came_back:
            came_back = True
            OIDCSession.objects.update(expires_at=timezone.now() + timedelta(hours=1))
        return execute(sql, *args)

    with connection.execute_wrapper(come_back):
        assert clean_up() == tell()
    assert came_back
    assert is_signed_in(client)


def test_login_that_was_cut_off_is_ended_after_a_day(op: FakeOP) -> None:
    sign_in_as(op)
    now = timezone.now()
    make_rows(1, expires_at=None, created_at=now - timedelta(hours=23))
    assert clean_up() == tell()
    OIDCSession.objects.filter(sub="bulk").update(created_at=now - timedelta(hours=25))
    assert clean_up() == tell(expired=1)


def test_ended_sessions_are_kept_for_the_admin(op: FakeOP) -> None:
    start = timezone.now()
    sign_in_as(op).post("/oidc/logout/")
    with time_machine.travel(start + timedelta(days=29), tick=False):
        assert clean_up() == tell()
        assert clean_up("--keep-days=28") == tell(sessions=1)
    assert not OIDCSession.objects.exists()


def test_receipts_are_kept_for_a_day(op: FakeOP) -> None:
    start = timezone.now()
    post_logout_token(sign_logout_token())
    with time_machine.travel(start + timedelta(hours=23), tick=False):
        assert clean_up("--keep-days=0") == tell()
        assert LogoutReceipt.objects.exists()
    with time_machine.travel(start + timedelta(hours=25), tick=False):
        assert clean_up() == tell(receipts=1)


@pytest.mark.parametrize("keep_days", ["-1", "x", "1.5"])
def test_days_must_make_sense(db: None, keep_days: str) -> None:
    with pytest.raises(CommandError, match="keep-days"):
        call_command("oidc_cleanup", f"--keep-days={keep_days}")


def test_work_is_done_in_batches(
    op: FakeOP, django_assert_max_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_ended, "receivers", [])  # those of other apps have their own cost
    sign_in_as(op)
    past = timezone.now() - timedelta(days=40)
    make_rows(2 * BATCH + 1, expires_at=past)
    LogoutReceipt.objects.bulk_create(
        LogoutReceipt(key=f"key-{number}", issued_at=0, created_at=past) for number in range(BATCH + 1)
    )
    with django_assert_max_num_queries(20) as queries:
        assert clean_up() == tell(expired=2 * BATCH + 1, receipts=BATCH + 1)
    assert all(query["sql"].count(",") < 3 * BATCH for query in queries.captured_queries)
    OIDCSession.objects.filter(sub="bulk").update(ended_at=past)
    assert clean_up() == tell(sessions=2 * BATCH + 1)
    assert OIDCSession.objects.count() == 1


def test_running_twice_is_no_error(op: FakeOP) -> None:
    sign_in_as(op)
    OIDCSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert [clean_up(), clean_up()] == [tell(expired=1), tell()]
