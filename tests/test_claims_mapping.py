"""CLAIMS_MAPPING: fields, booleans and groups from claims, and what a wrong mapping comes to."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oidc_rp.claims_mapping import apply_mapping, find_faults, get_claim, sync_groups
from oidc_rp.protocol.errors import ConfigurationError
from tests.email_user.models import Account


def apply(claims: dict[str, Any], mapping: dict[str, Any] | None, **fields: Any) -> tuple[User, list[str]]:
    user = User(**fields)
    return user, apply_mapping(user, claims, mapping)


# --- where a claim is found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("email", "a@example.com"),
        ("realm_access.roles", ["editor"]),
        ("https://example.com/roles", ["by name"]),
        pytest.param("a.b", "by name", id="name_with_dots_comes_first"),
        pytest.param("email.domain", None, id="path_into_text"),
        pytest.param("realm_access.roles.0", None, id="path_into_list"),
        pytest.param("absent", None, id="absent"),
        pytest.param("realm_access.absent", None, id="absent_below"),
    ],
)
def test_claim_by_path(path: str, expected: object) -> None:
    claims = {
        "email": "a@example.com",
        "realm_access": {"roles": ["editor"]},
        "https://example.com/roles": ["by name"],
        "a.b": "by name",
        "a": {"b": "by path"},
    }
    assert get_claim(claims, path) == expected


# --- plain fields


def test_fields_default_to_email_and_names() -> None:
    claims = {"email": "a@example.com", "given_name": "A", "family_name": "B", "is_staff": True, "username": "x"}
    user, changed = apply(claims, None)
    assert changed == ["email", "first_name", "last_name"]
    assert (user.email, user.first_name, user.last_name, user.is_staff, user.username) == (
        "a@example.com", "A", "B", False, "",
    )  # fmt: skip


def test_fields_default_to_those_that_the_user_model_has() -> None:
    account = Account()
    assert apply_mapping(account, {"email": "a@example.com", "given_name": "A"}, None) == ["email"]


def test_fields_of_an_own_mapping_replace_the_defaults() -> None:
    user, changed = apply({"email": "a@example.com", "nickname": "al"}, {"first_name": "nickname"})
    assert (changed, user.email) == (["first_name"], "")


def test_fields_that_stay_the_same_are_not_reported() -> None:
    assert apply({"nickname": "al"}, {"first_name": "nickname"}, first_name="al")[1] == []


@pytest.mark.parametrize("claim", [None, 5, True, ["al"], {"al": 1}])
def test_fields_keep_their_value_without_a_text(claim: object) -> None:
    user, changed = apply({"nickname": claim}, {"first_name": "nickname"}, first_name="kept")
    assert (user.first_name, changed) == ("kept", [])


def test_fields_can_be_emptied() -> None:
    assert apply({"nickname": ""}, {"first_name": "nickname"}, first_name="old")[0].first_name == ""


def test_fields_cut_what_is_too_long() -> None:
    assert apply({"nickname": "x" * 200}, {"first_name": "nickname"})[0].first_name == "x" * 150


def test_fields_for_addresses_cut_nothing() -> None:
    """The beginning of a@example.com.evil.example is an address, and not this user's."""
    long = "a" * 242 + "@example.com" + ".evil.example"
    assert apply({"email": long}, None, email="kept@example.com")[0].email == "kept@example.com"


def test_fields_of_other_types_take_what_they_can_read() -> None:
    mapping = {"date_joined": "since"}
    user, changed = apply({"since": "2026-11-23T10:00:00Z"}, mapping)
    assert (changed, user.date_joined.isoformat()) == (["date_joined"], "2026-11-23T10:00:00+00:00")
    assert apply({"since": "yesterday"}, mapping)[1] == []


# --- booleans


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["staff", "x"], True),
        ("staff", True),
        (["staffer"], False),
        ("staffer", False),
        ([["staff"]], False),
        ({"staff": True}, False),
        (None, False),
        (True, False),
    ],
)
def test_boolean_is_whether_the_claim_contains(groups: object, expected: bool) -> None:
    mapping = {"is_staff": {"claim": "groups", "contains": "staff"}}
    for before in (True, False):
        user, changed = apply({"groups": groups}, mapping, is_staff=before)
        assert user.is_staff is expected
        assert changed == ([] if before == expected else ["is_staff"])


def test_boolean_is_withdrawn_when_the_claim_is_absent() -> None:
    assert (
        apply({}, {"is_superuser": {"claim": "roles", "contains": "root"}}, is_superuser=True)[0].is_superuser is False
    )


# --- groups


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("alice")


