"""The admin: who is signed in, and ending it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from oidc_rp.models import OIDCIdentity, OIDCSession
from tests.logout.driver import is_signed_in, sign_in_as
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db

SESSIONS = "/admin/oidc_rp/oidcsession/"
IDENTITIES = "/admin/oidc_rp/oidcidentity/"


def sign_in_to_admin(*permissions: str) -> Client:
    """A member of staff with these permissions; without any, a superuser."""
    user = User.objects.create_user("root", "root@example.com", is_staff=True, is_superuser=not permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def admin(db: None) -> Client:
    return sign_in_to_admin()


def list_subjects(admin: Client, **query: str) -> list[str]:
    response: Any = admin.get(SESSIONS, query)
    assert response.status_code == 200
    return sorted(row.sub for row in response.context["cl"].result_list)


def act(admin: Client, action: str, *rows: OIDCSession, **form: str) -> Any:
    return admin.post(SESSIONS, {"action": action, "_selected_action": [str(row.pk) for row in rows], **form})


def read_messages(response: Any) -> list[tuple[str, str]]:
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


def row_of(sub: str) -> OIDCSession:
    return OIDCSession.objects.get(sub=sub)


# ---- looking


@pytest.fixture
def three(op: FakeOP) -> dict[str, Client]:
    """Alice, Bob and Carol are signed in."""
    clients = {}
    for name in ("alice", "bob", "carol"):
        op.claims["email"] = f"{name}@example.com"
        clients[name] = sign_in_as(op, f"subject-{name}", f"sid/{name}+=")
    return clients


@pytest.mark.parametrize(
    ("query", "subjects"),
    [
        pytest.param("subject-bob", ["subject-bob"], id="sub"),
        pytest.param("sid/bob+=", ["subject-bob"], id="sid"),
        pytest.param("bob@", ["subject-bob"], id="email"),
        pytest.param("subject-", [], id="part_of_a_sub"),
        pytest.param("nobody", [], id="nobody"),
        pytest.param("%", [], id="wildcard"),
    ],
)
def test_sessions_are_found_by(admin: Client, three: dict[str, Client], query: str, subjects: list[str]) -> None:
    assert list_subjects(admin, q=query) == subjects


def test_sessions_are_found_by_user_name(admin: Client, three: dict[str, Client]) -> None:
    assert list_subjects(admin, q=row_of("subject-carol").user.get_username()) == ["subject-carol"]


def test_search_of_a_user_model_without_email(admin: Client, op: FakeOP, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "EMAIL_FIELD", "mail_that_is_no_field")
    assert list_subjects(admin, q="nobody") == []


def test_sessions_are_filtered_by_state(admin: Client, three: dict[str, Client]) -> None:
    three["bob"].post("/oidc/logout/")
    OIDCSession.objects.filter(sub="subject-carol").update(expires_at=timezone.now() - timedelta(seconds=1))
    assert list_subjects(admin, state="live") == ["subject-alice"]
    assert list_subjects(admin, state="ended") == ["subject-bob"]
    assert list_subjects(admin, state="expired") == ["subject-carol"]
    OIDCSession.objects.filter(sub="subject-carol").update(expires_at=None)  # a login that was cut off
    assert list_subjects(admin, state="expired") == ["subject-carol"]


def test_sessions_are_filtered_by_provider(admin: Client, op: FakeOP, other_op: FakeOP) -> None:
    sign_in_as(op, "here")
    sign_in_as(other_op, "there", alias="other")
    assert list_subjects(admin, alias="other") == ["there"]


def test_sessions_are_filtered_by_age(admin: Client, three: dict[str, Client]) -> None:
    OIDCSession.objects.filter(sub="subject-bob").update(created_at=timezone.now() - timedelta(days=10))
    since = (timezone.now() - timedelta(days=7)).isoformat()
    assert list_subjects(admin, created_at__gte=since) == ["subject-alice", "subject-carol"]


def test_list_costs_the_same_for_many(admin: Client, op: FakeOP, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        sign_in_as(op, f"subject-{number}", f"session-{number}")
    with django_assert_max_num_queries(12):
        admin.get(SESSIONS)


def test_pages_show_no_token_and_no_session_key(admin: Client, op: FakeOP) -> None:
    sign_in_as(op)
    row = OIDCSession.objects.get()
    pages = [admin.get(SESSIONS), admin.get(f"{SESSIONS}{row.pk}/change/"), admin.get(f"{SESSIONS}{row.pk}/delete/")]
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        for secret in ("access-token-1", "eyJ", row.sealed_tokens, row.session_key, row.login_key, row.sid_key):
            assert secret not in text


def test_rows_are_only_looked_at(admin: Client, op: FakeOP) -> None:
    sign_in_as(op)
    row, identity = OIDCSession.objects.get(), OIDCIdentity.objects.get()
    for url in (f"{SESSIONS}{row.pk}/change/", f"{IDENTITIES}{identity.pk}/change/"):
        assert b'name="_save"' not in admin.get(url).content
        assert admin.post(url, {"sub": "somebody-else"}).status_code == 403
    assert admin.get(f"{SESSIONS}add/").status_code == admin.get(f"{IDENTITIES}add/").status_code == 403


def test_identities_are_found(admin: Client, three: dict[str, Client]) -> None:
    for query in ("subject-bob", "bob@example.com"):
        response: Any = admin.get(IDENTITIES, {"q": query})
        assert [row.sub for row in response.context["cl"].result_list] == ["subject-bob"]


# ---- ending


@pytest.mark.parametrize("action", ["end_selected", "end_selected_at_op"])
def test_ending_signs_the_browser_out(admin: Client, three: dict[str, Client], action: str) -> None:
    response = act(admin, action, row_of("subject-alice"), row_of("subject-bob"))
    assert response.status_code == 302
    assert ("success", "2 sessions were ended.") in read_messages(response)
    assert [is_signed_in(client) for client in three.values()] == [False, False, True]
    row = row_of("subject-bob")
    assert (row.end_reason, row.sealed_tokens) == ("admin", "")


def test_ending_what_has_ended_keeps_its_reason(admin: Client, op: FakeOP) -> None:
    sign_in_as(op).post("/oidc/logout/")
    response = act(admin, "end_selected", OIDCSession.objects.get())
    assert read_messages(response) == [("success", "0 sessions were ended.")]
    assert OIDCSession.objects.get().end_reason == "logout"


def test_ending_all_that_a_filter_shows(admin: Client, op: FakeOP) -> None:
    """With the filter "live", what has just been ended no longer fits the filter."""
    clients = [sign_in_as(op, f"subject-{number}", f"session-{number}") for number in range(3)]
    form = {"action": "end_selected", "select_across": "1", "_selected_action": str(row_of("subject-0").pk)}
    response = admin.post(f"{SESSIONS}?state=live", form)
    assert read_messages(response) == [("success", "3 sessions were ended.")]
    assert not any(is_signed_in(client) for client in clients)


def test_ending_more_than_a_statement_takes(admin: Client, op: FakeOP) -> None:
    client = sign_in_as(op)
    row = OIDCSession.objects.get()
    OIDCSession.objects.bulk_create(
        OIDCSession(login_key=f"login-{number}", alias="default", sub="bulk", user=row.user, expires_at=row.expires_at)
        for number in range(1_200)
    )
    form = {"action": "end_selected", "select_across": "1", "_selected_action": str(row.pk)}
    assert read_messages(admin.post(SESSIONS, form)) == [("success", "1201 sessions were ended.")]
    assert not is_signed_in(client)


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "signed_cookies"])
def test_deleting_a_session_ends_it(admin: Client, op: FakeOP, settings: Settings, engine: str) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    admin.force_login(User.objects.get(username="root"), "django.contrib.auth.backends.ModelBackend")
    one, two = sign_in_as(op, "one", "session-1"), sign_in_as(op, "two", "session-2")
    assert admin.post(f"{SESSIONS}{row_of('one').pk}/delete/", {"post": "yes"}).status_code == 302
    assert act(admin, "delete_selected", row_of("two"), post="yes").status_code == 302
    assert not OIDCSession.objects.exists()
    assert not is_signed_in(one)
    assert not is_signed_in(two)


@pytest.mark.parametrize("engine", ["db", "cached_db", "cache", "signed_cookies"])
def test_deleting_a_user_ends_their_sessions(admin: Client, op: FakeOP, settings: Settings, engine: str) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    admin.force_login(User.objects.get(username="root"), "django.contrib.auth.backends.ModelBackend")
    client = sign_in_as(op)
    user = OIDCSession.objects.get().user
    assert admin.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()
    assert not OIDCSession.objects.exists()
    assert not OIDCIdentity.objects.exists()
    assert not is_signed_in(client)
    # The next login makes another user.
    sign_in_as(op)
    assert OIDCSession.objects.get().user_id != user.pk


def test_deleting_an_identity_unlinks_it(admin: Client, op: FakeOP) -> None:
    sign_in_as(op)
    identity = OIDCIdentity.objects.get()
    admin.post(f"{IDENTITIES}{identity.pk}/delete/", {"post": "yes"})
    assert User.objects.filter(pk=identity.user_id).exists()
    assert not OIDCIdentity.objects.exists()


# ---- permissions


@pytest.mark.parametrize("action", ["end_selected", "end_selected_at_op", "delete_selected"])
def test_who_may_only_view_ends_nothing(op: FakeOP, action: str) -> None:
    client = sign_in_as(op)
    viewer = sign_in_to_admin("view_oidcsession")
    row = OIDCSession.objects.get()
    assert action.encode() not in viewer.get(SESSIONS).content
    act(viewer, action, row, post="yes")
    assert viewer.post(f"{SESSIONS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert is_signed_in(client)


def test_who_may_delete_ends(op: FakeOP) -> None:
    client = sign_in_as(op)
    keeper = sign_in_to_admin("view_oidcsession", "delete_oidcsession")
    act(keeper, "end_selected", OIDCSession.objects.get())
    assert not is_signed_in(client)


def test_who_has_no_permission_sees_nothing(op: FakeOP) -> None:
    sign_in_as(op)
    stranger = sign_in_to_admin("view_user")
    assert stranger.get(SESSIONS).status_code == stranger.get(IDENTITIES).status_code == 403
