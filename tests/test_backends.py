"""From validated claims to a user: identity, linking, refusals and hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.contrib.auth import authenticate, get_user
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from oidc_rp.backends import OIDCBackend, _is_same_email
from oidc_rp.models import OIDCIdentity, OIDCSession
from tests.support.browser import JSON, begin, complete, get_error, sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

pytestmark = pytest.mark.django_db


def refuse(client: Client, op: FakeOP, alias: str = "default") -> str:
    """A login that this site refuses; the code that says why."""
    begun = begin(client, alias=alias)
    status, code = get_error(complete(client, op.authorize(begun["Location"]), alias=alias, headers=JSON))
    assert status == 403
    assert client.get("/oidc/session/").status_code == 401
    return code


# --- identity


def test_user_is_found_again_by_issuer_and_subject(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    op.claims.update(email="alice@new.example", email_verified=False, given_name="Alicia")
    sign_in(Client(), op)
    user = User.objects.get()
    assert (user.email, user.first_name) == ("alice@new.example", "Alicia")
    assert (user.oidc_identities.get().issuer, user.oidc_identities.get().sub) == ("https://op.example", "subject-1")


def test_user_has_no_usable_password(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize("sub", ["Subject-1", "subject-1 ", "subject-10", "SUBJECT-1", "subject\u20101"])
def test_user_of_a_similar_subject_is_another(client: Client, op: FakeOP, sub: str) -> None:
    sign_in(client, op)
    op.claims["sub"] = sub
    sign_in(Client(), op)
    assert User.objects.count() == OIDCIdentity.objects.count() == 2


def test_user_of_the_same_subject_at_another_issuer_is_another(client: Client, op: FakeOP, other_op: FakeOP) -> None:
    sign_in(client, op)
    sign_in(Client(), other_op, alias="other")
    assert User.objects.count() == 2
    assert {identity.sub for identity in OIDCIdentity.objects.all()} == {"subject-1"}


def test_user_name_is_one_that_nobody_can_choose(client: Client, op: FakeOP) -> None:
    op.claims["preferred_username"] = "admin"
    sign_in(client, op)
    assert len(User.objects.get().username) == 30


# --- e-mail


def test_email_never_links_by_default(client: Client, op: FakeOP) -> None:
    alice = User.objects.create_user("alice", email="alice@example.com")
    sign_in(client, op)
    assert OIDCIdentity.objects.get().user != alice
    assert User.objects.filter(email="alice@example.com").count() == 2


def test_email_links_where_the_site_allows_it(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    alice = User.objects.create_user("alice", email="Alice@Example.com")
    User.objects.create_user("bob", email="bob@example.com")
    sign_in(client, op)
    assert OIDCIdentity.objects.get().user == alice
    assert User.objects.get(pk=alice.pk).first_name == "Alice"


@pytest.mark.parametrize("verified", [False, None, "true", 1, "yes"])
def test_email_that_is_not_verified_links_nobody(
    client: Client, op: FakeOP, settings: Settings, verified: object
) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    alice = User.objects.create_user("alice", email="alice@example.com")
    op.claims["email_verified"] = verified
    sign_in(client, op)
    assert OIDCIdentity.objects.get().user != alice


@pytest.mark.parametrize("email", [None, "", 5, ["alice@example.com"], {"alice@example.com": 1}])
def test_email_that_is_none_links_nobody(client: Client, op: FakeOP, settings: Settings, email: object) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    nameless = User.objects.create_user("nameless", email="")
    op.claims["email"] = email
    sign_in(client, op)
    assert OIDCIdentity.objects.get().user != nameless


def test_email_does_not_link_a_second_subject_of_the_same_op(client: Client, op: FakeOP, settings: Settings) -> None:
    """The address has been given to somebody else, who must not get their predecessor's account."""
    change_provider(settings, LINK_BY_EMAIL=True)
    User.objects.create_user("alice", email="alice@example.com")
    sign_in(client, op)
    op.claims["sub"] = "subject-2"
    assert refuse(Client(), op) == "user_linked"


