"""The registry: providers by alias, built late, rebuilt when their settings change."""

from __future__ import annotations

import logging
import os

import pytest
from django.dispatch import receiver
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.provider import Exchange, Provider
from oidc_rp.providers import UnknownProviderError, providers
from oidc_rp.signals import op_called
from tests.support.browser import begin, sign_in
from tests.support.fake_op import FakeOP
from tests.test_login import change_provider


def test_provider_by_alias() -> None:
    assert providers["default"].alias == "default"
    assert providers["other"].config.issuer == "https://other.example/tenant/"
    assert list(providers) == ["default", "other"]


def test_provider_is_built_once() -> None:
    assert providers["default"] is providers["default"]


def test_provider_is_built_anew_when_its_settings_change(settings: Settings) -> None:
    before = providers["default"]
    change_provider(settings, CLIENT_ID="another")
    assert providers["default"].config.client_id == "another"
    assert providers["default"] is not before


def test_provider_that_is_unknown_is_a_key_error() -> None:
    with pytest.raises(UnknownProviderError):
        providers["unknown"]
    with pytest.raises(KeyError):
        providers["unknown"]


def test_provider_that_is_wrong_says_everything_that_is(settings: Settings) -> None:
    settings.OIDC_PROVIDERS = {"default": {"ISUER": "https://op.example", "TIMEOUT": -1}}
    with pytest.raises(ConfigurationError) as caught:
        providers["default"]
    assert len(caught.value.problems) >= 3


def test_many_providers_cost_nothing_until_used(settings: Settings, op: FakeOP) -> None:
    settings.OIDC_PROVIDERS = {
        f"alias{number}": {"ISSUER": f"https://op{number}.example", "CLIENT_ID": "c", "CLIENT_SECRET": "s"}
        for number in range(500)
    }
    assert len(list(providers)) == 500
    assert providers["alias499"].alias == "alias499"
    assert not op.calls


@pytest.mark.django_db
def test_observers_see_each_call_to_the_op_with_secrets_masked(client: Client, op: FakeOP) -> None:
    seen: list[Exchange] = []

    @receiver(op_called, sender=Provider)
    def observe(exchange: Exchange, **_: object) -> None:
        seen.append(exchange)

    sign_in(client, op)
    assert [(exchange.endpoint, exchange.status, exchange.error) for exchange in seen] == [
        ("metadata", 200, None),
        ("token", 200, None),
        ("jwks", 200, None),
    ]
    assert seen[1].params["code"] != "code-1"
    assert "access-token-1" not in str(seen)


@pytest.mark.django_db
def test_observers_that_fail_do_no_harm(client: Client, op: FakeOP) -> None:
    @receiver(op_called, sender=Provider)
    def observe(**_: object) -> None:
        raise RuntimeError("an observer's own fault")

    assert sign_in(client, op, "/private/")["Location"] == "/private/"


def test_failed_calls_are_logged_with_their_code(client: Client, op: FakeOP, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="oidc_rp")
    op.overrides["metadata"] = (302, {"Location": "https://evil.example"}, "")
    begin(client)
    assert "op_redirect: metadata https://op.example/.well-known/openid-configuration" in caplog.text


# Newer Pythons warn of forks beside threads, and that is what is tested.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_child_of_a_fork_waits_for_no_lock_of_its_parent() -> None:
    before = providers["default"]
    with providers._lock:  # as another thread may, at that moment
        child = os.fork()
        if child == 0:
            os._exit(0 if providers["default"] is not before else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
