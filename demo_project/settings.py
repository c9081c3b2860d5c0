"""Settings of a relying-party site of the demo: site A, or site B by `DEMO_SITE=b`.

The site runs against any OP that the environment gives, and without one against the demo's own:

- `OIDC_PROVIDERS`: the setting of that name as JSON, with any of its options and any number of aliases.
- `DEMO_SITE`: `a` (the default) or `b`.
- `DEMO_OP_URL`, `DEMO_SITE_A_URL`, `DEMO_SITE_B_URL`: where the demo's parts are reached
  (`http://localhost:8000`, `:8001` and `:8002`).
- `DEMO_SITE_A_SECRET`, `DEMO_SITE_B_SECRET`: the client secrets at the demo's OP.
- `DEMO_SITE_SECRET_KEY`: Django's SECRET_KEY. When unset, one is made up at each start.
- `DEMO_DATA_DIR`, `DEMO_SITE_DB`: the folder of the database (`.demo` beside manage.py) and the SQLite file
  (`site-a.sqlite3` or `site-b.sqlite3` in it). `runserver` makes both.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.management.utils import get_random_secret_key

from demo_project.rp.environment import read_demo_provider, read_providers
from demo_project.rp.sites import read_site

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DEMO_DATA_DIR", BASE_DIR / ".demo"))

DEMO_SITE = read_site(os.environ)

SECRET_KEY = os.environ.get("DEMO_SITE_SECRET_KEY") or get_random_secret_key()
DEBUG = False
ALLOWED_HOSTS = [urlsplit(DEMO_SITE.url).hostname or "localhost", ".localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    # Before oidc_rp, whose templates and whose runserver it replaces.
    "demo_project.rp",
    "oidc_rp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "demo_project.rp.middleware.ContentSecurityPolicyMiddleware",
    # Around everything that speaks the protocol, so that it sees what really goes out.
    "demo_project.rp.journal.middleware.JournalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "oidc_rp.middleware.OIDCMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "demo_project.urls"
WSGI_APPLICATION = "demo_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "demo_project.rp.context_processors.site",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_SITE_DB", DATA_DIR / f"site-{DEMO_SITE.letter}.sqlite3"),
        # Threads write at the same time: take the write lock at the start of a transaction and wait for it,
        # instead of failing in the middle.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

# Ports do not separate cookies, so the names have to.
SESSION_COOKIE_NAME = f"demo_{DEMO_SITE.letter}_session"
CSRF_COOKIE_NAME = f"demo_{DEMO_SITE.letter}_csrf"
OIDC_RP_COOKIE_NAME = f"demo_{DEMO_SITE.letter}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = DEMO_SITE.url.startswith("https:")
CSRF_COOKIE_HTTPONLY = True

AUTHENTICATION_BACKENDS = ["oidc_rp.backends.OIDCBackend"]
OIDC_PROVIDERS = read_providers(os.environ) or {"default": read_demo_provider(os.environ, DEMO_SITE)}
OIDC_RP_STEP_UP = {"transfer": {"acr_values": ["mfa"], "max_age": 300}}
LOGIN_URL = "oidc_rp:login"
LOGIN_REDIRECT_URL = "demo_rp:home"
LOGOUT_REDIRECT_URL = "demo_rp:home"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_query": {"()": "demo_project.op.logs.WithoutQuery"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "django.server": {"class": "logging.StreamHandler", "filters": ["without_query"]},
    },
    "loggers": {
        "oidc_rp": {"handlers": ["console"], "level": "INFO"},
        "django.server": {"handlers": ["django.server"], "level": "WARNING", "propagate": False},
    },
}
