"""Site B's page that calls the demo's API, and what the journal shows of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import responses
from django.test import Client

from demo_project.rp.sites import read_site
from tests.support.fake_op import FakeOP

URL = "http://localhost:8000/api/account/"
ACCOUNT = {"owner": "Alice Anderson", "number": "DEMO-000001", "balance": "1037.00 EUR"}


@dataclass
class API:
    """Takes one access token, and keeps what it is sent."""

    accepts: str = "access-token-1"
    sent: list[str] = field(default_factory=list)

    def answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.sent.append(request.headers["Authorization"].removeprefix("Bearer "))
        return (200, {}, json.dumps(ACCOUNT)) if self.sent[-1] == self.accepts else (401, {}, "{}")


@pytest.fixture
def api(http: responses.RequestsMock, settings: Any) -> API:
    default = {**settings.OIDC_PROVIDERS["default"], "API_ORIGINS": ["http://localhost:8000"]}
    settings.OIDC_PROVIDERS = {"default": default}
    api = API()
    http.add_callback("GET", URL, api.answer)
    return api


def test_account_is_what_the_api_says(signed_in: Client, api: API) -> None:
    page = signed_in.get("/account/").content.decode()
    assert "1037.00 EUR" in page
    assert '<strong id="renewals">0</strong> times' in page
    assert api.sent == ["access-token-1"]
    assert "access-token-1" not in page


@pytest.mark.parametrize("seconds", [0, 300], ids=["refused_by_the_api", "expired"])
def test_renewal_is_a_trip_of_the_journal(
    signed_in: Client, api: API, op: FakeOP, time_machine: Any, seconds: int
) -> None:
    op.token_answer = {"access_token": "access-token-2", "refresh_token": "refresh-token-2"}
    api.accepts = "access-token-2"
    time_machine.move_to(time.time() + seconds)
    page = signed_in.get("/account/").content.decode()
    assert "1037.00 EUR" in page
    assert '<strong id="renewals">1</strong> time.' in page
    assert api.sent == (["access-token-2"] if seconds else ["access-token-1", "access-token-2"])
    journal = signed_in.get("/journal/").content.decode()
    for words in ("Renewal,", "Refresh request", "Session renewed", "API call"):
        assert words in journal
    for secret in ("access-token-1", "access-token-2", "refresh-token-1", "refresh-token-2"):
        assert secret not in journal + page


def test_refusal_of_the_api_is_told(signed_in: Client, api: API, op: FakeOP) -> None:
    api.accepts = "another"
    response = signed_in.get("/account/")
    assert response.status_code == 200
    assert b"The API did not answer as it should: 401" in response.content


def test_api_that_cannot_be_reached_is_told(
    signed_in: Client, http: responses.RequestsMock, api: API, op: FakeOP
) -> None:
    http.replace("GET", URL, body=requests.ConnectionError())
    response = signed_in.get("/account/")
    assert response.status_code == 503
    assert b"ConnectionError" in response.content


def test_site_without_an_api_has_no_such_page(signed_in: Client, settings: Any) -> None:
    settings.DEMO_SITE = read_site({"DEMO_SITE": "a"})
    assert signed_in.get("/account/").status_code == 404
    assert b"/account/" not in signed_in.get("/").content
