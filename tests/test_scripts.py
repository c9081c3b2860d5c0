"""Which requests may be redirected to the OP, and what the others get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import RequestFactory

from oidc_rp.scripts import find_page, is_page_visit, is_script, unauthorized

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NAVIGATION = {**HTML, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def build(method: str = "GET", path: str = "/page/?a=1", headers: dict[str, str] | None = None) -> Any:
    return RequestFactory().generic(method, path, headers=headers or {})


@pytest.mark.parametrize(
    "headers",
    [
        {**NAVIGATION, "HX-Request": "true"},
        {**HTML, "X-Requested-With": "XMLHttpRequest"},
        {**HTML, "Sec-Fetch-Mode": "cors"},
        {**HTML, "Sec-Fetch-Mode": "same-origin"},
        {"Accept": "application/json"},
    ],
    ids=["htmx", "jquery", "fetch", "fetch_same_origin", "json_client"],
)
def test_script_is_told_from_a_visit(headers: dict[str, str]) -> None:
    request = build(headers=headers)
    assert is_script(request)
    assert not is_page_visit(request)


@pytest.mark.parametrize("headers", [NAVIGATION, HTML, {}], ids=["browser", "browser_over_http", "no_headers"])
def test_visit_is_no_script(headers: dict[str, str]) -> None:
    request = build(headers=headers)
    assert not is_script(request)
    assert is_page_visit(request)


@pytest.mark.parametrize(
    ("method", "headers"),
    [("POST", NAVIGATION), ("HEAD", HTML), ("GET", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"})],
    ids=["form", "head", "frame"],
)
def test_what_is_no_script_may_still_be_no_visit(method: str, headers: dict[str, str]) -> None:
    request = build(method, headers=headers)
    assert not is_script(request)
    assert not is_page_visit(request)


def test_page_of_a_visit_is_the_page() -> None:
    assert find_page(build(headers=NAVIGATION)) == "/page/?a=1"


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({"HX-Request": "true", "HX-Current-URL": "http://testserver/list/"}, "http://testserver/list/"),
        ({"Accept": "application/json", "Referer": "http://testserver/app/"}, "http://testserver/app/"),
        ({"Accept": "application/json", "Referer": "https://evil.example/"}, "/after-login/"),
        ({"Accept": "application/json"}, "/after-login/"),
    ],
    ids=["htmx", "referer", "foreign_referer", "unknown"],
)
def test_page_of_a_script_is_the_one_that_it_runs_in(settings: Any, headers: dict[str, str], page: str) -> None:
    settings.LOGIN_REDIRECT_URL = "/after-login/"
    assert find_page(build(headers=headers)) == page


def test_page_of_a_form_is_the_page_with_the_form() -> None:
    assert find_page(build("POST", "/submit/", {**NAVIGATION, "Referer": "http://testserver/form/"})) == (
        "http://testserver/form/"
    )


def test_unauthorized_says_where_to_sign_in() -> None:
    response = unauthorized(build(headers={"Accept": "application/json"}), "/oidc/login/", details={"max_age": 5})
    assert response.status_code == 401
    assert json.loads(response.content) == {"error": "login_required", "login_url": "/oidc/login/", "max_age": 5}
    assert "no-store" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]
    assert not response.has_header("HX-Redirect")


def test_unauthorized_takes_an_htmx_page_to_the_login() -> None:
    response = unauthorized(build(headers={"HX-Request": "true"}), "/oidc/login/")
    assert response["HX-Redirect"] == "/oidc/login/"
