"""Settings of the sites: the test suite's, with a database, a cache and providers in one folder."""

from __future__ import annotations

import os
from pathlib import Path

from tests.settings import *  # noqa: F403 -- settings that extend others do so

SITE_FOLDER = Path(os.environ["INTEROP_SITE_FOLDER"])
ALLOWED_HOSTS = [os.environ["INTEROP_SITE_HOST"]]
ROOT_URLCONF = "tests.interop.site_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SITE_FOLDER / "site.sqlite3",
        # Two processes write at the same time: take the write lock at the start of a transaction and wait for it.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(SITE_FOLDER / "cache"),
    }
}
LOGOUT_REDIRECT_URL = "/home/"
OIDC_PROVIDERS = {}
OIDC_RP_PROVIDER_LOADER = "tests.interop.site_urls.load_provider"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"oidc_rp": {"handlers": ["console"], "level": "INFO"}},
}
