"""The Django cache makes things fast; a broken one makes nothing fail."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import pytest
from django.core.cache.backends.base import BaseCache
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.providers import providers
from tests.support.browser import sign_in
from tests.support.fake_op import FakeOP

pytestmark = pytest.mark.django_db


class BrokenCache(BaseCache):
    """A cache server that is down."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ConnectionError("the cache server is down")

    add = set = delete = get


def use_cache(settings: Settings, backend: str) -> None:
    settings.CACHES = {**settings.CACHES, "oidc": {"BACKEND": backend}}
    settings.OIDC_RP_CACHE = "oidc"


def test_login_works_with_a_broken_cache(
    client: Client, op: FakeOP, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    use_cache(settings, "tests.test_cache.BrokenCache")
    caplog.set_level(logging.WARNING, logger="oidc_rp")
    assert sign_in(client, op, "/private/")["Location"] == "/private/"
    assert "cache_unavailable: the cache 'oidc' failed" in caplog.text
    assert "the cache server is down" in caplog.text


def test_login_works_with_an_alias_that_is_no_cache(client: Client, op: FakeOP, settings: Settings) -> None:
    settings.OIDC_RP_CACHE = "no-such-cache"
    assert sign_in(client, op, "/private/")["Location"] == "/private/"


def test_another_process_finds_the_documents_in_the_cache(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    op.calls.clear()
    providers.clear()  # what a process that has just started has
    sign_in(Client(), op)
    assert op.calls == ["token"]


def test_without_a_cache_each_process_asks_once(client: Client, op: FakeOP, settings: Settings) -> None:
    use_cache(settings, "django.core.cache.backends.dummy.DummyCache")
    sign_in(client, op)
    sign_in(Client(), op)
    assert op.calls == ["metadata", "token", "jwks", "token"]
