"""The site, its users and its OP. The time stands, and is moved by the tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.provider import Exchange
from oidc_rp.provider.breaker import OPEN_SECONDS
from oidc_rp.providers import providers
from oidc_rp.signals import op_called
from tests.logout.driver import is_signed_in
from tests.support.browser import JSON, Response, begin, complete

from .op import TIMEOUT, Outage, run_op


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test of this folder uses loopback and the database."""
    for mark in (pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.django_db):
        item.add_marker(mark)


@dataclass
class Site:
    """The site under test; `exchanges` are its calls to the OP, with and without an answer."""

    outage: Outage
    clock: time_machine.Traveller
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def calls(self) -> list[str]:
        """The endpoints that were called."""
        return [exchange.endpoint for exchange in self.exchanges]

    def observe(self, exchange: Exchange, **_: object) -> None:
        self.exchanges.append(exchange)

    def forget_documents(self) -> None:
        """As after a restart of all processes and of the cache."""
        cache.clear()
        providers.clear()

    def sign_in(self) -> Client:
        """A new browser, signed in."""
        client = Client(headers=JSON)
        answer = self._log_in(client)
        assert answer.status_code == 302, answer.content
        assert is_signed_in(client)
        return client

    def try_to_sign_in(self) -> str:
        """How a login ends: "" in success, or the code of a 503 that says when to come back."""
        answer = self._log_in(Client(headers=JSON))
        if answer.status_code == 302:
            return ""
        assert answer.status_code == 503, answer.content
        assert 1 <= int(answer["Retry-After"]) <= (30 if answer.json()["error"] != "op_circuit_open" else OPEN_SECONDS)
        code: str = answer.json()["error"]
        return code

    def goes_on(self, client: Client) -> bool:
        """Whether this browser is signed in, which nobody asks the OP about."""
        before = len(self.exchanges)
        return is_signed_in(client) and len(self.exchanges) == before

    def _log_in(self, client: Client) -> Response:
        begun = begin(client, "/private/")
        if begun.status_code != 302:
            return begun
        return complete(client, self.outage.op.authorize(begun["Location"]))


@pytest.fixture
def outage() -> Iterator[Outage]:
    with run_op() as outage:
        yield outage


@pytest.fixture
def site(outage: Outage, settings: Settings) -> Iterator[Site]:
    settings.OIDC_PROVIDERS = {
        "default": {
            "ISSUER": outage.op.issuer,
            "CLIENT_ID": outage.op.client_id,
            "CLIENT_SECRET": "a client secret of the test suite",
            "TIMEOUT": TIMEOUT,
        },
    }
    with time_machine.travel(time.time(), tick=False) as clock:
        site = Site(outage, clock)
        op_called.connect(site.observe)
        yield site
        op_called.disconnect(site.observe)
