"""The cookies of pending logins and logouts, apart from the views."""

from __future__ import annotations

import dataclasses

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from oidc_rp.cookies import delete_cookie, delete_transaction, load_transaction, save_transaction
from oidc_rp.flows.transaction import Transaction
from oidc_rp.protocol.errors import AuthenticationResponseError
from oidc_rp.sealing import seal

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


def test_transaction_shows_no_secret_in_its_repr() -> None:
    text = repr(TRANSACTION)
    assert not any(secret in text for secret in ("state-1", "nonce-1", "verifier-1"))
