"""Single logout with a whole OP: out at one site, and the other follows by way of the OP.

The demo's OP and the test site live in this process. Two providers of the test site stand for two sites; a person
has one browser, of which each host here sees its own cookies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
import responses
from django.test import Client
from oauth2_provider.models import Application
from pytest_django import Settings

from demo_project.op import conf
from demo_project.op.backchannel import LogoutMessage
from demo_project.op.keys import new_rsa_key
from demo_project.op.models import LogoutChannel, OPSession
from demo_project.op.seeding import PEOPLE, seed_client, seed_person
from oidc_rp.flows.logout import OPLogout
from oidc_rp.models import OIDCSession
from oidc_rp.op_logout import end_here_and_at_op
from tests.demo.op_driver import Browser
from tests.logout.driver import is_signed_in, post_logout_token

pytestmark = pytest.mark.django_db

OP = "https://op.testserver"
SITE = "http://testserver"
SITES = ("site-a", "site-b")


def deliver(messages: Sequence[LogoutMessage]) -> None:
    """Setting DEMO_OP_LOGOUT_DELIVERY: the back channel, which waits for the sites' answers."""
    for message in messages:
        alias = message.uri.removesuffix("/").rpartition("/")[2]
        assert post_logout_token(message.token, alias).status_code == 200


def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
    """The OP's answer to a call by a site's server."""
    headers = {"host": "op.testserver"}
    if "Authorization" in request.headers:
        headers["authorization"] = request.headers["Authorization"]
    answered = Client().generic(
        str(request.method),
        request.path_url,
        request.body or "",
        content_type=request.headers.get("Content-Type", ""),
        headers=headers,
        secure=True,
    )
    return answered.status_code, dict(answered.headers), answered.content


@pytest.fixture
def demo_op(settings: Settings, http: responses.RequestsMock) -> None:
    settings.ROOT_URLCONF = "tests.logout.urls"
    settings.OAUTH2_PROVIDER = conf.oauth2_provider_settings(rsa_private_key=new_rsa_key(), issuer=f"{OP}/o") | {
        "ALWAYS_RELOAD_OAUTHLIB_CORE": True
    }
    settings.DEMO_OP_LOGOUT_DELIVERY = f"{__name__}.deliver"
    settings.OIDC_PROVIDERS = {
        name: {"ISSUER": f"{OP}/o", "CLIENT_ID": name, "CLIENT_SECRET": f"secret-of-{name}"} for name in SITES
    }
    for person in PEOPLE:
        seed_person(person)
    for name in SITES:
        register(name)
    for method in ("GET", "POST"):
        http.add_callback(method, re.compile(f"{OP}/"), callback=answer)


def register(name: str, channel: str = "back") -> None:
    """Make the URIs of a client those of one provider of the test site."""
    seed_client(conf.Client(name, name.title(), SITE, secret=f"secret-of-{name}"))
    application = Application.objects.get(client_id=name)
    application.redirect_uris = f"{SITE}/oidc/callback/{name}/"
    application.save(update_fields=["redirect_uris"])
    LogoutChannel.objects.filter(application=application).update(
        backchannel_uri=f"{SITE}/oidc/backchannel-logout/{name}/" if channel == "back" else "",
        frontchannel_uri=f"{SITE}/oidc/frontchannel-logout/{name}/" if channel == "front" else "",
    )


