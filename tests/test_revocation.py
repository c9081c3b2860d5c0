"""Tokens revoked at the OP: off the user's path, and as well as it goes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from django.dispatch import receiver
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp import revocation
from oidc_rp.models import OIDCSession
from oidc_rp.provider import Exchange, Provider
from oidc_rp.provider.breaker import FAILURES_TO_OPEN
from oidc_rp.providers import providers
from oidc_rp.revocation import MAX_WAITING, WORKERS, RevocationQueue, flush_revocations, revoke_later
from oidc_rp.signals import op_called
from tests.logout.driver import post_logout_token
from tests.support.browser import sign_in
from tests.support.fake_op import Answer, FakeOP
from tests.support.logout_tokens import sign_logout_token
from tests.support.loopback import build_answer, run_loopback
from tests.support.pages import ROOT

JSON = {"Content-Type": "application/json"}
TIMEOUT = 60


@pytest.fixture
def provider(op: FakeOP) -> Provider:
    op.metadata["revocation_endpoint"] = "https://op.example/revoke"
    return providers["default"]


def finish() -> None:
    assert flush_revocations(TIMEOUT)


def revoked(op: FakeOP) -> list[tuple[str, str]]:
    return [(form["token_type_hint"], form["token"]) for form in op.forms if "token_type_hint" in form]


class Gate:
    """The revocation endpoint, where a call waits until the test lets it through."""

    def __init__(self, op: FakeOP, answer: Answer = (200, {}, "")) -> None:
        self.answer = answer
        self.arrivals = threading.Semaphore(0)
        self.open = threading.Event()
        op.overrides["revocation"] = self.wait

    def wait(self) -> Answer:
        self.arrivals.release()
        assert self.open.wait(TIMEOUT)
        return self.answer

    def await_arrival(self) -> None:
        assert self.arrivals.acquire(timeout=TIMEOUT)


@pytest.fixture
def gate(op: FakeOP) -> Iterator[Gate]:
    gate = Gate(op)
    yield gate
    gate.open.set()
    finish()


def test_both_tokens_are_revoked(provider: Provider, op: FakeOP) -> None:
    revoke_later(provider, refresh_token="refresh-1", access_token="access-1")
    finish()
    assert sorted(revoked(op)) == [("access_token", "access-1"), ("refresh_token", "refresh-1")]


def test_nothing_is_revoked_where_there_is_nothing(provider: Provider, op: FakeOP) -> None:
    revoke_later(provider)
    finish()
    assert op.calls == []


def test_caller_does_not_wait(provider: Provider, gate: Gate) -> None:
    revoke_later(provider, access_token="access-1")
    gate.await_arrival()
    assert not flush_revocations(0)
    gate.open.set()
    finish()


def test_op_without_the_endpoint_is_let_be(op: FakeOP, caplog: pytest.LogCaptureFixture) -> None:
    revoke_later(providers["default"], access_token="access-1")
    finish()
    assert (op.calls, caplog.text) == (["metadata"], "")


def test_op_that_revokes_no_access_tokens_is_let_be(
    provider: Provider, op: FakeOP, caplog: pytest.LogCaptureFixture
) -> None:
    op.overrides["revocation"] = (400, JSON, '{"error": "unsupported_token_type"}')
    revoke_later(provider, access_token="access-1")
    finish()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        pytest.param((503, {}, ""), "OPUnavailableError", id="down"),
        pytest.param(requests.ConnectionError("refused"), "OPUnavailableError", id="unreachable"),
        pytest.param((401, JSON, '{"error": "invalid_client"}'), "answered invalid_client", id="invalid_client"),
        pytest.param((404, {}, ""), "answered 404", id="not_found"),
    ],
)
def test_failure_is_reported(
    provider: Provider, op: FakeOP, caplog: pytest.LogCaptureFixture, answer: Any, shown: str
) -> None:
    op.overrides["revocation"] = answer
    seen: list[Exchange] = []

    @receiver(op_called)
    def listen(exchange: Exchange, **_: object) -> None:
        seen.append(exchange)

    revoke_later(provider, refresh_token="refresh-1")
    finish()
    assert "revocation_failed: refresh_token of provider 'default'" in caplog.text
    assert shown in caplog.text
    assert "refresh-1" not in caplog.text
    assert (seen[-1].endpoint, seen[-1].params["token"]) == ("revocation", "…")


def test_error_of_ours_is_not_lost(provider: Provider, op: FakeOP, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Answer:
        raise AssertionError("a bug")

    op.overrides["revocation"] = fail
    revoke_later(provider, access_token="access-1")
    finish()
    assert (caplog.records[-1].levelno, "a bug" in caplog.text) == (logging.ERROR, True)


def test_op_that_is_down_is_not_waited_for_again_and_again(
    provider: Provider, op: FakeOP, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.answer = (503, {}, "")
    for number in range(50):
        revoke_later(provider, access_token=f"access-{number}")
    gate.open.set()
    finish()
    # Those that were under way when the circuit opened, and no more.
    assert len(revoked(op)) < FAILURES_TO_OPEN + WORKERS
    assert caplog.text.count("revocation_failed") == 50


def test_waiting_tokens_are_bounded(provider: Provider, gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.answer = (503, {}, "")  # so that those that wait need not all be sent
    for number in range(MAX_WAITING + 1):
        revoke_later(provider, access_token=f"access-{number}")
    assert caplog.text.count("too many are waiting") == 1


def test_process_that_is_ending_does_without(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    queue = RevocationQueue()
    queue._pool.shutdown()  # what the interpreter does at its end
    queue.add(provider, "access-1", "access_token")
    assert "the process is ending" in caplog.text


# Newer Pythons warn of forks beside threads, and that is what is tested.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_of_a_fork_has_threads_of_its_own(provider: Provider, gate: Gate) -> None:
    revoke_later(provider, access_token="access-1")
    gate.await_arrival()
    # Even where the lock is held at that moment.
    with revocation._queue._lock:
        child = os.fork()
        if child == 0:
            done = threading.Event()
            revocation._queue._pool.submit(done.set)
            os._exit(0 if flush_revocations(0) and done.wait(TIMEOUT) else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_many_logouts_at_once(provider: Provider, op: FakeOP) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: revoke_later(provider, access_token=f"access-{number}"), range(200)))
    finish()
    assert {token for _, token in revoked(op)} == {f"access-{number}" for number in range(200)}


PROGRAM = """
import django
django.setup()
from oidc_rp.providers import providers
from oidc_rp.revocation import revoke_later
for number in range(20):
    revoke_later(providers["default"], access_token=f"access-{number}")
