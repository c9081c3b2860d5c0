"""The trip of a step-up: what is asked, what comes back, and that there is never a second one by itself."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from oidc_rp.cookies import cookie_name
from oidc_rp.models import OIDCSession
from oidc_rp.protocol.step_up import Requirement
from oidc_rp.signals import session_renewed, step_up_demanded, step_up_met, step_up_refused
from tests.support.browser import JSON, Response, complete, get_error, pending, query, sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.step_up_site")]

NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCH = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Referer": "http://testserver/app/?a=1"}
REQUIREMENT = Requirement(("mfa",), (), 300)


@pytest.fixture(autouse=True)
def policies(settings: Any) -> None:
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"], "max_age": 300}}


@pytest.fixture
def alice(op: FakeOP) -> Client:
    """A browser with a session by password."""
    client = Client()
    sign_in(client, op)
    return client


def step_up(client: Client, op: FakeOP, page: str = "/payment/", **claims: Any) -> Response:
    """From the page to the OP and back to the callback."""
    begun = client.get(page)
    assert begun.status_code == 302, begun.content
    op.claims.update(claims)
    return complete(client, op.authorize(begun["Location"]))


# --- met


def test_step_up_that_is_met_leads_to_the_page(alice: Client, op: FakeOP) -> None:
    before = alice.session.session_key
    back = step_up(alice, op, "/payment/?a=1", acr="mfa")
    assert (back.status_code, back["Location"]) == (302, "/payment/?a=1")
    assert alice.get("/payment/?a=1").content == b"GET: paid"
    assert alice.session.session_key != before
    assert not pending(alice)


def test_step_up_replaces_this_browsers_session_and_leaves_those_of_other_devices(alice: Client, op: FakeOP) -> None:
    elsewhere = Client()
    op.claims.update(sid="session-2")
    sign_in(elsewhere, op)
    op.claims.update(sid="session-1")
    step_up(alice, op, acr="mfa")
    rows = OIDCSession.objects.order_by("created_at").values_list("sid", "acr", "end_reason")
    assert list(rows) == [("session-1", "pwd", "replaced"), ("session-2", "pwd", ""), ("session-1", "mfa", "")]
    assert elsewhere.get("/oidc/session/").json()["authenticated"]


def test_step_up_of_two_tabs_at_once_serves_both(alice: Client, op: FakeOP) -> None:
    tabs = [alice.get(f"/payment/?tab={number}")["Location"] for number in (1, 2)]
    op.claims.update(acr="mfa")
    back = [complete(alice, op.authorize(tab))["Location"] for tab in reversed(tabs)]
    assert back == ["/payment/?tab=2", "/payment/?tab=1"]
    assert alice.get("/payment/").status_code == 200


def test_step_down_by_a_later_login_is_followed(alice: Client, op: FakeOP) -> None:
    step_up(alice, op, acr="mfa")
    assert alice.get("/payment/").status_code == 200
    begun = alice.get("/oidc/login/", {"prompt": "login"})
    op.claims.update(acr="pwd")
    complete(alice, op.authorize(begun["Location"]))
    alice.cookies.pop(cookie_name("step_up"))
    assert alice.get("/payment/").status_code == 302


def test_step_down_by_a_refresh_is_followed(op: FakeOP) -> None:
    alice = Client()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        sign_in(alice, op)
        step_up(alice, op, acr="mfa")
        clock.shift(30)
        assert alice.get("/payment/").status_code == 200
        op.claims.update(acr="pwd")
        assert alice.post("/oidc/refresh/").json()["acr"] == "pwd"
        alice.cookies.pop(cookie_name("step_up"))
        assert alice.get("/payment/").status_code == 302


def test_refresh_makes_no_login_fresher(op: FakeOP) -> None:
    alice = Client()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        sign_in(alice, op)
        clock.shift(60 - 5 + 30)
        assert alice.get("/age/").status_code == 200
        clock.shift(1)
        assert alice.post("/oidc/refresh/").status_code == 200
        assert alice.get("/age/").status_code == 302


# --- not met


@pytest.mark.parametrize(
    ("claims", "code", "came"),
    [
        ({"acr": "pwd"}, "acr_not_met", "a sign-in of the kind “pwd”"),
        ({"acr": None}, "acr_not_met", "no kind of sign-in"),
        ({"acr": "mfa", "auth_time": None}, "max_age_not_met", "no time of the sign-in"),
        ({"acr": "mfa", "auth_time": 0}, "max_age_not_met", "no time of the sign-in"),
        ({"acr": "mfa", "auth_time": 1_700_000_000.5}, "max_age_not_met", "days ago"),
    ],
    ids=["ignored", "op_sends_no_acr", "op_sends_no_auth_time", "auth_time_of_zero", "max_age_ignored"],
)
def test_step_up_that_is_not_met_is_a_page_that_says_why(
    alice: Client, op: FakeOP, caplog: pytest.LogCaptureFixture, claims: dict[str, Any], code: str, came: str
) -> None:
    before = alice.get("/oidc/session/").json()
    refused = step_up(alice, op, **claims)
    assert refused.status_code == 403
    page = refused.content.decode()
    assert "a sign-in of the kind “mfa”" in page
    assert "a sign-in no longer ago than 5 minutes" in page
    assert came in page
    assert caplog.records[-1].oidc_code == code  # type: ignore[attr-defined]  # given as extra
    assert alice.get("/oidc/session/").json() == before, "the session is what it was"
    assert not pending(alice)


def test_step_up_by_amr_that_is_not_met_says_so(alice: Client, op: FakeOP) -> None:
    page = step_up(alice, op, "/amr/").content.decode()
    assert "the method “otp” or “hwk”" in page
    assert "the methods “pwd”" in page
    assert "no methods" in step_up(alice, op, "/amr/", amr=None).content.decode()


def test_link_to_try_once_more_begins_the_same_trip(alice: Client, op: FakeOP) -> None:
    link = find_link(step_up(alice, op), "Try once more")
    begun = alice.get(link)
    assert query(begun["Location"])["acr_values"] == "mfa"
    op.claims.update(acr="mfa")
    assert complete(alice, op.authorize(begun["Location"]))["Location"] == "/payment/"


def find_link(response: Response, text: str) -> str:
    page = response.content.decode()
    before = page[: page.index(f">{text}<")]
    return before[before.rindex('href="') + 6 :].partition('"')[0].replace("&amp;", "&")


def test_step_up_asked_for_json_is_refused_as_json(alice: Client, op: FakeOP) -> None:
    begun = alice.get("/payment/")
    assert get_error(complete(alice, op.authorize(begun["Location"]), headers=JSON)) == (403, "acr_not_met")


@pytest.mark.parametrize("error", ["unmet_authentication_requirements", "access_denied"])
def test_refusal_by_the_op_ends_at_the_same_page(alice: Client, op: FakeOP, error: str) -> None:
    answer = op.authorize(alice.get("/payment/")["Location"])
    refusal = {"error": error, "error_description": "<No> phone", "state": answer["state"], "iss": answer["iss"]}
    refused = complete(alice, refusal)
    page = refused.content.decode()
    assert refused.status_code == 403
    assert "a sign-in of the kind “mfa”" in page
    assert "Your provider says: &lt;No&gt; phone" in page
    assert find_link(refused, "Try once more").startswith("/oidc/step-up/?demand=")
    assert alice.get("/oidc/session/").json()["acr"] == "pwd"


def test_fault_of_the_op_is_no_refusal(alice: Client, op: FakeOP) -> None:
    answer = op.authorize(alice.get("/payment/")["Location"])
    failed = complete(alice, {"error": "server_error", "state": answer["state"], "iss": answer["iss"]})
    assert failed.status_code == 502
    assert "Start again" in failed.content.decode()


def test_access_denied_at_a_plain_login_is_not_about_step_up(client: Client, op: FakeOP) -> None:
    answer = op.authorize(client.get("/oidc/login/")["Location"])
    refused = complete(client, {"error": "access_denied", "state": answer["state"], "iss": answer["iss"]})
    assert "Sign-in was refused" in refused.content.decode()


# --- another subject


def test_step_up_by_another_user_does_not_upgrade_the_session(alice: Client, op: FakeOP) -> None:
    refused = step_up(alice, op, acr="mfa", sub="subject-2", email="bob@example.com")
    assert refused.status_code == 403
    assert "Somebody else has signed in at your provider" in refused.content.decode()
    session = alice.get("/oidc/session/").json()
    assert (session["sub"], session["acr"]) == ("subject-1", "pwd")
    assert User.objects.count() == 1, "no account is made for the other one"


def test_step_up_by_another_user_is_noticed_without_the_session_cookie(
    alice: Client, op: FakeOP, settings: Any
) -> None:
    """With form_post, the browser does not send it along."""
    change_provider(settings, RESPONSE_MODE="form_post")
    answer = op.authorize(alice.get("/payment/")["Location"])
    op.claims.update(acr="mfa", sub="subject-2")
    stripped = Client()
    stripped.cookies.load({name: morsel.value for name, morsel in pending(alice).items()})
    assert get_error(stripped.post("/oidc/callback/default/", answer, headers=JSON)) == (403, "sub_not_met")


def test_demand_on_nobody_takes_whoever_comes_back(client: Client, op: FakeOP) -> None:
    assert step_up(client, op, acr="mfa", sub="subject-2")["Location"] == "/payment/"


# --- no loop


def test_page_that_is_not_satisfied_right_after_a_trip_sends_nobody_on_another(alice: Client, op: FakeOP) -> None:
    """For example because the login was fresh enough at the callback and a moment later is not."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        step_up(alice, op, acr="mfa", auth_time=1_800_000_000 - 330)
        clock.shift(1)
        refused = alice.get("/payment/")
        assert refused.status_code == 403
        assert "a sign-in 6 minutes ago" in refused.content.decode()
        assert alice.get(find_link(refused, "Try once more")).status_code == 302, "by hand it may be tried"
        assert alice.get("/age/").status_code == 302, "another page has had no trip"
        alice.cookies.pop(cookie_name("step_up"))  # its ten seconds are over
        assert alice.get("/payment/").status_code == 302


