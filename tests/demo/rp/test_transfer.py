"""The page "Transfer money": a second factor, and a recent one."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from demo_project.rp.journal.diagram import build_rows
from demo_project.rp.journal.kinds import TripKind
from demo_project.rp.models import Trip
from tests.support.browser import complete, query
from tests.support.fake_op import FakeOP
from tests.test_step_up_trips import NAVIGATION, find_link

FORM = {"recipient": "Bob", "amount": "5"}


@pytest.fixture
def stepped_up(signed_in: Client, op: FakeOP) -> Client:
    op.claims.update(acr="mfa")
    complete(signed_in, op.authorize(signed_in.get("/transfer/")["Location"]))
    return signed_in


@pytest.mark.parametrize("client", ["site", "signed_in"])
def test_transfer_page_sends_visitors_for_a_second_factor(
    request: pytest.FixtureRequest, op: FakeOP, client: str
) -> None:
    sent = query(request.getfixturevalue(client).get("/transfer/")["Location"])
    assert (sent["acr_values"], sent["max_age"]) == ("mfa", "300")


def test_transfer_page_is_open_after_the_second_factor(stepped_up: Client) -> None:
    page = stepped_up.get("/transfer/").content.decode()
    assert '<code id="acr">mfa</code>' in page
    assert "300 seconds" in page


def test_transfer_is_carried_out_once(stepped_up: Client) -> None:
    assert stepped_up.post("/transfer/", FORM)["Location"] == "/transfer/"
    assert "5 transferred to Bob." in stepped_up.get("/transfer/").content.decode()
    assert "transferred" not in stepped_up.get("/transfer/").content.decode()


def test_transfer_that_is_wrong_is_shown_again(stepped_up: Client) -> None:
    page = stepped_up.post("/transfer/", {**FORM, "amount": "0"})
    assert page.status_code == 200
    assert "greater than or equal to 1" in page.content.decode()


def test_transfer_that_comes_too_early_is_kept_for_confirmation(signed_in: Client, op: FakeOP) -> None:
    refused = signed_in.post("/transfer/", FORM, headers=NAVIGATION)
    assert refused.status_code == 403
    op.claims.update(acr="mfa")
    begun = signed_in.get(find_link(refused, "Sign in"))
    assert complete(signed_in, op.authorize(begun["Location"]))["Location"] == "/transfer/"
    page = signed_in.get("/transfer/").content.decode()
    assert 'value="Bob"' in page
    assert "Nothing was carried out" in page
    assert "transferred" not in page


def test_step_up_is_a_trip_in_the_journal(stepped_up: Client) -> None:
    trip = Trip.objects.first()
    assert trip is not None
    assert trip.kind == TripKind.DEMANDING
    rows = {row.title: {name: value for name, value, _ in row.parameters} for row in build_rows(trip)}
    assert rows["Authentication request with demands"]["acr_values"] == "mfa"
    assert rows["Session ended"]["reason"] == "replaced"
    assert rows["Session established"]["acr"] == "mfa"


def test_step_up_that_the_op_ignores_is_seen_in_the_journal(signed_in: Client, op: FakeOP) -> None:
    begun = signed_in.get("/transfer/")
    op.claims.update(auth_time=int(time.time()))
    assert complete(signed_in, op.authorize(begun["Location"])).status_code == 403
    trip = Trip.objects.first()
    assert trip is not None
    last = build_rows(trip)[-1]
    assert (last.label, last.failed) == ("403 Forbidden", True)
