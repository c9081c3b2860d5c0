"""Every test that asks for `engine` runs once on each of Django's session engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.support import steps

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # One for all tests: Django's file engine reads the setting once.
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.sessions.site"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, settings: Settings, session_folder: Path) -> str:
    name: str = request.param
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{name}"
    settings.SESSION_FILE_PATH = str(session_folder)
    return name


@pytest.fixture
def stepped(engine: str, settings: Settings) -> str:
    """`engine`, with what it does in its cache or its files as steps; the database's statements are steps anyhow."""
    cache = settings.CACHES["default"]
    stepped_cache = steps.SteppedRedisCache if "redis" in cache["BACKEND"] else steps.SteppedLocMemCache
    settings.CACHES = {"default": {**cache, "BACKEND": f"{steps.__name__}.{stepped_cache.__name__}"}}
    if engine == "file":
        settings.SESSION_ENGINE = "tests.support.stepped_file"
    return engine
