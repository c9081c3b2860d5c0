"""Settings of the proof's site: the test suite's, on servers of its own, with everything in its log."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403 -- settings that extend others do so

ALLOWED_HOSTS = [os.environ["PROOF_HOST"]]
ROOT_URLCONF = "tests.proof.site_urls"
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ['PROOF_ENGINE']}"
# What each process of a busy machine needs is not what is proved here.
OIDC_PROVIDERS = {"default": {**json.loads(os.environ["PROOF_PROVIDER"]), "TIMEOUT": 30}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "DEBUG"},
}
