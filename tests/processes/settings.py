"""Settings of the site's processes: the test suite's own database and cache, an OP on loopback."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import time_machine

from tests.settings import *  # noqa: F403 -- settings that extend others do so
from tests.settings import ALLOWED_HOSTS, DATABASES

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "127.0.0.1"]
ROOT_URLCONF = "tests.processes.site"
if "SITE_SQLITE" in os.environ:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SITE_SQLITE"],
        # Several processes write at the same time: take the write lock at the start and wait for it.
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL"},
    }
else:
    # The one that pytest-django has made for the tests.
    DATABASES["default"]["NAME"] = f"test_{DATABASES['default']['NAME']}"
if "SITE_ATOMIC" in os.environ:
    DATABASES["default"]["ATOMIC_REQUESTS"] = True
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ['SITE_ENGINE']}"
SESSION_FILE_PATH = os.environ["SITE_FOLDER"]
OIDC_PROVIDERS = {
    "default": {
        "ISSUER": os.environ["SITE_ISSUER"],
        "CLIENT_ID": "client-1",
        "CLIENT_SECRET": "a client secret of the test suite",
        "API_ORIGINS": [os.environ["SITE_ISSUER"]],
        # Fifty requests at once take their time on a busy machine, and a gate lets the OP's answer wait for all.
        "TIMEOUT": 30,
    },
}
OIDC_RP_RENEWAL_TOLERANCE = int(os.environ.get("SITE_TOLERANCE", "300"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"oidc_rp": {"handlers": ["console"], "level": "INFO"}},
}

# A machine whose clock is so many seconds ahead.
if "SITE_CLOCK" in os.environ:
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(os.environ["SITE_CLOCK"]))).start()
