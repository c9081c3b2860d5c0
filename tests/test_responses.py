"""What an error becomes for people, for programs and for the log."""

from __future__ import annotations

import json

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import override_script_prefix

from oidc_rp.protocol.errors import (
    AuthenticationResponseError,
    ClaimError,
    ConfigurationError,
    OIDCError,
    OPError,
    OPResponseError,
    OPUnavailableError,
    RequirementError,
    UserRefusedError,
)
from oidc_rp.responses import error_response, get_status, protect

ERRORS: list[tuple[OIDCError, int, str]] = [
    (AuthenticationResponseError("x"), 400, "This sign-in cannot be completed"),
    (OPError("invalid_grant", endpoint="token"), 400, "This sign-in cannot be completed"),
    (OPError("access_denied", endpoint="authorization"), 403, "Sign-in was refused"),
    (UserRefusedError("x"), 403, "No access"),
    (RequirementError("acr", required="mfa", actual="pwd"), 403, "A stronger sign-in is needed"),
    (OPError("server_error", endpoint="authorization"), 502, "Sign-in failed"),
    (OPError("invalid_client", endpoint="token"), 502, "Sign-in failed"),
    (OPResponseError("x", endpoint="token"), 502, "Sign-in failed"),
    (ClaimError("aud", "x"), 502, "Sign-in failed"),
    (OIDCError("a kind that nobody knows yet"), 502, "Sign-in failed"),
    (OPError("temporarily_unavailable", endpoint="authorization"), 503, "Sign-in is not available just now"),
    (OPUnavailableError("x", endpoint="token"), 503, "Sign-in is not available just now"),
    (ConfigurationError("x"), 503, "Sign-in is not available just now"),
]


@pytest.mark.parametrize(("error", "status", "title"), ERRORS)
def test_error_has_a_status_and_a_neutral_page(rf: RequestFactory, error: OIDCError, status: int, title: str) -> None:
    response = error_response(rf.get("/"), error)
    assert response.status_code == get_status(error) == status
    assert f"<h1>{title}</h1>" in response.content.decode()


@pytest.mark.parametrize(("error", "status", "title"), ERRORS)
def test_error_is_json_for_who_wants_it(rf: RequestFactory, error: OIDCError, status: int, title: str) -> None:
    response = error_response(rf.get("/", headers={"accept": "application/json"}), error)
    answer = json.loads(response.content)
    assert response.status_code == status
    assert answer.keys() == {"error", "message", "reference"}
    assert answer["error"] == error.code


@pytest.mark.parametrize(("retry_after", "expected"), [(None, "30"), (7, "7")])
def test_error_says_when_to_try_again(rf: RequestFactory, retry_after: int | None, expected: str) -> None:
    error = OPUnavailableError("x", endpoint="token", retry_after=retry_after)
    assert error_response(rf.get("/"), error)["Retry-After"] == expected


def test_error_references_are_all_different(rf: RequestFactory) -> None:
    wants_json = rf.get("/", headers={"accept": "application/json"})
    answers = [json.loads(error_response(wants_json, OIDCError("x")).content) for _ in range(50)]
    assert len({answer["reference"] for answer in answers}) == 50


def test_error_page_links_stay_under_the_script_prefix(rf: RequestFactory) -> None:
    with override_script_prefix("/app/"):
        page = error_response(rf.get("/"), OIDCError("x")).content.decode()
    assert 'href="/app/oidc/login/"' in page
    assert 'href="/app/"' in page


def test_protect_leaves_headers_of_the_view_alone(rf: RequestFactory) -> None:
    response = protect(lambda request: HttpResponse(headers={"Content-Security-Policy": "frame-ancestors https://op"}))(
        rf.get("/")
    )
    assert response.headers["Content-Security-Policy"] == "frame-ancestors https://op"


def test_protect_lets_other_errors_pass(rf: RequestFactory) -> None:
    def view(request: object) -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        protect(view)(rf.get("/"))