def names(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def make_groups(*names: str) -> list[Group]:
    return [Group.objects.create(name=name) for name in names]


def test_groups_become_what_the_claim_says(user: User) -> None:
    user.groups.set(make_groups("Old", "Kept"))
    make_groups("New")
    sync_groups(user, {"groups": ["New", "Kept", "Unknown", 5]}, {"groups": "groups"})
    assert names(user) == {"New", "Kept"}
    assert not Group.objects.filter(name="Unknown").exists()


@pytest.mark.parametrize("claims", [{}, {"groups": []}, {"groups": None}, {"groups": {"Old": 1}}])
def test_groups_are_left_when_the_claim_no_longer_says_them(user: User, claims: dict[str, Any]) -> None:
    user.groups.set(make_groups("Old"))
    sync_groups(user, claims, {"groups": "groups"})
    assert names(user) == set()


def test_groups_with_a_map_touch_only_those_in_it(user: User) -> None:
    user.groups.set(make_groups("Local", "Editors", "Readers"))
    make_groups("Admins")
    rule = {"claim": "roles", "map": {"editor": "Editors", "reader": "Readers", "admin": "Admins"}}
    sync_groups(user, {"roles": ["admin", "reader", "Local", "other"]}, {"groups": rule})
    assert names(user) == {"Local", "Readers", "Admins"}


def test_groups_are_made_only_when_told(user: User) -> None:
    sync_groups(user, {"roles": ["a", "b"]}, {"groups": {"claim": "roles", "create": True}})
    assert names(user) == {"a", "b"}


def test_groups_with_names_that_no_group_can_have_are_passed_over(user: User) -> None:
    rule = {"claim": "roles", "create": True}
    for _ in range(3):
        sync_groups(user, {"roles": ["x" * 151, "y" * 150]}, {"groups": rule})
        assert names(user) == {"y" * 150}


def test_groups_that_stay_the_same_cost_one_query(user: User) -> None:
    user.groups.set(make_groups("a"))
    with CaptureQueriesContext(connection) as captured:
        sync_groups(user, {"groups": ["a"]}, {"groups": "groups"})
    assert len(captured) == 1


@pytest.mark.parametrize("mapping", [None, {}, {"email": "email"}])
def test_groups_are_not_touched_without_a_mapping(user: User, mapping: dict[str, Any] | None) -> None:
    user.groups.set(make_groups("Local"))
    sync_groups(user, {"groups": []}, mapping)
    assert names(user) == {"Local"}


# --- wrong mappings

WRONG = [
    pytest.param({"pasword": "x"}, "no field 'pasword'", id="unknown_field"),
    pytest.param({"password": "x"}, "'password' must not be filled", id="password"),
    pytest.param({"id": "x"}, "'id' must not be filled", id="primary_key"),
    pytest.param({"user_permissions": "x"}, "'user_permissions' must not be filled", id="permissions"),
    pytest.param({"oidc_sessions": "x"}, "'oidc_sessions' is a key or a relation", id="relation"),
    pytest.param({"is_staff": "x"}, "'is_staff' needs", id="boolean_without_contains"),
    pytest.param({"email": {"claim": "x", "contains": "y"}}, "'email' needs", id="text_with_contains"),
    pytest.param({"email": 5}, "'email' must be a claim's name", id="number"),
    pytest.param({"email": {}}, "'email' must be a claim's name", id="empty_dict"),
    pytest.param({"email": {"claim": 5}}, "'email' must be a claim's name", id="claim_is_a_number"),
    pytest.param({"email": {"claim": "x", "map": {}}}, "'email' must be a claim's name", id="map_for_a_field"),
    pytest.param({"is_staff": {"claim": "x", "contains": 5}}, "'is_staff' must be", id="contains_is_a_number"),
    pytest.param({"groups": {"claim": "x", "contains": "y"}}, "'groups' must be", id="contains_for_groups"),
    pytest.param({"groups": {"claim": "x", "map": ["y"]}}, "'groups' must be", id="map_is_a_list"),
    pytest.param({"groups": {"claim": "x", "map": {"y": 5}}}, "'groups' must be", id="map_to_a_number"),
]


@pytest.mark.parametrize(("mapping", "fault"), WRONG)
def test_wrong_mapping_is_reported(mapping: dict[str, Any], fault: str) -> None:
    (found,) = find_faults(mapping, User)
    assert fault in found


@pytest.mark.parametrize(("mapping", "fault"), WRONG)
def test_wrong_mapping_is_refused_at_login_too(mapping: dict[str, Any], fault: str) -> None:
    """A loader's mapping passes no system check; filling a password hash from claims must still not be possible."""
    user = User(password="kept")
    with pytest.raises(ConfigurationError, match="CLAIMS_MAPPING") as caught:
        apply_mapping(user, {"x": "y"}, mapping)
    assert fault in str(caught.value)
    assert user.password == "kept"


def test_right_mapping_has_no_faults() -> None:
    mapping = {
        "email": "email",
        "first_name": {"claim": "given_name"},
        "is_staff": {"claim": "groups", "contains": "staff"},
        "groups": {"claim": "realm_access.roles", "map": {"editor": "Editors"}, "create": True},
    }
    assert find_faults(mapping, User) == []
    assert apply({"given_name": "A", "groups": ["staff"]}, mapping)[1] == ["first_name", "is_staff"]


def test_faults_are_those_of_the_user_model_in_use() -> None:
    assert find_faults({"email": "email"}, Account) == []
    assert len(find_faults({"groups": "groups", "first_name": "x"}, Account)) == 2
