from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch
from django.utils import timezone

from demo_project.rp.journal.diagram import build_rows
from demo_project.rp.journal.kinds import MessageKind, TripKind
from demo_project.rp.journal.legs import Leg, read_leg
from demo_project.rp.journal.masking import MASK, MAX_PARAMETERS, mask
from demo_project.rp.journal.recorder import Recorded
from demo_project.rp.journal.store import TRIPS_IN_ALL, TRIPS_PER_BROWSER, find_browser, store
from demo_project.rp.models import Message, Trip
from tests.support.fake_op import FakeOP


def kinds(trip: Trip) -> list[str]:
    return [f"{message.kind} {message.endpoint}".strip() for message in trip.messages.all()]


def test_login_is_one_trip_from_the_link_to_the_session(signed_in: Client) -> None:
    trip = Trip.objects.get()
    assert trip.kind == TripKind.SIGN_IN
    assert trip.sid == "session-1"
    assert kinds(trip) == [
        "page-request",
        "call metadata",
        "answer metadata",
        "authentication-request",
        "authentication-response",
        "call token",
        "answer token",
        "call jwks",
        "answer jwks",
        "session-started",
        "page-answer",
    ]


def test_secrets_do_not_get_into_the_journal(site: Client, op: FakeOP) -> None:
    begun = site.get("/oidc/login/", {"next": "/private/"})
    back = op.authorize(begun["Location"])
    site.get("/oidc/callback/default/", back)
    site.post("/oidc/logout/")
    stored = json.dumps(list(Message.objects.values_list("label", "parameters")))
    nonce = parse_qs(urlsplit(begun["Location"]).query)["nonce"][0]
    for secret in (back["code"], back["state"], nonce, "eyJ", "access-token-1", "refresh-token-1"):
        assert secret not in stored


def test_tabs_are_separate_trips(site: Client, op: FakeOP) -> None:
    first = site.get("/oidc/login/", {"next": "/private/"})
    second = site.get("/oidc/login/", {"next": "/profile/"})
    site.get("/oidc/callback/default/", op.authorize(second["Location"]))
    site.get("/oidc/callback/default/", op.authorize(first["Location"]))
    newest, oldest = Trip.objects.all()
    assert "authentication-response" in kinds(newest)
    assert "authentication-response" in kinds(oldest)


def test_logout_is_a_trip(signed_in: Client) -> None:
    begun = signed_in.post("/oidc/logout/")
    state = parse_qs(urlsplit(begun["Location"]).query)["state"][0]
    signed_in.get("/oidc/logout/callback/", {"state": state})
    trip = Trip.objects.first()
    assert trip
    assert trip.kind == TripKind.SIGN_OUT
    assert kinds(trip) == ["page-request", "session-ended", "logout-request", "logout-response", "page-answer"]


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        pytest.param({"prompt": "none"}, TripKind.SILENT, id="silent"),
        pytest.param({"max_age": "60"}, TripKind.DEMANDING, id="max_age"),
    ],
)
def test_trip_is_named_for_what_it_asks(site: Client, op: FakeOP, query: dict[str, str], kind: TripKind) -> None:
    site.get("/oidc/login/", query)
    assert Trip.objects.get().kind == kind


def test_unreachable_op_is_shown_as_a_failure(site: Client, op: FakeOP) -> None:
    op.overrides["metadata"] = (500, {}, "")
    site.get("/oidc/login/")
    failed = [row.title for row in build_rows(Trip.objects.get()) if row.failed]
    assert failed == ["Answer", "Answer"]


def test_pages_without_protocol_leave_no_trace(site: Client) -> None:
    for path in ("/", "/journal/", "/oidc/logout/", "/oidc/session/", "/nowhere/"):
        site.get(path)
    assert not Trip.objects.exists()
    assert "demo_b_journal" not in site.cookies


def test_journal_shows_only_this_browsers_trips(signed_in: Client) -> None:
    trip = Trip.objects.get()
    assert signed_in.get(f"/journal/{trip.pk}/").status_code == 200
    assert "Token request" in signed_in.get("/journal/").content.decode()
    stranger = Client()
    assert stranger.get(f"/journal/{trip.pk}/").status_code == 404
    assert "Nothing yet" in stranger.get("/journal/").content.decode()


