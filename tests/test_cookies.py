"""The cookies of pending logins and logouts, apart from the views."""

from __future__ import annotations

import dataclasses

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from oidc_rp.cookies import (
    cookie_name,
    delete_cookie,
    delete_transaction,
    load_logout,
    load_transaction,
    save_logout,
    save_transaction,
)
from oidc_rp.flows.logout import PendingLogout
from oidc_rp.flows.transaction import Transaction
from oidc_rp.protocol.errors import AuthenticationResponseError
from oidc_rp.sealing import open_sealed, seal

TRANSACTION = Transaction(
    alias="default",
    issuer="https://op.example",
    redirect_uri="https://app.example/oidc/callback/default/",
    next="/",
    state="state-1",
    nonce="nonce-1",
    code_verifier="verifier-1",
    created_at=1_800_000_000.25,
)


def saved(rf: RequestFactory, transaction: Transaction = TRANSACTION) -> HttpResponse:
    response = HttpResponse()
    save_transaction(rf.get("/"), response, transaction, cross_site=False)
    return response


def test_transaction_comes_back_as_it_was(rf: RequestFactory) -> None:
    demanding = dataclasses.replace(TRANSACTION, silent=True, max_age=0, acr_values=("a", "b"))
    request = rf.get("/")
    for name, morsel in saved(rf, demanding).cookies.items():
        request.COOKIES[name] = morsel.value
    assert load_transaction(request, "state-1") == demanding


def test_transaction_cookie_name_comes_from_a_hash_of_state(rf: RequestFactory) -> None:
    """`state` comes from outside when a transaction is looked up; it must not choose the cookie."""
    request = rf.get("/")
    request.COOKIES["__Host-oidc_rp.tx.state-1"] = "1.x"
    assert load_transaction(request, "state-1") is None


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{}", b"no json", b'{"acr_values": 5}', b'{"acr_values": []}', b'{"acr_values": [], "new_member": 1}'],
)
def test_transaction_of_another_version_is_refused(rf: RequestFactory, content: bytes) -> None:
    request = rf.get("/")
    (name,) = saved(rf).cookies
    request.COOKIES[name] = "1." + seal(content, "transaction", "state-1")
    with pytest.raises(AuthenticationResponseError) as caught:
        load_transaction(request, "state-1")
    assert caught.value.code == "transaction_invalid"


def test_deletion_carries_the_attributes_without_which_browsers_ignore_it(rf: RequestFactory) -> None:
    (name,) = saved(rf).cookies
    response = HttpResponse()
    delete_transaction(response, "state-1")
    delete_cookie(response, "__Host-oidc_rp.bounce")
    for cookie in (name, "__Host-oidc_rp.bounce"):
        morsel = response.cookies[cookie]
        assert (morsel.value, morsel["max-age"], morsel["path"], morsel["secure"]) == ("", 0, "/", True)


@pytest.mark.parametrize(("cross_site", "samesite"), [(False, "Lax"), (True, "None")])
def test_transaction_cookie_is_kept_from_everybody_else(rf: RequestFactory, cross_site: bool, samesite: str) -> None:
    response = HttpResponse()
    save_transaction(rf.get("/"), response, TRANSACTION, cross_site=cross_site)
    [(name, morsel)] = response.cookies.items()
    assert name == "__Host-oidc_rp.tx.f36b45ae818809ee"
    attributes = {key: value for key, value in morsel.items() if value and key != "expires"}
    assert attributes == {"path": "/", "secure": True, "httponly": True, "samesite": samesite, "max-age": 600}
    mark, _, sealed = morsel.value.partition(".")
    assert mark == "1800000000250"
    assert open_sealed(sealed, "transaction", "state-1") == TRANSACTION.serialize()


