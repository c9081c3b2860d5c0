from __future__ import annotations

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OIDCError, OPError, OPResponseError, OPUnavailableError


def answer(status: int, body: bytes = b"{}", retry_after: int | None = None) -> Answer:
    return Answer("token", status, "application/json", body, retry_after)


def test_a_json_object_is_parsed_whatever_its_content_type() -> None:
    assert Answer("token", 200, "text/html", b'{"a": 1}').parse() == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<!doctype html><title>Log in</title>", id="html"),
        pytest.param(b"access_token=a&token_type=bearer", id="form_encoded"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"a": 1, "a": 2}', id="repeated_name"),
        pytest.param(b'{"a":' * 50 + b"1" + b"}" * 50, id="deep_nesting"),
    ],
)
def test_a_success_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(OPResponseError) as caught:
        answer(200, body).parse()
    assert (caught.value.code, caught.value.endpoint, caught.value.status) == ("op_answer_malformed", "token", 200)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_oauth_error_is_reported(status: int) -> None:
    with pytest.raises(OPError) as caught:
        answer(status, b'{"error": "invalid_grant", "error_description": "The\\ncode"}').parse()
    assert (caught.value.error, caught.value.description) == ("invalid_grant", "The code")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<h1>Bad request</h1>", id="html"),
        pytest.param(b"{}", id="without_error"),
        pytest.param(b'{"error": ""}', id="error_empty"),
        pytest.param(b'{"error": {"code": 1}}', id="error_object"),
        pytest.param(b'{"error": null}', id="error_null"),
    ],
)
@pytest.mark.parametrize("status", [400, 404])
def test_a_failure_without_an_oauth_error_is_reported_by_its_status(status: int, body: bytes) -> None:
    with pytest.raises(OPResponseError) as caught:
        answer(status, body).parse()
    assert (caught.value.code, caught.value.status) == ("op_status", status)


@pytest.mark.parametrize("status", [201, 204, 206])
def test_only_200_is_a_success(status: int) -> None:
    with pytest.raises(OPResponseError) as caught:
        answer(status, b'{"access_token": "a"}').parse()
    assert caught.value.code == "op_status"


def test_an_error_description_of_a_wrong_type_is_dropped() -> None:
    with pytest.raises(OPError) as caught:
        answer(400, b'{"error": "invalid_request", "error_description": [1]}').parse()
    assert caught.value.description == ""


@pytest.mark.parametrize(("status", "retry_after"), [(500, None), (503, 30), (429, 7), (599, None)])
def test_an_op_that_cannot_serve_now_is_unavailable(status: int, retry_after: int | None) -> None:
    with pytest.raises(OPUnavailableError) as caught:
        answer(status, b'{"error": "server_error"}', retry_after).parse()
    assert (caught.value.code, caught.value.status) == ("op_unavailable", status)
    assert (caught.value.endpoint, caught.value.retry_after) == ("token", retry_after)


@pytest.mark.parametrize("content_type", ["text/html", "Text/HTML; charset=utf-8"])
@pytest.mark.parametrize("body", [b"<p>Back soon</p>", b"\n <!doctype html><title>Repairs</title>"])
def test_a_web_page_in_place_of_an_answer_means_an_outage(content_type: str, body: bytes) -> None:
    page = Answer("token", 200, content_type, body, retry_after=60)
    with pytest.raises(OPUnavailableError) as caught:
        page.parse()
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("op_web_page", 200, 60)
    page.check_available(may_be_page=True)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (401, b'{"error": "invalid_client"}', True),
        (400, b'{"error": "invalid_client"}', True),
        (403, b'{"error": "invalid_client"}', False),
        (400, b'{"error": "invalid_grant"}', False),
        (401, b"", False),
        (200, b'{"error": "invalid_client"}', False),
    ],
)
def test_invalid_client_is_told_from_other_failures(status: int, body: bytes, refused: bool) -> None:
    assert answer(status, body).is_invalid_client is refused


def test_an_answer_does_not_show_its_body() -> None:
    assert "very secret" not in repr(answer(200, b"very secret"))
    with pytest.raises(OIDCError) as caught:
        answer(200, b'{"refresh_token": "very secret"').parse()
    assert "very secret" not in f"{caught.value} {caught.value.evidence}"


def test_an_oauth_error_is_bounded_and_names_its_endpoint() -> None:
    with pytest.raises(OPError) as caught:
        answer(400, b'{"error": "%s", "error_description": "%s"}' % (b"e" * 101, b"d " * 300)).parse()
    assert (caught.value.error, len(caught.value.description)) == ("e" * 100, 500)
    assert caught.value.endpoint == "token"


def test_a_failure_names_its_endpoint() -> None:
    with pytest.raises(OPResponseError) as caught:
        answer(404).parse()
    assert caught.value.endpoint == "token"
    page = Answer("userinfo", 200, "text/html", b"<p>")
    with pytest.raises(OPUnavailableError) as unavailable:
        page.parse()
    assert unavailable.value.endpoint == "userinfo"


def test_a_malformed_answer_is_told_in_words() -> None:
    with pytest.raises(OPResponseError, match="answer is malformed: not acceptable JSON: not a"):
        answer(200, b"[]").parse()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", b'{"a": 1}'), ("text/html", b' \n{"a": 1}'), ("application/json", b'{"a": 1}'), ("", b'{"a": 1}')],
)
def test_json_under_any_name_is_no_web_page(content_type: str, body: bytes) -> None:
    assert Answer("token", 200, content_type, body).parse() == {"a": 1}


def test_a_page_of_another_type_is_malformed_and_no_outage() -> None:
    with pytest.raises(OPResponseError):
        Answer("token", 200, "application/json", b"<p>").parse()