@pytest.mark.parametrize("skew", [0, 30])
def test_page_sees_as_met_what_the_callback_saw_as_met(settings: Any, op: FakeOP, skew: int) -> None:
    change_provider(settings, CLOCK_SKEW=skew)
    client = Client()
    with time_machine.travel(1_800_000_000, tick=False):
        sign_in(client, op)
        step_up(client, op, acr="mfa", auth_time=1_800_000_000 - 300 - skew)
        assert client.get("/payment/").status_code == 200


# --- as each OP wants to be asked


def test_acr_is_asked_as_an_essential_claim_where_the_provider_says_so(
    alice: Client, op: FakeOP, settings: Any
) -> None:
    change_provider(settings, ACR_REQUEST="claims")
    sent = query(alice.get("/payment/")["Location"])
    assert json.loads(sent["claims"]) == {"id_token": {"acr": {"essential": True, "values": ["mfa"]}}}
    assert "acr_values" not in sent


@pytest.mark.parametrize(("acrs", "status"), [(["c1"], 302), (["c2"], 403), (None, 403)])
def test_entra_is_asked_for_its_authentication_context(
    alice: Client, op: FakeOP, settings: Any, acrs: Any, status: int
) -> None:
    change_provider(settings, ACR_REQUEST="acrs")
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["c1"]}}
    sent = query(alice.get("/payment/")["Location"])
    assert json.loads(sent["claims"]) == {"id_token": {"acrs": {"essential": True, "value": "c1"}}}
    assert step_up(alice, op, acr=None, acrs=acrs).status_code == status
    alice.cookies.pop(cookie_name("step_up"), None)
    assert alice.get("/payment/").status_code == (200 if status == 302 else 302)