"""


@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_process_that_ends_makes_the_calls_first(tmp_path: Path) -> None:
    with run_loopback(build_answer(b"")) as op:
        issuer = op.url.removesuffix("/token")
        metadata = {
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "revocation_endpoint": f"{issuer}/revoke",
        }
        provider = {"ISSUER": issuer, "CLIENT_ID": "client-1", "CLIENT_SECRET": "s", "METADATA": metadata}
        (tmp_path / "ending_settings.py").write_text(
            f"from tests.settings import *\nOIDC_PROVIDERS = {{'default': {provider!r}}}\n"
        )
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ending_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        }
        subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=TIMEOUT)
    sent = {request.partition(b"token=access-")[2].partition(b"&")[0] for request in op.requests}
    assert sent == {str(number).encode() for number in range(20)}


# ---- at logout


@pytest.mark.django_db
def test_logout_revokes_both_tokens(client: Client, provider: Provider, op: FakeOP) -> None:
    sign_in(client, op)
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith("https://op.example/logout?")
    finish()
    assert sorted(revoked(op)) == [("access_token", "access-token-1"), ("refresh_token", "refresh-token-1")]


@pytest.mark.django_db
def test_logout_without_a_refresh_token_revokes_the_access_token(
    client: Client, provider: Provider, op: FakeOP
) -> None:
    op.token_answer["refresh_token"] = None
    sign_in(client, op)
    client.post("/oidc/logout/")
    finish()
    assert revoked(op) == [("access_token", "access-token-1")]


@pytest.mark.django_db
def test_logout_shows_no_token_to_another_op(
    client: Client, provider: Provider, op: FakeOP, other_op: FakeOP, settings: Settings
) -> None:
    """The alias has been given to another OP since the login."""
    sign_in(client, op)
    other_op.metadata["revocation_endpoint"] = "https://other.example/tenant/revoke"
    settings.OIDC_PROVIDERS = {"default": settings.OIDC_PROVIDERS["other"]}
    client.post("/oidc/logout/")
    finish()
    assert (revoked(op), revoked(other_op)) == ([], [])


@pytest.mark.django_db
def test_logout_does_not_wait_for_the_revocation(client: Client, provider: Provider, op: FakeOP, gate: Gate) -> None:
    sign_in(client, op)
    assert client.post("/oidc/logout/").status_code == 302
    gate.await_arrival()


@pytest.mark.django_db
def test_logout_shows_no_failure_of_the_revocation(client: Client, provider: Provider, op: FakeOP) -> None:
    op.overrides["revocation"] = (500, {}, "")
    sign_in(client, op)
    assert client.post("/oidc/logout/").status_code == 302
    finish()


@pytest.mark.django_db
def test_front_channel_logout_revokes_nothing(client: Client, provider: Provider, op: FakeOP) -> None:
    sign_in(client, op)
    answer = Client().get("/oidc/frontchannel-logout/default/", {"iss": op.issuer, "sid": "session-1"})
    finish()
    assert (answer.status_code, OIDCSession.objects.get().end_reason) == (200, "frontchannel_logout")
    assert revoked(op) == []


@pytest.mark.django_db
def test_back_channel_logout_leaves_no_token_to_be_used(client: Client, provider: Provider, op: FakeOP) -> None:
    sign_in(client, op)
    assert post_logout_token(sign_logout_token(sid="session-1")).status_code == 200
    finish()
    assert (OIDCSession.objects.get().sealed_tokens, revoked(op)) == ("", [])
