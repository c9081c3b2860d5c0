"""A site that keeps its providers in its own database."""

from __future__ import annotations

import pytest
import responses
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.providers import UnknownProviderError, providers
from tests.support.browser import JSON, begin, complete, get_error, query, sign_in
from tests.support.fake_op import FakeOP

from .models import Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tenants(settings: Settings) -> None:
    settings.OIDC_RP_PROVIDER_LOADER = "tests.multitenant.loader.load_tenant"
    settings.OIDC_PROVIDERS = {}
    for name in ("red", "blue"):
        Tenant.objects.create(
            slug=name, issuer=f"https://{name}.example", client_id=f"client-{name}", client_secret=f"secret of {name}"
        )


@pytest.fixture
def red(http: responses.RequestsMock) -> FakeOP:
    fake = FakeOP(issuer="https://red.example", client_id="client-red")
    fake.install(http)
    return fake


@pytest.fixture
def blue(http: responses.RequestsMock) -> FakeOP:
    fake = FakeOP(issuer="https://blue.example", client_id="client-blue")
    fake.install(http)
    return fake


def test_tenants_sign_in_each_at_their_op(client: Client, red: FakeOP, blue: FakeOP) -> None:
    for tenant, op in (("red", red), ("blue", blue)):
        browser = Client()
        sign_in(browser, op, alias=tenant)
        facts = browser.get("/oidc/session/").json()
        assert (facts["provider"], facts["iss"]) == (tenant, f"https://{tenant}.example")
    assert User.objects.count() == 2, "one sub at two OPs is two users"


def test_tenant_cannot_answer_for_another(client: Client, red: FakeOP, blue: FakeOP) -> None:
    response = red.authorize(begin(client, alias="red")["Location"])
    assert get_error(complete(client, response, alias="blue", headers=JSON)) == (400, "provider_mismatch")


def test_tenant_change_takes_effect_at_once(client: Client, red: FakeOP) -> None:
    assert query(begin(client, alias="red")["Location"])["scope"] == "openid email"
    Tenant.objects.filter(slug="red").update(scopes="openid groups", client_id="client-new")
    request = query(begin(client, alias="red")["Location"])
    assert (request["scope"], request["client_id"]) == ("openid groups", "client-new")


def test_tenant_that_did_not_change_keeps_its_provider(client: Client, red: FakeOP) -> None:
    assert providers["red"] is providers["red"]
    begin(client, alias="red")
    begin(client, alias="red")
    assert red.calls == ["metadata"]


@pytest.mark.parametrize("path", ["login", "callback", "initiate"])
def test_tenant_that_is_unknown_is_not_found(client: Client, path: str) -> None:
    assert client.get(f"/oidc/{path}/green/").status_code == 404


@pytest.mark.parametrize("path", ["login/%00/", "callback/a%00b/", "initiate/%ED%A0%80/", "login/" + "a" * 3_000 + "/"])
def test_tenant_of_a_hostile_name_is_not_found(client: Client, path: str) -> None:
    assert client.get(f"/oidc/{path}").status_code == 404


def test_tenant_names_that_no_database_stores_do_not_reach_the_loader(settings: Settings) -> None:
    """PostgreSQL refuses NUL with an exception; and a name over 100 characters would not fit a session's row."""
    settings.OIDC_RP_PROVIDER_LOADER = "tests.multitenant.test_tenants.load_anything"
    for alias in ("a\x00b", "a" * 101, ""):
        with pytest.raises(UnknownProviderError):
            providers[alias]


def load_anything(alias: str) -> dict[str, str]:
    return {"ISSUER": "https://op.example", "CLIENT_ID": "c", "CLIENT_SECRET": "s"}


def test_tenant_that_is_switched_off_is_gone_at_once(client: Client, red: FakeOP) -> None:
    response = red.authorize(begin(client, alias="red")["Location"])
    Tenant.objects.update(enabled=False)
    assert complete(client, response, alias="red").status_code == 404


def test_tenant_without_a_default_can_start_again(client: Client, red: FakeOP) -> None:
    page = complete(client, {"state": "unknown"}, alias="red")
    assert 'href="/oidc/login/red/"' in page.content.decode()
    assert client.get("/oidc/login/").status_code == 404


def test_tenant_with_wrong_settings_is_unavailable(client: Client) -> None:
    Tenant.objects.filter(slug="red").update(issuer="http://red.example")
    assert get_error(client.get("/oidc/login/red/", headers=JSON)) == (503, "configuration")


def test_tenants_cannot_be_listed_but_settings_can(settings: Settings) -> None:
    assert list(providers) == []
    settings.OIDC_PROVIDERS = {"one": {}, "two": {}}
    assert list(providers) == ["one", "two"]
