"""Fixtures for every test, and how property tests choose their examples."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import responses
from django.core.cache import cache

from oidc_rp.providers import providers
from oidc_rp.revocation import flush_revocations
from tests.support.fake_op import FakeOP

# The same examples at each run, few enough to stay fast, and no deadline on a machine that may be busy.
hypothesis.settings.register_profile("oidc_rp", max_examples=200, derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("oidc_rp")


@pytest.fixture(autouse=True)
def fresh_state() -> Iterator[None]:
    """No test sees the providers, keys or cached documents of another."""
    cache.clear()
    providers.clear()
    yield
    providers.clear()
    cache.clear()


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    """The HTTP that the RP speaks; whatever no fake OP answers is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
        # Its threads must find this OP, not the network.
        assert flush_revocations(60)


@pytest.fixture
def op(http: responses.RequestsMock) -> FakeOP:
    """The OP of the provider "default"."""
    fake = FakeOP()
    fake.install(http)
    return fake


@pytest.fixture
def other_op(http: responses.RequestsMock) -> FakeOP:
    """The OP of the provider "other"."""
    fake = FakeOP(issuer="https://other.example/tenant/", client_id="client-2")
    fake.install(http)
    return fake
