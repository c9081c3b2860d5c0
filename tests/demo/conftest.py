from collections.abc import Iterator

import pytest
from pytest_django import Settings

from demo_project.op.conf import Client, oauth2_provider_settings
from demo_project.op.keys import new_rsa_key
from demo_project.op.seeding import PEOPLE, seed_client, seed_person
from tests.demo import op_driver
from tests.demo.op_driver import Browser, RelyingParty


@pytest.fixture(scope="session")
def rsa_key() -> str:
    return new_rsa_key()


@pytest.fixture
def demo_op(db: None, settings: Settings, rsa_key: str) -> Iterator[None]:
    """The OP with its users, under whatever settings, and with logout messages kept instead of sent."""
    settings.ROOT_URLCONF = "demo_project.op.urls"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OAUTH2_PROVIDER = oauth2_provider_settings(rsa_private_key=rsa_key) | {
        # Views keep what they were built with, and other tests have other settings.
        "ALWAYS_RELOAD_OAUTHLIB_CORE": True,
    }
    settings.DEMO_OP_LOGOUT_DELIVERY = "tests.demo.op_driver.collect"
    for person in PEOPLE:
        seed_person(person)
    yield
    op_driver.outbox.clear()


def registered(client_id: str, url: str) -> RelyingParty:
    secret = f"secret-of-{client_id}"
    seed_client(Client(client_id=client_id, name=client_id.title(), url=url, secret=secret))
    return RelyingParty(client_id, secret, f"{url}/oidc/callback/default/")


@pytest.fixture
def site_a(demo_op: None) -> RelyingParty:
    return registered("site-a", "http://localhost:8001")


@pytest.fixture
def site_b(demo_op: None) -> RelyingParty:
    return registered("site-b", "http://localhost:8002")


@pytest.fixture
def browser(demo_op: None) -> Browser:
    return Browser()