def test_response_without_cookies_joins_its_trip(site: Client, op: FakeOP) -> None:
    """So it is with form_post, a POST from the OP's site."""
    begun = site.get("/oidc/login/")
    Client().get("/oidc/callback/default/", op.authorize(begun["Location"]))
    trip = Trip.objects.get()
    assert kinds(trip)[-2:] == ["authentication-response", "page-answer"]


def test_response_brought_by_another_browser_is_a_trip_of_its_own(site: Client, op: FakeOP) -> None:
    begun = site.get("/oidc/login/")
    stranger = Client()
    stranger.cookies["demo_b_journal"] = "another"
    stranger.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert Trip.objects.get(browser="another").key is None
    assert Trip.objects.count() == 2


def test_rows_tell_the_way_of_each_message(signed_in: Client) -> None:
    rows = build_rows(Trip.objects.get())
    assert [(row.span, row.direction) for row in rows if row.unseen] == [
        ("browser-op", "right"),
        ("browser-op", "left"),
    ]
    note = next(row for row in rows if row.is_note)
    assert note.title == "Session established"
    assert {name: value for name, value, _ in note.parameters}["sid"] == "session-1"


def leg() -> Leg:
    return Leg(messages=[Recorded(MessageKind.PAGE_REQUEST, "GET /")], kind=TripKind.SIGN_IN, state="")


def test_old_trips_are_forgotten(db: None) -> None:
    old = Trip.objects.create(browser="other", kind=TripKind.SIGN_IN, updated=timezone.now() - timedelta(days=2))
    for _ in range(TRIPS_PER_BROWSER + 3):
        store("mine", leg())
    assert Trip.objects.filter(browser="mine").count() == TRIPS_PER_BROWSER
    assert not Trip.objects.filter(pk=old.pk).exists()


def test_trips_of_all_browsers_are_bounded(db: None) -> None:
    Trip.objects.bulk_create(Trip(browser=f"b{i}", kind=TripKind.SIGN_IN) for i in range(TRIPS_IN_ALL + 20))
    store("mine", leg())
    assert Trip.objects.count() == TRIPS_IN_ALL


def logout_token(sid: str) -> str:
    parts = ({"alg": "RS256"}, {"iss": "https://op.example", "sid": sid})
    return ".".join([*(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "x"])


def read_backchannel(token: str) -> Leg:
    request = RequestFactory().post("/oidc/backchannel-logout/default/", {"logout_token": token})
    request.resolver_match = ResolverMatch(
        read_leg, (), {}, url_name="backchannel_logout", app_names=["oidc_rp"], namespaces=["oidc_rp"]
    )
    read = read_leg(request, HttpResponse(), [], datetime.now(UTC))
    assert read
    return read


def test_logout_token_joins_the_sign_out_that_is_under_way(signed_in: Client) -> None:
    signed_in.post("/oidc/logout/")
    told = read_backchannel(logout_token("session-1"))
    browser = find_browser(told)
    assert browser
    trip = store(browser, told)
    assert trip.kind == TripKind.SIGN_OUT
    assert kinds(trip)[-2:] == ["backchannel-request", "backchannel-answer"]
    assert ["logout_token", MASK] in trip.messages.get(kind=MessageKind.BACKCHANNEL_REQUEST).parameters


def test_logout_token_alone_is_a_trip_of_the_browser_that_had_the_session(signed_in: Client) -> None:
    told = read_backchannel(logout_token("session-1"))
    trip = store(find_browser(told) or "", told)
    assert trip.kind == TripKind.OP_SIGN_OUT
    assert trip.browser == signed_in.cookies["demo_b_journal"].value


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.W10.c", logout_token("unknown")])
def test_logout_token_about_nobody_known_belongs_to_no_journal(db: None, token: str) -> None:
    assert find_browser(read_backchannel(token)) is None


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        pytest.param("code", "abc", MASK, id="secret"),
        pytest.param("anything", "eyJhbGciOiJub25lIn0.e30.", MASK, id="looks_like_a_jwt"),
        pytest.param("state", "0123456789", "01234567…", id="shortened"),
        pytest.param("scope", "openid", "openid", id="plain"),
        pytest.param("x", "y" * 1000, "y" * 300 + "…", id="long"),
    ],
)
def test_mask(name: str, value: str, shown: str) -> None:
    assert mask([(name, value)]) == [[name, shown]]


def test_mask_bounds_the_number_of_parameters() -> None:
    masked = mask((str(number), "") for number in range(MAX_PARAMETERS + 5))
    assert masked[-1] == ["…", "and 5 more"]
    assert len(masked) == MAX_PARAMETERS + 1