@pytest.mark.parametrize(
    ("options", "prompt"),
    [({}, "login"), ({"PROMPT": "select_account"}, "login select_account"), ({"PROMPT": "login"}, "login")],
)
def test_op_that_ignores_max_age_is_told_to_ask(
    alice: Client, op: FakeOP, settings: Any, options: dict[str, str], prompt: str
) -> None:
    change_provider(settings, MAX_AGE_REQUEST="prompt", **options)
    sent = query(alice.get("/payment/")["Location"])
    assert (sent["prompt"], sent["max_age"]) == (prompt, "300")
    assert "prompt" not in query(alice.get("/acr/")["Location"]) or options


def test_silent_login_stays_silent_whatever_the_provider_wants_for_max_age(
    client: Client, op: FakeOP, settings: Any
) -> None:
    change_provider(settings, MAX_AGE_REQUEST="prompt", MAX_AGE=60, ALLOWED_REQUEST_PARAMS=["prompt"])
    assert query(client.get("/oidc/login/?prompt=none")["Location"])["prompt"] == "none"


# --- scripts


def test_script_is_challenged_as_in_rfc_9470(alice: Client, op: FakeOP) -> None:
    response = alice.get("/payment/", headers=FETCH)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A stronger or more recent authentication is required", acr_values="mfa", max_age="300"'
    )
    body = response.json()
    login_url = body.pop("login_url")
    assert body == {"error": "insufficient_user_authentication", "acr_values": ["mfa"], "max_age": 300}
    assert parse_qs(urlsplit(login_url).query)["next"] == ["http://testserver/app/?a=1"]
    begun = alice.get(login_url, headers=NAVIGATION)
    op.claims.update(acr="mfa")
    assert complete(alice, op.authorize(begun["Location"]))["Location"] == "http://testserver/app/?a=1"
    assert alice.get("/payment/", headers=FETCH).status_code == 200


