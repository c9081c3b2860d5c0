"""The admin's action "end at the provider too": the OP is asked without a browser, and its answer told as it is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import Settings

from oidc_rp.flows.logout import OPLogout
from oidc_rp.models import OIDCSession
from oidc_rp.op_logout import end_here_and_at_op
from oidc_rp.signals import op_called
from tests.logout.driver import is_signed_in, sign_in_as
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db

AFTER = "http://testserver/oidc/logout/callback/"
HTML = {"Content-Type": "text/html; charset=utf-8"}


def end(*subs: str) -> Counter[OPLogout]:
    rows = list(OIDCSession.objects.filter(sub__in=subs) if subs else OIDCSession.objects.all())
    return end_here_and_at_op(rows, "admin", AFTER)[1]


def test_op_is_asked_to_end_the_session_of_the_id_token(op: FakeOP) -> None:
    client = sign_in_as(op)
    op.calls.clear()
    op.forms.clear()
    assert end() == {OPLogout.ENDED: 1}
    assert op.calls == ["end_session"]
    [form] = op.forms
    assert form.pop("id_token_hint").count(".") == 2
    assert form == {"client_id": "client-1", "post_logout_redirect_uri": AFTER}
    assert "Authorization" not in op.headers[-1]
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param((302, {"Location": AFTER}, ""), OPLogout.ENDED, id="redirect_to_us"),
        pytest.param((303, {"Location": f"{AFTER}?state=x"}, ""), OPLogout.ENDED, id="redirect_to_us_with_state"),
        pytest.param((204, {}, ""), OPLogout.ENDED, id="no_content"),
        pytest.param((200, HTML, " \n"), OPLogout.ENDED, id="empty_page"),
        pytest.param((200, {"Content-Type": "Application/JSON; charset=utf-8"}, "{}"), OPLogout.ENDED, id="json"),
        pytest.param((200, HTML, "<form>Really?</form>"), OPLogout.NEEDS_BROWSER, id="confirmation"),
        pytest.param((200, {}, "Really?"), OPLogout.NEEDS_BROWSER, id="text"),
        pytest.param((302, {"Location": "/login"}, ""), OPLogout.NEEDS_BROWSER, id="redirect_to_a_page_of_the_op"),
        pytest.param((302, {"Location": f"{AFTER}more"}, ""), OPLogout.NEEDS_BROWSER, id="redirect_to_a_longer_uri"),
        pytest.param((302, {"Location": "https://evil.example/"}, ""), OPLogout.NEEDS_BROWSER, id="redirect_elsewhere"),
        pytest.param((302, {}, ""), OPLogout.NEEDS_BROWSER, id="redirect_to_nowhere"),
        pytest.param((400, {}, '{"error": "invalid_request"}'), OPLogout.FAILED, id="oauth_error"),
        pytest.param((400, HTML, "<p>No"), OPLogout.FAILED, id="bad_request"),
        pytest.param((405, {}, ""), OPLogout.FAILED, id="no_post"),
        pytest.param((500, {}, ""), OPLogout.FAILED, id="500"),
        pytest.param((200, HTML, "x" * 1_000_001), OPLogout.FAILED, id="too_large"),
        pytest.param(requests.ConnectionError(), OPLogout.FAILED, id="unreachable"),
        pytest.param(requests.Timeout(), OPLogout.FAILED, id="timeout"),
    ],
)
def test_answer_of_the_op_is_read(op: FakeOP, answer: Any, outcome: OPLogout) -> None:
    client = sign_in_as(op)
    op.overrides["end_session"] = answer
    assert end() == {outcome: 1}
    # Whatever the OP says; and it is asked once, not led around.
    assert not is_signed_in(client)
    assert op.calls.count("end_session") == 1


def test_op_without_the_endpoint(op: FakeOP) -> None:
    op.metadata["end_session_endpoint"] = None
    client = sign_in_as(op)
    assert end() == {OPLogout.NO_ENDPOINT: 1}
    assert not is_signed_in(client)


def test_sessions_end_here_before_the_op_is_asked(op: FakeOP) -> None:
    one, two = sign_in_as(op, "one", "session-1"), sign_in_as(op, "two", "session-2")

    def answer() -> tuple[int, dict[str, str], str]:
        assert not OIDCSession.objects.filter(ended_at=None).exists()
        return 204, {}, ""

    op.overrides["end_session"] = answer
    assert end() == {OPLogout.ENDED: 2}
    assert not is_signed_in(one)
    assert not is_signed_in(two)


def test_ops_that_do_not_answer_are_asked_once(op: FakeOP, other_op: FakeOP) -> None:
    for number in range(3):
        sign_in_as(op, f"subject-{number}", f"session-{number}")
    sign_in_as(other_op, "there", alias="other")
    op.overrides["end_session"] = requests.Timeout()
    assert end() == {OPLogout.FAILED: 3, OPLogout.ENDED: 1}
    assert op.calls.count("end_session") == 1


def test_refusal_of_one_session_leaves_the_others_to_be_asked_for(op: FakeOP) -> None:
    for number in range(3):
        sign_in_as(op, f"subject-{number}", f"session-{number}")
    op.overrides["end_session"] = (400, {}, "")
    assert end() == {OPLogout.FAILED: 3}
    assert op.calls.count("end_session") == 3


def test_session_that_has_ended_is_not_asked_for(op: FakeOP) -> None:
    sign_in_as(op).post("/oidc/logout/")
    assert end() == {}
    assert "end_session" not in op.calls


def test_id_token_is_shown_to_no_other_op(op: FakeOP, other_op: FakeOP, settings: Settings) -> None:
    client = sign_in_as(op)
    settings.OIDC_PROVIDERS = {"default": settings.OIDC_PROVIDERS["other"]}
    assert end() == {OPLogout.FAILED: 1}
    assert other_op.calls == []
    assert not is_signed_in(client)


def test_provider_that_is_gone(op: FakeOP, settings: Settings) -> None:
    client = sign_in_as(op)
    settings.OIDC_PROVIDERS = {"other": settings.OIDC_PROVIDERS["other"]}
    assert end() == {OPLogout.FAILED: 1}
    assert not is_signed_in(client)


def test_id_token_is_neither_reported_nor_logged(op: FakeOP, caplog: pytest.LogCaptureFixture) -> None:
    exchanges: list[Any] = []

    def observe(exchange: Any, **_: Any) -> None:
        exchanges.append(exchange)

    op_called.connect(observe)
    sign_in_as(op)
    op.overrides["end_session"] = (400, {}, "")
    end()
    op_called.disconnect(observe)
    assert exchanges[-1].endpoint == "end_session"
    assert exchanges[-1].params["id_token_hint"] == "\u2026"
    assert op.forms[-1]["id_token_hint"] not in caplog.text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((204, {}, ""), ("success", "1 was ended at its provider too.")),
        (
            (200, HTML, "Really?"),
            ("warning", "1 may be alive at its provider, which wants to ask the user in their browser."),
        ),
        (
            requests.ConnectionError(),
            ("error", "1 may be alive at its provider, which refused or could not be reached. The log says why."),
        ),
    ],
    ids=["ended", "confirmation", "unreachable"],
)
def test_administrator_is_told(op: FakeOP, answer: Any, message: tuple[str, str]) -> None:
    sign_in_as(op)
    admin = Client()
    admin.force_login(
        User.objects.create_superuser("root", "root@example.com"), "django.contrib.auth.backends.ModelBackend"
    )
    op.overrides["end_session"] = answer
    form = {"action": "end_selected_at_op", "_selected_action": str(OIDCSession.objects.get().pk)}
    response: Any = admin.post("/admin/oidc_rp/oidcsession/", form)
    told = [(told.level_tag, str(told)) for told in get_messages(response.wsgi_request)]
    assert told == [("success", "1 session was ended."), message]
    assert op.forms[-1]["post_logout_redirect_uri"] == AFTER


def test_administrator_is_told_of_a_missing_endpoint(op: FakeOP) -> None:
    op.metadata["end_session_endpoint"] = None
    for number in range(2):
        sign_in_as(op, f"subject-{number}", f"session-{number}")
    admin = Client()
    admin.force_login(
        User.objects.create_superuser("root", "root@example.com"), "django.contrib.auth.backends.ModelBackend"
    )
    form = {"action": "end_selected_at_op", "select_across": "1", "_selected_action": "x"}
    response: Any = admin.post("/admin/oidc_rp/oidcsession/", form)
    told = [str(told) for told in get_messages(response.wsgi_request)]
    assert told == [
        "2 sessions were ended.",
        "2 are alive at their providers, which have no way to end them.",
    ]
