"""A form that came before its step-up: kept for its user and its page, once, and never sent by itself."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from oidc_rp.kept_forms import LIFETIME_SECONDS, MAX_FORM_BYTES
from tests.support.browser import Response, complete, sign_in
from tests.support.fake_op import FakeOP
from tests.test_step_up_trips import NAVIGATION, find_link

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.step_up_site")]

FORM = {"to": "bob & co", "amount": ["5", "6"], "csrfmiddlewaretoken": "t"}
KEPT = {"to": ["bob & co"], "amount": ["5", "6"]}


@pytest.fixture
def alice(op: FakeOP) -> Client:
    client = Client()
    sign_in(client, op)
    return client


def send(client: Client, form: dict[str, Any], page: str = "/transfer/?a=1") -> Response:
    response = client.post(page, form, headers=NAVIGATION)
    assert response.status_code == 403
    return response


def step_up(client: Client, op: FakeOP, response: Response) -> str:
    """Follow the page's link, and come back with the second factor; where to."""
    op.claims.update(acr="mfa")
    return complete(client, op.authorize(client.get(find_link(response, "Sign in"))["Location"]))["Location"]


def test_form_is_there_after_the_step_up_once(alice: Client, op: FakeOP) -> None:
    response = send(alice, FORM)
    assert "It is kept for ten minutes" in response.content.decode()
    assert step_up(alice, op, response) == "/transfer/?a=1"
    assert alice.get("/transfer/?a=1").json() == {"method": "GET", "kept": KEPT}
    assert alice.get("/transfer/?a=1").json()["kept"] is None


def test_form_in_the_session_is_sealed(alice: Client) -> None:
    send(alice, FORM)
    assert "bob" not in str(dict(alice.session))


def test_form_is_for_its_own_page(alice: Client, op: FakeOP) -> None:
    """The path counts, not the query."""
    step_up(alice, op, send(alice, FORM))
    assert alice.get("/transfers/").json()["kept"] is None
    assert alice.get("/transfer/?b=2").json()["kept"] == KEPT


def test_form_is_gone_with_the_session(alice: Client, op: FakeOP) -> None:
    send(alice, FORM)
    alice.post("/oidc/logout/")
    op.claims.update(acr="mfa")
    sign_in(alice, op)
    assert alice.get("/transfer/").json()["kept"] is None


def test_form_does_not_open_for_another_user(alice: Client, op: FakeOP) -> None:
    send(alice, FORM)
    sealed = alice.session["_oidc_rp_form"]
    bob = Client()
    op.claims.update(acr="mfa", sub="subject-2", email="bob@example.com")
    sign_in(bob, op)
    session = bob.session
    session["_oidc_rp_form"] = sealed
    session.save()
    assert bob.get("/transfer/").json()["kept"] is None


def test_form_is_forgotten_after_ten_minutes(op: FakeOP) -> None:
    alice = Client()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        sign_in(alice, op)
        response = send(alice, FORM)
        clock.shift(LIFETIME_SECONDS + 1)
        step_up(alice, op, response)
        assert alice.get("/transfer/").json()["kept"] is None


def test_form_is_taken_once_by_two_requests_at_once(alice: Client, op: FakeOP) -> None:
    """Both have read the session before either has saved it: the cache tells them apart."""
    step_up(alice, op, send(alice, FORM))
    before = dict(alice.session)
    taken = [alice.get("/transfer/").json()["kept"]]
    session = alice.session
    session.update(before)
    session.save()
    taken.append(alice.get("/transfer/").json()["kept"])
    assert taken == [KEPT, None]
    cache.clear()


@pytest.mark.parametrize(
    "form",
    [{"text": "a" * MAX_FORM_BYTES}, {}, {"file": SimpleUploadedFile("a.txt", b"text")}],
    ids=["too_large", "empty", "files_only"],
)
def test_form_that_cannot_be_kept_has_to_be_sent_again(alice: Client, form: dict[str, Any]) -> None:
    page = send(alice, form).content.decode()
    assert "you come back and can send it again" in page
    assert "_oidc_rp_form" not in alice.session


def test_form_is_not_kept_in_a_cookie(op: FakeOP, settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    alice = Client()
    sign_in(alice, op)
    assert "can send it again" in send(alice, FORM).content.decode()


def test_form_of_nobody_is_not_kept(client: Client, op: FakeOP) -> None:
    """An unauthenticated flood must not fill the session table."""
    assert "can send it again" in send(client, FORM).content.decode()
    assert not client.session.keys()


def test_form_of_a_view_that_did_not_opt_in_is_not_kept(alice: Client, settings: Any) -> None:
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"]}}
    send(alice, FORM, "/payment/")
    assert "_oidc_rp_form" not in alice.session


def test_form_that_is_in_time_is_simply_handled(alice: Client, op: FakeOP) -> None:
    op.claims.update(acr="mfa")
    complete(alice, op.authorize(alice.get("/transfer/")["Location"]))
    assert alice.post("/transfer/", FORM, headers=NAVIGATION).json() == {"method": "POST", "kept": None}