def test_script_of_nobody_is_told_to_sign_in(client: Client, op: FakeOP) -> None:
    response = client.post("/payment/", headers=FETCH)
    assert (response.status_code, response.json()["error"]) == (401, "login_required")
    assert response["WWW-Authenticate"] == 'Bearer acr_values="mfa", max_age="300"'


def test_htmx_is_sent_with_the_whole_page(alice: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/list/"}
    response = alice.post("/payment/", headers=headers)
    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/oidc/step-up/?demand=")
    assert response["HX-Redirect"].endswith("&next=http%3A%2F%2Ftestserver%2Flist%2F")


def test_step_up_url_leads_on_at_once_when_it_has_been_met_meanwhile(alice: Client, op: FakeOP) -> None:
    url = alice.get("/payment/", headers=FETCH).json()["login_url"]
    step_up(alice, op, acr="mfa")
    assert alice.get(url)["Location"] == "http://testserver/app/?a=1"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: "/oidc/step-up/",
        lambda url: url.replace("demand=", "demand=A"),
        lambda url: url.replace("demand=", "x="),
    ],
    ids=["without", "changed", "missing"],
)
def test_step_up_url_that_was_not_made_here_is_refused(alice: Client, change: Any) -> None:
    url = alice.get("/payment/", headers=FETCH).json()["login_url"]
    assert get_error(alice.get(change(url), headers=JSON)) == (400, "step_up_link")


def test_step_up_url_is_no_open_redirector(alice: Client, op: FakeOP) -> None:
    url = alice.get("/payment/", headers=FETCH).json()["login_url"].partition("&next=")[0]
    begun = alice.get(f"{url}&next=https://evil.example/")
    op.claims.update(acr="mfa")
    assert complete(alice, op.authorize(begun["Location"]))["Location"] == "/home/"


# --- forms


def test_form_is_neither_redirected_nor_carried_out(alice: Client, op: FakeOP) -> None:
    headers = {**NAVIGATION, "Referer": "http://testserver/payment/?form=1"}
    response = alice.post("/payment/", {"amount": "5"}, headers=headers)
    assert response.status_code == 403
    page = response.content.decode()
    assert "has not been carried out" in page
    assert "a sign-in of the kind “mfa”" in page
    assert "no-store" in response["Cache-Control"]
    begun = alice.get(find_link(response, "Sign in"))
    assert "amount" not in begun["Location"]
    op.claims.update(acr="mfa")
    assert complete(alice, op.authorize(begun["Location"]))["Location"] == "http://testserver/payment/?form=1"
    assert alice.post("/payment/", {"amount": "5"}, headers=headers).content == b"POST: paid"


@pytest.mark.parametrize(
    ("method", "headers"), [("get", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}), ("head", NAVIGATION)]
)
def test_frames_and_heads_are_not_redirected(alice: Client, method: str, headers: dict[str, str]) -> None:
    assert getattr(alice, method)("/payment/", headers=headers).status_code == 403


# --- audit


def test_each_demand_success_and_failure_is_an_event(
    alice: Client, op: FakeOP, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []

    def listen(name: str) -> Any:
        def receive(signal: Any, **facts: Any) -> None:
            facts.pop("request")
            events.append((name, facts))

        return receive

    caplog.set_level(logging.INFO, "oidc_rp")
    now = 1_800_000_000
    op.claims.update(auth_time=now - 5)
    receivers = [listen(name) for name in ("demanded", "met", "refused", "renewed")]
    signals = (step_up_demanded, step_up_met, step_up_refused, session_renewed)
    for signal, receiver in zip(signals, receivers, strict=True):
        signal.connect(receiver)
    try:
        with time_machine.travel(now, tick=False):
            sign_in(alice, op)  # again, so that auth_time is known
            events.clear()
            step_up(alice, op)
            step_up(alice, op, acr="mfa", amr=["pwd", "otp"])
    finally:
        for signal, receiver in zip(signals, receivers, strict=True):
            signal.disconnect(receiver)
    common = {"sender": Requirement, "requirement": REQUIREMENT, "provider": "default", "auth_time": now - 5}
    weak = {**common, "acr": "pwd", "amr": ("pwd",), "missing": "acr"}
    assert [event for event in events if event[0] != "renewed"] == [
        ("demanded", weak),
        ("refused", weak),
        ("demanded", weak),
        ("met", {**common, "acr": "mfa", "amr": ("pwd", "otp")}),
    ]
    assert [name for name, _ in events][-2:] == ["renewed", "met"]
    logged = [record.oidc_code for record in caplog.records if hasattr(record, "oidc_code")]
    assert logged == ["step_up_demanded", "step_up_refused", "acr_not_met", "step_up_demanded", "step_up_met"]