def test_pending_logins_are_the_newest_five(rf: RequestFactory) -> None:
    request = rf.get("/")
    marks = ["1", "", "30", "x", "4", "20", "\u0663", "9" * 14, "9" * 15]
    names = {mark: f"__Host-oidc_rp.tx.{number:016x}" for number, mark in enumerate(marks)}
    request.COOKIES |= {names[mark]: f"{mark}.sealed" for mark in marks}
    response = HttpResponse()
    save_transaction(request, response, TRANSACTION, cross_site=False)
    deleted = {name for name, morsel in response.cookies.items() if morsel["max-age"] == 0}
    assert {mark for mark in marks if names[mark] not in deleted} == {"9" * 14, "30", "20", "4"}
    assert len(response.cookies) == len(deleted) + 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("__Host-oidc_rp.tx.\u0663", id="not_ascii"),
        pytest.param("__Host-oidc_rp.tx.a(b)", id="no_token"),
        pytest.param("__Host-oidc_rp.tx.0123456789ABCDEF", id="upper_case"),
        pytest.param("__Host-oidc_rp.tx.0123456789abcdef0", id="longer"),
        pytest.param("__Host-oidc_rpxtx.0123456789abcdef", id="no_dot"),
        pytest.param("x__Host-oidc_rp.tx.0123456789abcdef", id="something_in_front"),
    ],
)
def test_cookies_that_are_no_pending_logins_are_left_alone(rf: RequestFactory, name: str) -> None:
    """Not all that a browser may send could be written into a header, for its deletion."""
    request = rf.get("/")
    request.COOKIES |= {f"__Host-oidc_rp.tx.{number:016x}": "9.sealed" for number in range(4)}
    request.COOKIES |= {name: "1.sealed", "__Host-oidc_rp.tx.fedcba9876543210": ""}
    response = HttpResponse()
    save_transaction(request, response, TRANSACTION, cross_site=False)
    assert list(response.cookies) == ["__Host-oidc_rp.tx.f36b45ae818809ee"]


@pytest.mark.parametrize("value", ["1800000000250.", "x", "1.AAAA", "."])
def test_transaction_cookie_that_was_changed_is_refused(rf: RequestFactory, value: str) -> None:
    request = rf.get("/")
    (name,) = saved(rf).cookies
    request.COOKIES[name] = value
    with pytest.raises(AuthenticationResponseError) as caught:
        load_transaction(request, "state-1")
    assert caught.value.code == "transaction_invalid"


def test_transaction_cookie_of_another_login_is_refused(rf: RequestFactory) -> None:
    request = rf.get("/")
    [(name, _)] = saved(rf).cookies.items()
    [(_, other)] = saved(rf, dataclasses.replace(TRANSACTION, state="state-2")).cookies.items()
    request.COOKIES[name] = other.value
    with pytest.raises(AuthenticationResponseError) as caught:
        load_transaction(request, "state-1")
    assert (caught.value.code, str(caught.value)) == ("transaction_invalid", "the pending login: the seal is broken")


def test_transaction_is_absent_without_a_cookie_and_with_an_empty_one(rf: RequestFactory) -> None:
    request = rf.get("/")
    assert load_transaction(request, "state-1") is None
    (name,) = saved(rf).cookies
    request.COOKIES[name] = ""
    assert load_transaction(request, "state-1") is None


def test_pending_logout_comes_back_as_it_was(rf: RequestFactory) -> None:
    response = HttpResponse()
    save_logout(response, PendingLogout(state="state-1", next="/bye/"))
    [(name, morsel)] = response.cookies.items()
    assert (name, morsel["max-age"], morsel["samesite"]) == ("__Host-oidc_rp.logout", 600, "Lax")
    request = rf.get("/")
    request.COOKIES[name] = morsel.value
    assert load_logout(request) == PendingLogout(state="state-1", next="/bye/")


def test_pending_logout_of_an_earlier_release_is_read(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.COOKIES["__Host-oidc_rp.logout"] = seal(b'{"state": "s", "next": "/"}', "logout")
    assert load_logout(request) == PendingLogout(state="s", next="/")


@pytest.mark.parametrize("value", ["", "x", seal(b"{}", "logout"), seal(b"[]", "logout"), seal(b"x", "logout"),
                                   seal(b'{"state": "s", "next": "/"}', "transaction")],
                         ids=["absent", "text", "no_members", "list", "no_json", "another_purpose"])  # fmt: skip
def test_pending_logout_that_cannot_be_read_is_none(rf: RequestFactory, value: str) -> None:
    request = rf.get("/")
    if value:
        request.COOKIES["__Host-oidc_rp.logout"] = value
    assert load_logout(request) is None


def test_cookie_names_follow_the_setting(rf: RequestFactory, settings: Settings) -> None:
    settings.OIDC_RP_COOKIE_NAME = "login"
    assert cookie_name("logout") == "__Host-login.logout"


def test_transaction_shows_no_secret_in_its_repr() -> None:
    text = repr(TRANSACTION)
    assert not any(secret in text for secret in ("state-1", "nonce-1", "verifier-1"))
