from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OIDCError, OPError, OPResponseError, OPUnavailableError
from oidc_rp.protocol.logout import build_logout_request, process_logout_answer

BACK = "https://rp.example/oidc/logout/callback/"


@pytest.mark.parametrize("hint", ["a.b.c", None])
def test_logout_request(hint: str | None) -> None:
    url = build_logout_request(
        "https://op.example/logout?tenant=1",
        client_id="client 1",
        post_logout_redirect_uri="https://rp.example/oidc/logout/callback/",
        state="state-1",
        id_token_hint=hint,
    )
    expected = {
        "tenant": "1",
        "client_id": "client 1",
        "post_logout_redirect_uri": "https://rp.example/oidc/logout/callback/",
        "state": "state-1",
    }
    assert dict(parse_qsl(urlsplit(url).query)) == (expected if hint is None else {**expected, "id_token_hint": hint})


def answer(status: int, body: bytes = b"", content_type: str = "", location: str | None = None) -> Answer:
    return Answer("end_session", status, content_type, body, location=location)


@pytest.mark.parametrize(
    ("received", "done"),
    [
        pytest.param(answer(302, location=BACK), True, id="redirect_back"),
        pytest.param(answer(303, location=f"{BACK}?state=s"), True, id="redirect_back_with_state"),
        pytest.param(answer(302, location="https://op.example/login"), False, id="redirect_to_a_page_of_the_op"),
        pytest.param(answer(302, location=f"{BACK}evil"), False, id="our_uri_as_prefix"),
        pytest.param(answer(302), False, id="redirect_to_nowhere"),
        pytest.param(answer(200), True, id="empty"),
        pytest.param(answer(204), True, id="no_content"),
        pytest.param(answer(200, b"{}", "application/json; charset=utf-8"), True, id="json"),
        pytest.param(answer(200, b"<p>Log out?</p>", "text/html"), False, id="a_page_that_asks_the_user"),
    ],
)
def test_an_answer_without_a_browser_is_read_as_a_browser_would(received: Answer, done: bool) -> None:
    assert process_logout_answer(received, BACK) is done


@pytest.mark.parametrize(
    ("received", "error"),
    [
        pytest.param(answer(400, b'{"error": "invalid_request"}'), OPError, id="refused"),
        pytest.param(answer(404, b"<h1>Not found</h1>"), OPResponseError, id="not_found"),
        pytest.param(answer(503), OPUnavailableError, id="outage"),
    ],
)
def test_an_answer_that_refuses_is_an_error(received: Answer, error: type[OIDCError]) -> None:
    with pytest.raises(error):
        process_logout_answer(received, BACK)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 399])
def test_every_redirect_to_our_page_means_that_the_op_is_done(status: int) -> None:
    done = "https://app.example/done"
    for location in (done, f"{done}?state=s", f"{done}?a=?"):
        assert process_logout_answer(Answer("end_session", status, "text/html", b"<p>", location=location), done)
    for other in (None, "", "https://app.example/", f"{done}/", "/done"):
        assert not process_logout_answer(Answer("end_session", status, "", b"", location=other), done)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON ;a=;b"]
)
def test_a_success_in_json_means_that_the_op_is_done(content_type: str) -> None:
    assert process_logout_answer(Answer("end_session", 200, content_type, b'{"ok": true}'), "https://app.example/done")
    assert process_logout_answer(Answer("end_session", 299, "text/html", b" \n"), "https://app.example/done")
    assert not process_logout_answer(Answer("end_session", 200, "text/html", b"<p>"), "https://app.example/done")
