"""Front-channel logout where the OP and the sites are different sites to the browser, over HTTPS.

The frame on the OP's page is a third party then. Whether the browser sends cookies into it is up to its settings; a
cookie of site B that any site may carry shows which of the two it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import BrowserContext, Playwright, expect

from demo_project.launcher.plan import build_plan

from .conftest import ARGUMENTS, CHROMIUM
from .running import ROOT, find_free_ports
from .steps import sign_in
from .tls_child import LISTENING

# Chromium's `profile.cookie_controls_mode`.
ALLOWED, BLOCKED = 0, 1
PROBE = "probe"


@dataclass(frozen=True)
class TLSDemo:
    op: str
    a: str
    b: str


@pytest.fixture(scope="module")
def tls_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TLSDemo]:
    folder = tmp_path_factory.mktemp("tls")
    base_port = find_free_ports(3)
    hosts = ("localhost", "a.localhost", "b.localhost")
    urls = [f"https://{host}:{base_port + index}" for index, host in enumerate(hosts)]
    ca, authority, certificate = trustme.CA(), folder / "ca.pem", folder / "demo.pem"
    ca.cert_pem.write_to_path(authority)
    ca.issue_cert(*hosts).private_key_and_cert_chain_pem.write_to_path(certificate)
    over_tls = {
        **dict(zip(("DEMO_OP_URL", "DEMO_SITE_A_URL", "DEMO_SITE_B_URL"), urls, strict=True)),
        "DEMO_LOGOUT_CHANNEL": "front",
        "REQUESTS_CA_BUNDLE": str(authority),
        "PYTHONUNBUFFERED": "1",
    }
    # Popen closes its pipes at the end, which ends the child, and waits for it.
    with ExitStack() as children:
        for part in build_plan(base_port, folder, os.environ):
            seed = [part.seed[0]] if part.seed else []
            child = children.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.e2e.tls_child", str(part.port), str(certificate), *seed],
                    cwd=ROOT,
                    env={**part.environment, **over_tls},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            assert child.stdout is not None
            assert any(line.startswith(LISTENING) for line in child.stdout)
        yield TLSDemo(*urls)


@pytest.fixture
def context(playwright: Playwright, tmp_path: Path, cookie_controls: int) -> Iterator[BrowserContext]:
    """A profile of its own, because only a profile has settings."""
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": cookie_controls}}))
    context = playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, args=ARGUMENTS, ignore_https_errors=True
    )
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.mark.parametrize(
    "cookie_controls", [pytest.param(BLOCKED, id="cookies_blocked"), pytest.param(ALLOWED, id="cookies_allowed")]
)
def test_logout_at_one_site_reaches_the_other(tls_demo: TLSDemo, context: BrowserContext, cookie_controls: int) -> None:
    context.add_cookies([{"name": PROBE, "value": "1", "url": tls_demo.b, "secure": True, "sameSite": "None"}])
    page = context.new_page()
    sign_in(page, tls_demo.a)
    page.goto(f"{tls_demo.b}/private/")
    expect(page.locator("#username")).to_have_text("alice")
    page.goto(f"{tls_demo.a}/")
    with page.expect_response(lambda response: response.url.startswith(f"{tls_demo.b}/oidc/frontchannel")) as framed:
        page.get_by_role("button", name="Sign out").click()
    assert framed.value.status == 200
    assert (PROBE in framed.value.request.all_headers().get("cookie", "")) == (cookie_controls == ALLOWED)
    page.goto(f"{tls_demo.b}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(page.get_by_role("status")).to_have_text("You were signed out by the provider.")
    page.goto(f"{tls_demo.b}/private/")
    expect(page.get_by_label("Password")).to_be_visible()