@dataclass
class Person:
    """One browser, by what it shows to each host."""

    username: str = "alice"
    at_op: Browser = field(default_factory=lambda: Browser(headers={"host": "op.testserver"}))
    at: dict[str, Client] = field(default_factory=lambda: {name: Client() for name in SITES})

    def sign_in(self, site: str) -> None:
        begun = self.at[site].get(f"/oidc/login/{site}/", {"next": "/home/"})
        page = self.at_op.visit(path_of(begun["Location"]))
        if page.status_code == 200:  # the first of the two sites: single sign-on does the other
            page = self.at_op.give_password(page, self.username)
        back = self.at[site].get(path_of(page["Location"]))
        assert (back.status_code, back["Location"]) == (302, "/home/"), back.content
        assert is_signed_in(self.at[site])

    def sign_out(self, site: str) -> Any:
        """At a site, and on to the OP; its answer."""
        begun = self.at[site].post("/oidc/logout/", {"next": "/home/"})
        assert begun["Location"].startswith(f"{OP}/o/logout/?")
        return self.at_op.visit(path_of(begun["Location"]))

    def where_signed_in(self) -> list[str]:
        return [site for site, client in self.at.items() if is_signed_in(client)]


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def alice(demo_op: None) -> Person:
    """Signed in at both sites, in one session at the OP."""
    person = Person()
    for site in SITES:
        person.sign_in(site)
    assert OPSession.objects.filter(ended=None).count() == 1
    return person


def test_logout_at_one_site_reaches_the_other(alice: Person) -> None:
    elsewhere, bob = Person(), Person("bob")
    elsewhere.sign_in("site-b")
    bob.sign_in("site-b")
    back = alice.sign_out("site-a")
    # Before the browser is back at site A, site B has been told.
    assert alice.where_signed_in() == []
    assert elsewhere.where_signed_in() == bob.where_signed_in() == ["site-b"]
    home = alice.at["site-a"].get(path_of(back["Location"]))
    assert (home.status_code, home["Location"]) == (302, "/home/")
    reasons = {row.alias: row.end_reason for row in OIDCSession.objects.exclude(ended_at=None)}
    assert reasons == {"site-a": "logout", "site-b": "backchannel_logout"}


def test_logout_at_the_op_reaches_both_sites(alice: Person) -> None:
    alice.at_op.post("/sign-out/")
    assert alice.where_signed_in() == []


def test_logout_by_the_front_channel_needs_no_cookie_of_the_site(alice: Person) -> None:
    register("site-b", channel="front")
    page = alice.sign_out("site-a")
    assert alice.where_signed_in() == ["site-b"]
    [frame] = page.context["logout_urls"]
    answered = Client().get(path_of(frame), headers={"sec-fetch-dest": "iframe"})
    assert answered.status_code == 200
    assert answered["Content-Security-Policy"].endswith(f"frame-ancestors {OP}")
    assert alice.where_signed_in() == []


def test_administrator_at_one_site_ends_the_session_at_the_op_and_at_the_other(alice: Person) -> None:
    rows = list(OIDCSession.objects.filter(alias="site-a"))
    assert end_here_and_at_op(rows, "admin", f"{SITE}/oidc/logout/callback/") == (1, {OPLogout.ENDED: 1})
    assert alice.where_signed_in() == []
    assert not OPSession.objects.filter(ended=None).exists()
    page = alice.at_op.visit(path_of(alice.at["site-a"].get("/oidc/login/site-a/")["Location"]))
    assert page.status_code == 200  # the OP asks for the password again


def test_op_refuses_an_address_that_is_not_registered(alice: Person) -> None:
    rows = list(OIDCSession.objects.filter(alias="site-a"))
    assert end_here_and_at_op(rows, "admin", "https://evil.example/") == (1, {OPLogout.FAILED: 1})
    assert alice.where_signed_in() == ["site-b"]


def test_logout_while_the_op_is_down_ends_the_session_here(alice: Person, http: responses.RequestsMock) -> None:
    http.reset()
    begun = alice.at["site-a"].post("/oidc/logout/", {"next": "/home/"})
    assert begun.status_code == 302
    assert alice.where_signed_in() == ["site-b"]
    query = urlencode({"iss": f"{OP}/o", "sid": OIDCSession.objects.filter(alias="site-b").get().sid})
    assert Client().get(f"/oidc/frontchannel-logout/site-b/?{query}").status_code == 200
    assert alice.where_signed_in() == []