def test_email_links_the_subjects_of_two_ops(client: Client, op: FakeOP, other_op: FakeOP, settings: Settings) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    change_provider(settings, "other", LINK_BY_EMAIL=True)
    alice = User.objects.create_user("alice", email="alice@example.com")
    sign_in(client, op)
    sign_in(Client(), other_op, alias="other")
    assert {identity.user for identity in OIDCIdentity.objects.all()} == {alice}


def test_email_links_no_account_that_was_made_under_an_unverified_address(
    client: Client, op: FakeOP, other_op: FakeOP, settings: Settings
) -> None:
    """Somebody claims an address at an OP that checks none, and waits for its owner to be linked to their account."""
    change_provider(settings, LINK_BY_EMAIL=True)
    other_op.claims["email_verified"] = False
    sign_in(client, other_op, alias="other")
    assert refuse(Client(), op) == "user_unverified"
    assert OIDCIdentity.objects.count() == 1


def test_email_of_two_accounts_links_neither(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    for name in ("alice", "alice2"):
        User.objects.create_user(name, email="alice@example.com")
    assert refuse(client, op) == "user_ambiguous"
    assert not OIDCIdentity.objects.exists()


def test_email_does_not_link_an_inactive_account(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, LINK_BY_EMAIL=True)
    User.objects.create_user("alice", email="alice@example.com", is_active=False)
    assert refuse(client, op) == "user_inactive"
    assert not OIDCSession.objects.exists()


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("alice@example.com", "ALICE@Example.COM", True),
        ("größe@example.com", "GRÖSSE@example.com", True),
        pytest.param("m\u0131ke@example.com", "mike@example.com", False, id="dotless_i"),
        pytest.param("mike@example.com", "mike@example.co\u217f", True, id="same_under_nfkc_as_django_has_it"),
        ("alice@example.com", "alice@example.org", False),
    ],
)
def test_email_comparison(left: str, right: str, same: bool) -> None:
    """Databases fold more than mail servers do (CVE-2019-19844); SQLite folds too little to show it."""
    assert _is_same_email(left, right) is same


# --- refusals


def test_unknown_users_are_refused_without_create_users(client: Client, op: FakeOP, settings: Settings) -> None:
    sign_in(client, op)
    change_provider(settings, CREATE_USERS=False)
    assert sign_in(Client(), op, "/private/").status_code == 302, "known ones come in"
    op.claims["sub"] = "subject-2"
    assert refuse(Client(), op) == "user_unknown"
    assert User.objects.count() == 1


def test_inactive_user_is_refused(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    User.objects.update(is_active=False)
    assert refuse(Client(), op) == "user_inactive"
    assert OIDCSession.objects.count() == 1


def test_user_whom_the_claims_make_inactive_is_refused_and_stays_so(
    client: Client, op: FakeOP, settings: Settings
) -> None:
    change_provider(settings, CLAIMS_MAPPING={"is_active": {"claim": "groups", "contains": "members"}})
    op.claims["groups"] = ["members"]
    sign_in(client, op)
    op.claims["groups"] = []
    assert refuse(Client(), op) == "user_inactive"
    assert not User.objects.get().is_active


def test_inactive_user_loses_the_session(client: Client, op: FakeOP, rf: RequestFactory) -> None:
    sign_in(client, op)
    assert OIDCBackend().get_user(User.objects.get().pk) == User.objects.get()
    User.objects.update(is_active=False)
    assert OIDCBackend().get_user(User.objects.get().pk) is None
    request = rf.get("/")
    request.session = client.session
    assert isinstance(get_user(request), AnonymousUser)


def test_name_of_another_account_is_refused(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, CLAIMS_MAPPING={"username": "preferred_username"})
    User.objects.create_user("admin")
    op.claims["preferred_username"] = "admin"
    assert refuse(client, op) == "user_conflict"
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [(None, "username_missing"), (5, "username_missing"), ("", "username_missing"), ("x" * 151, "username_too_long")],
)
def test_name_that_is_none_is_refused(client: Client, op: FakeOP, settings: Settings, name: object, code: str) -> None:
    change_provider(settings, CLAIMS_MAPPING={"username": "preferred_username"})
    op.claims["preferred_username"] = name
    assert refuse(client, op) == code


