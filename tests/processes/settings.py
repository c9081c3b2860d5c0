"""Settings of the site's processes: the test suite's own database and cache, an OP on loopback."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403 -- settings that extend others do so
from tests.settings import ALLOWED_HOSTS, DATABASES

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "127.0.0.1"]
ROOT_URLCONF = "tests.processes.site"
# The one that pytest-django has made for the tests.
DATABASES["default"]["NAME"] = f"test_{DATABASES['default']['NAME']}"
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ['SITE_ENGINE']}"
SESSION_FILE_PATH = os.environ["SITE_FOLDER"]
OIDC_PROVIDERS = {
    "default": {
        "ISSUER": os.environ["SITE_ISSUER"],
        "CLIENT_ID": "client-1",
        "CLIENT_SECRET": "a client secret of the test suite",
        "API_ORIGINS": [os.environ["SITE_ISSUER"]],
    },
}
