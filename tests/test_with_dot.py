"""The whole way against a real OP: django-oauth-toolkit, as the demo has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import responses
import time_machine
from django.core.cache import cache
from django.test import Client
from oauth2_provider.models import Application
from pytest_django.fixtures import Settings

from demo_project.op.conf import Client as OPClient
from demo_project.op.conf import oauth2_provider_settings
from demo_project.op.keys import new_rsa_key
from demo_project.op.seeding import PEOPLE, seed_client, seed_person
from tests.demo.op_driver import Browser, is_login_page, is_second_factor_page, outbox
from tests.support.browser import JSON, Response, begin, get_error, query
from tests.support.dot import OP_HOST, OP_URL, install

pytestmark = pytest.mark.django_db

START = 1_900_000_000
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def rsa_key() -> str:
    return new_rsa_key()


@pytest.fixture
def calls(http: responses.RequestsMock, settings: Settings, rsa_key: str) -> Iterator[list[str]]:
    """Two clients of the OP, site-a as "default" and site-b as "other"; yields the RP's calls to the OP."""
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "localhost"]
    settings.MIDDLEWARE = ["tests.support.dot.op_by_host", *settings.MIDDLEWARE]
    settings.OAUTH2_PROVIDER = oauth2_provider_settings(rsa_private_key=rsa_key, issuer=f"{OP_URL}/o") | {
        "ALWAYS_RELOAD_OAUTHLIB_CORE": True,
    }
    settings.DEMO_OP_LOGOUT_DELIVERY = "tests.demo.op_driver.collect"
    settings.OIDC_PROVIDERS = {
        alias: {
            "ISSUER": f"{OP_URL}/o",
            "CLIENT_ID": client_id,
            "CLIENT_SECRET": f"secret-of-{client_id}",
            "FETCH_USERINFO": alias == "other",
            "ALLOWED_REQUEST_PARAMS": ["prompt", "max_age", "acr_values"],
        }
        for alias, client_id in (("default", "site-a"), ("other", "site-b"))
    }
    for person in PEOPLE:
        seed_person(person)
    for alias, client_id in (("default", "site-a"), ("other", "site-b")):
        secret = f"secret-of-{client_id}"
        seed_client(OPClient(client_id=client_id, name=client_id, url="http://testserver", secret=secret))
        Application.objects.filter(client_id=client_id).update(
            redirect_uris=f"http://testserver/oidc/callback/{alias}/"
        )
    yield install(http)
    outbox.clear()


@pytest.fixture
def op_tab() -> Browser:
    """The browser's cookies at the OP; those at the sites are in `client`."""
    return Browser(headers={"host": OP_HOST})


def to_rp(client: Client, response: Response, **extra: Any) -> Response:
    """Follow the OP's redirect back to the site."""
    assert response.status_code == 302, response.content
    assert response["Location"].startswith("http://testserver/")
    parts = urlsplit(response["Location"])
    return client.get(f"{parts.path}?{parts.query}", **extra)


def sign_in(client: Client, op_tab: Browser, next_url: str = "/private/", alias: str = "default") -> Response:
    page = op_tab.visit(begin(client, next_url, alias=alias)["Location"])
    return to_rp(client, op_tab.give_password(page) if is_login_page(page) else page)


def test_login_with_a_password(client: Client, op_tab: Browser, calls: list[str]) -> None:
    page = op_tab.visit(begin(client, "/private/")["Location"])
    assert is_login_page(page)
    back = to_rp(client, op_tab.give_password(page))
    assert (back.status_code, back["Location"]) == (302, "/private/")
    facts = client.get("/oidc/session/").json()
    assert (facts["iss"], facts["acr"], facts["amr"]) == (f"{OP_URL}/o", "pwd", ["pwd"])
    assert facts["sid"]
    assert calls == [
        "/o/.well-known/openid-configuration",
        "/o/token/",
        "/o/.well-known/jwks.json",
    ]


def test_sso_asks_no_second_time(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    site_b = Client()
    answer = op_tab.visit(begin(site_b, "/private/", alias="other")["Location"])
    assert to_rp(site_b, answer)["Location"] == "/private/"
    a, b = (site.get("/oidc/session/").json() for site in (client, site_b))
    assert (a["sub"], a["sid"], a["auth_time"]) == (b["sub"], b["sid"], b["auth_time"])
    assert (a["username"], b["provider"]) == (b["username"], "other")
    assert "/o/userinfo/" in calls


def test_silent_login_of_a_stranger_comes_back_cleanly(client: Client, op_tab: Browser, calls: list[str]) -> None:
    answer = op_tab.visit(begin(client, "/home/", prompt="none")["Location"])
    assert query(answer["Location"])["error"] == "login_required"
    assert to_rp(client, answer)["Location"] == "/home/"
    assert client.get("/oidc/session/").status_code == 401


def test_silent_login_of_a_known_user_signs_in(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    site_b = Client()
    answer = op_tab.visit(begin(site_b, "/home/", alias="other", prompt="none")["Location"])
    assert to_rp(site_b, answer)["Location"] == "/home/"
    assert site_b.get("/oidc/session/").status_code == 200


def test_max_age_makes_the_op_ask_again(client: Client, op_tab: Browser, calls: list[str]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        sign_in(client, op_tab)
        clock.shift(300)
        before = client.get("/oidc/session/").json()["auth_time"]
        page = op_tab.visit(begin(client, "/private/", max_age="60")["Location"])
        assert is_login_page(page)
        to_rp(client, op_tab.give_password(page))
        assert client.get("/oidc/session/").json()["auth_time"] == before + 300


def test_max_age_is_no_question_while_the_login_is_fresh(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    answer = op_tab.visit(begin(client, "/private/", max_age="600")["Location"])
    assert to_rp(client, answer)["Location"] == "/private/"


def test_acr_values_bring_the_second_factor(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    page = op_tab.visit(begin(client, "/private/", acr_values="mfa")["Location"])
    assert is_second_factor_page(page)
    to_rp(client, op_tab.give_code(page))
    facts = client.get("/oidc/session/").json()
    assert (facts["acr"], facts["amr"]) == ("mfa", ["pwd", "otp"])


def test_code_that_was_used_is_refused(client: Client, op_tab: Browser, calls: list[str]) -> None:
    page = op_tab.visit(begin(client, "/private/")["Location"])
    answer = op_tab.give_password(page)
    twin = Client()
    twin.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    to_rp(client, answer)
    cache.clear()  # which would stop the second use before the OP is asked
    assert get_error(to_rp(twin, answer, headers=JSON)) == (400, "op_error")


def test_logout_ends_both_sessions(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    leaving = client.post("/oidc/logout/", {"next": "/home/"})
    assert client.get("/oidc/session/").status_code == 401, "before the OP has been asked"
    back = to_rp(client, op_tab.visit(leaving["Location"]))
    assert (back.status_code, back["Location"]) == (302, "/home/")
    assert is_login_page(op_tab.visit(begin(client, "/private/")["Location"]))


def test_logout_reaches_the_other_site_through_the_op(client: Client, op_tab: Browser, calls: list[str]) -> None:
    sign_in(client, op_tab)
    site_b = Client()
    sign_in(site_b, op_tab, alias="other")
    op_tab.visit(client.post("/oidc/logout/")["Location"])
    (message,) = [message for message in outbox if message.client_id == "site-b"]
    told = Client().post(
        "/oidc/backchannel-logout/other/", urlencode({"logout_token": message.token}), content_type=FORM
    )
    assert told.status_code == 200
    assert site_b.get("/oidc/session/").status_code == 401
