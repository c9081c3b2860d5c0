"""Site A alone, against the OPs that the environment names."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from .running import Demo, find_free_ports, launch


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    text: str


@dataclass(frozen=True)
class LoneSite:
    """Site A by `manage.py runserver`."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Location", ""), response.read().decode())
        finally:
            connection.close()


@pytest.fixture
def lone_site(demo: Demo, tmp_path: Path) -> Iterator[LoneSite]:
    port = find_free_ports(1)
    options = {"ISSUER": f"{demo.op}/o", "CLIENT_ID": "site-a", "CLIENT_SECRET": "s", "SCOPES": ["openid", "email"]}
    process = launch(
        "runserver",
        "--noreload",
        f"127.0.0.1:{port}",
        folder=tmp_path,
        OIDC_PROVIDERS=json.dumps({"default": options, "other": {**options, "PROMPT": "login"}}),
        DEMO_DATA_DIR=str(tmp_path / "data"),
    )
    assert process.stdout is not None
    try:
        assert any("Starting development server" in line for line in process.stdout)
        yield LoneSite(port)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_home_page_offers_each_provider(lone_site: LoneSite) -> None:
    home = lone_site.get("/")
    assert home.status == 200
    assert "Sign in with default" in home.text
    assert "Sign in with other" in home.text
    # The other site of the demo does not run now.
    assert "Site B" not in home.text


def test_login_goes_to_the_given_provider_with_its_options(lone_site: LoneSite, demo: Demo) -> None:
    begun = lone_site.get("/oidc/login/other/")
    assert begun.status == 302
    assert begun.location.startswith(f"{demo.op}/o/authorize/?")
    assert "scope=openid+email" in begun.location or "scope=openid%20email" in begun.location
    assert "prompt=login" in begun.location


def test_transfer_page_asks_the_given_provider_for_a_second_factor(lone_site: LoneSite, demo: Demo) -> None:
    demanded = lone_site.get("/transfer/")
    assert demanded.status == 302
    assert demanded.location.startswith(f"{demo.op}/o/authorize/?")
    assert "acr_values=mfa" in demanded.location
    assert "max_age=300" in demanded.location


def test_pages_work_in_a_browser(lone_site: LoneSite, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(lone_site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    page.close()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param("{bad", "is not JSON: Expecting property name", id="no_json"),
        pytest.param('["default"]', "must be an object", id="no_object"),
        pytest.param("{}", "must be an object", id="no_alias"),
    ],
)
def test_wrong_environment_is_explained(tmp_path: Path, value: str, reason: str) -> None:
    process = launch("runserver", "--noreload", "127.0.0.1:1", folder=tmp_path, OIDC_PROVIDERS=value)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert reason in output
    assert "Traceback" not in output