def test_name_from_the_mapping(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, CLAIMS_MAPPING={"username": "preferred_username"})
    op.claims["preferred_username"] = "alice"
    sign_in(client, op)
    assert User.objects.get().username == "alice"


def make_username(email: str, claims: dict[str, Any]) -> str:
    return f"{claims['family_name']}-{email.partition('@')[0]}".lower()


def test_name_from_the_algorithm_of_mozilla_django_oidc(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.OIDC_USERNAME_ALGO = make_username
    sign_in(client, op)
    assert User.objects.get().username == "example-alice"


# --- hooks


class HookedBackend(OIDCBackend):
    """What somebody coming from mozilla-django-oidc has written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def verify_claims(self, claims: Any) -> bool:
        return super().verify_claims(claims) and "staff" in claims.get("groups", [])

    def filter_users_by_claims(self, claims: Any) -> Any:
        return self.UserModel.objects.filter(username=claims.get("employee", ""))

    def create_user(self, claims: Any) -> Any:
        user = super().create_user(claims)
        user.last_name = f"{claims['department']} of {self.oidc_provider.alias}"
        user.save()
        return user

    def update_user(self, user: Any, claims: Any) -> Any:
        assert isinstance(self.request, HttpRequest)
        user.last_name = f"{self.oidc_login.id_token.sid} {claims['department']}"
        user.save()
        return super().update_user(user, {})


@pytest.fixture
def hooked(settings: Settings, op: FakeOP) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.test_backends.HookedBackend"]
    change_provider(settings, FETCH_USERINFO=True)
    op.userinfo["department"] = "Sales"
    op.claims["groups"] = ["staff"]


@pytest.mark.usefixtures("hooked")
def test_hooks_get_the_claims_of_id_token_and_userinfo(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert User.objects.get().last_name == "Sales of default"
    sign_in(Client(), op)
    assert User.objects.get().last_name == "session-1 Sales"


@pytest.mark.usefixtures("hooked")
def test_hooks_may_refuse(client: Client, op: FakeOP) -> None:
    op.claims["groups"] = []
    assert refuse(client, op) == "claims_refused"


@pytest.mark.usefixtures("hooked")
def test_hooks_may_find_users(client: Client, op: FakeOP) -> None:
    alice = User.objects.create_user("e-17")
    op.claims["employee"] = "e-17"
    sign_in(client, op)
    assert OIDCIdentity.objects.get().user == alice


# --- Django's side


def test_backend_ignores_other_credentials(rf: RequestFactory) -> None:
    bob = User.objects.create_user("bob", password="pass-word-1")
    assert OIDCBackend().authenticate(rf.get("/"), username="bob", password="pass-word-1") is None
    assert authenticate(rf.get("/"), username="bob", password="pass-word-1") == bob


def test_backend_missing_from_the_settings_refuses(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert refuse(client, op) == "user_unknown"


def test_backend_costs_nothing_to_build_for_a_permission_check(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    user = User.objects.get()
    user.user_permissions.set([])
    op.calls.clear()
    with CaptureQueriesContext(connection) as captured:
        OIDCBackend()
    assert not captured.captured_queries
    assert not user.has_perm("auth.add_user")
    assert not op.calls


class OvertakenBackend(OIDCBackend):
    """Has found no identity; while it makes the user, another request does the same and is done first."""

    overtaken: ClassVar[bool] = False

    def create_user(self, claims: Any) -> Any:
        if not OvertakenBackend.overtaken:
            OvertakenBackend.overtaken = True
            raise IntegrityError("what the database says to the second of two")
        return super().create_user(claims)


def test_first_logins_of_one_subject_at_once_make_one_user(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.test_backends.OvertakenBackend"]
    OvertakenBackend.overtaken = False
    finished: list[str] = []

    def overtake(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith("ROLLBACK TO SAVEPOINT"):
            finished.append(sign_in(Client(), op, "/the/other/")["Location"])
        return result

    with connection.execute_wrapper(overtake):
        finished.append(sign_in(client, op, "/the/first/")["Location"])
    assert finished == ["/the/other/", "/the/first/"]
    assert User.objects.count() == OIDCIdentity.objects.count() == 1
    assert OIDCSession.objects.filter(ended_at=None).count() == 2
