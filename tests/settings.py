"""Settings of the test suite: a site with two providers, neither of which is ever reached over a network.

SQLite and a cache in memory, unless the environment names servers (`make services` starts some):
OIDC_RP_TEST_DATABASE=postgres://user@/name?host=/socket/folder, OIDC_RP_TEST_REDIS=unix:///path/of/the.socket
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def read_database_url(url: str) -> dict[str, Any]:
    """A Django database from postgres://USER:PASSWORD@HOST:PORT/NAME?host=SOCKET_FOLDER, in which most is optional."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
    }


# A file, because the connections of several threads cannot wait for each other at a database in memory.
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": ":memory:",
    "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"oidc_rp-tests-{os.getpid()}.sqlite3")},
    "OPTIONS": {"init_command": "PRAGMA synchronous = OFF", "timeout": 30},
}
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}

database_url = os.environ.get("OIDC_RP_TEST_DATABASE")
redis_url = os.environ.get("OIDC_RP_TEST_REDIS")

SECRET_KEY = "not a secret: the test suite's key, of a length that Django's checks accept"
ALLOWED_HOSTS = ["testserver", "op.testserver"]
USE_TZ = True
ROOT_URLCONF = "tests.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "oauth2_provider",
    "oidc_rp",
    "tests.email_user",
    "tests.multitenant",
    "demo_project.op",
    "demo_project.rp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oidc_rp.middleware.OIDCMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the demo's, whose 404 page links to the demo's own pages.
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DATABASES: dict[str, dict[str, Any]] = {"default": read_database_url(database_url) if database_url else SQLITE}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}
    if redis_url
    else LOCMEM
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTHENTICATION_BACKENDS = [
    "oidc_rp.backends.OIDCBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "oidc_rp:login"
LOGIN_REDIRECT_URL = "/home/"

OIDC_PROVIDERS = {
    "default": {
        "ISSUER": "https://op.example",
        "CLIENT_ID": "client-1",
        "CLIENT_SECRET": "a client secret that is long enough for HS512 to take it as a key ..",
        "ALLOWED_REQUEST_PARAMS": ["login_hint", "prompt", "ui_locales", "max_age", "acr_values"],
    },
    "other": {
        "ISSUER": "https://other.example/tenant/",
        "CLIENT_ID": "client-2",
        "CLIENT_SECRET": "another client secret that is long enough",
    },
}
