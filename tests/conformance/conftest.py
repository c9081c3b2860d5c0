"""The hostile OP on a port of its own, and the site that has it as a provider."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from oidc_rp.revocation import flush_revocations
from tests.support.op_server import serve_op

from .op import SECRET, HostileOP
from .rp import RP


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test of this folder uses loopback and the database."""
    for mark in (pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.django_db):
        item.add_marker(mark)


@pytest.fixture
def op() -> Iterator[HostileOP]:
    """The OP of the provider "default"."""
    with serve_op(hostile := HostileOP(), HostileOP.respond):
        yield hostile
        assert flush_revocations(60)


@pytest.fixture
def rp(op: HostileOP, settings: Settings, caplog: pytest.LogCaptureFixture) -> RP:
    """A site with that OP as its only provider."""
    caplog.set_level(logging.DEBUG, logger="oidc_rp")
    settings.OIDC_PROVIDERS = {
        "default": {"ISSUER": op.issuer, "CLIENT_ID": op.client_id, "CLIENT_SECRET": SECRET},
    }
    return RP(op, settings, caplog)


@pytest.fixture
def attacker(rp: RP) -> Iterator[HostileOP]:
    """Another OP, which users of the site may choose, as the provider "other"."""
    with serve_op(other := HostileOP(client_id="client-2"), HostileOP.respond):
        rp.configure("other", ISSUER=other.issuer, CLIENT_ID=other.client_id, CLIENT_SECRET=SECRET)
        yield other
