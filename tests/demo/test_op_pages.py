"""The pages that people see, the seeding, and what is kept out of logs and hands."""

import logging
import re
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import reverse
from oauth2_provider.models import Application
from pytest_django import Settings

from demo_project.op.conf import Client
from demo_project.op.keys import read_or_create
from demo_project.op.logs import WithoutQuery
from demo_project.op.models import Account, OPSession
from demo_project.op.urls import page_urls, protocol_urls
from tests.demo.op_driver import Browser, RelyingParty

PAGES = ["demo_op:home", "demo_op:login", "demo_op:authenticator"]


@pytest.mark.parametrize("page", PAGES)
def test_page_allows_nothing_but_its_own_style(browser: Browser, site_a: RelyingParty, page: str) -> None:
    response = browser.get(reverse(page))
    nonces = re.findall(r'<style nonce="([^"]+)">', response.content.decode())
    policy = dict(directive.strip().split(" ", 1) for directive in response["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'nonce-{nonces[0]}'",
        "img-src": "data:",
        "form-action": "'self' http://localhost:8001",
        "frame-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "<script" not in response.content.decode()
    assert "no-store" in response["Cache-Control"]


def test_no_page_needs_a_login_of_the_process() -> None:
    """Under LoginRequiredMiddleware everything here would otherwise send people to the relying party's login."""
    patterns = [*protocol_urls, *page_urls]
    assert [pattern.name for pattern in patterns if getattr(pattern.callback, "login_required", True)] == []


def test_home_says_that_nobody_is_there(browser: Browser) -> None:
    assert "Nobody is signed in" in browser.get(reverse("demo_op:home")).content.decode()


def test_home_shows_the_session_and_its_sites(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    html = browser.get(reverse("demo_op:home")).content.decode()
    session = OPSession.objects.get()
    assert 'id="user">alice<' in html
    assert 'id="acr">pwd<' in html
    assert f'id="sid">{session.sid}<' in html
    assert 'data-client="site-a"' in html


def test_sign_out_button_ends_the_session(browser: Browser, site_a: RelyingParty) -> None:
    browser.sign_in(site_a)
    response = browser.submit(browser.get(reverse("demo_op:home")))
    assert "Nobody is signed in" in response.content.decode()
    assert OPSession.objects.get().ended


def test_sign_out_without_a_session_is_no_error(browser: Browser) -> None:
    assert browser.post(reverse("demo_op:sign-out"))["Location"] == reverse("demo_op:home")


def test_seeding_twice_changes_nothing(demo_op: None, settings: Settings) -> None:
    settings.DEMO_OP_CLIENTS = [
        Client("site-a", "Site A", "http://localhost:8001", secret=None),
        Client("site-b", "Site B", "http://localhost:8002", secret="given"),
    ]
    first, second = StringIO(), StringIO()
    call_command("seed_demo_op", stdout=first)
    before = list(Account.objects.values()), list(Application.objects.order_by("pk").values("client_id", "id"))
    call_command("seed_demo_op", stdout=second)
    after = list(Account.objects.values()), list(Application.objects.order_by("pk").values("client_id", "id"))
    assert before == after
    assert Account.objects.get(user__username="alice").totp_secret in first.getvalue()
    # A secret that was made up is shown once; one that was given, never.
    assert "site-a at http://localhost:8001  secret " in first.getvalue()
    assert "site-a at http://localhost:8001\n" in second.getvalue()
    assert "given" not in first.getvalue()


def test_seeding_puts_a_changed_password_right(demo_op: None) -> None:
    alice = get_user_model().objects.get(username="alice")
    alice.set_password("changed")
    alice.save()
    call_command("seed_demo_op", stdout=StringIO())
    alice.refresh_from_db()
    assert alice.check_password("alice-demo")


def test_client_secret_is_stored_hashed(site_a: RelyingParty) -> None:
    assert site_a.secret not in Application.objects.get(client_id="site-a").client_secret


def test_secret_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    assert read_or_create(path, lambda: "first") == "first"
    assert read_or_create(path, lambda: "second") == "first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_access_log_has_no_query() -> None:
    record = logging.LogRecord(
        "django.server",
        logging.WARNING,
        __file__,
        1,
        '"%s" %s %s',
        ("GET /o/logout/?id_token_hint=secret HTTP/1.1", "400", "10"),
        None,
    )
    assert WithoutQuery().filter(record)
    assert record.getMessage() == '"GET /o/logout/?... HTTP/1.1" 400 10'
