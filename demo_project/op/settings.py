"""Settings of the demo OP's process. Each variable of the environment has a default that works for development.

- `DEMO_OP_URL`: where browsers and sites reach the OP (`http://localhost:8000`); the issuer is this and `/o`.
- `DEMO_SITE_A_URL`, `DEMO_SITE_B_URL`: the two sites (`http://localhost:8001`, `http://localhost:8002`).
- `DEMO_SITE_A_SECRET`, `DEMO_SITE_B_SECRET`: their client secrets. When unset, `seed_demo_op` makes one up and
  prints it.
- `DEMO_LOGOUT_CHANNEL`: how the sites hear of a logout, `back` (the default) or `front`.
- `DEMO_ACCESS_TOKEN_SECONDS`: the lifetime of access tokens (30).
- `DEMO_DATA_DIR`: where the key, Django's secret and the database are kept (`.demo` beside manage.py).
- `DEMO_OP_DB`: the SQLite file (`op.sqlite3` in the data directory).
- `DEMO_OP_SECRET_KEY`: Django's SECRET_KEY (made at the first start and kept in the data directory).
- `DEMO_OP_RSA_KEY`: path of the RSA key in PEM that signs ID tokens and logout tokens (`op-rsa.pem` in the data
  directory, made at the first start).
"""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from django.core.management.utils import get_random_secret_key

from demo_project.op.conf import Client, oauth2_provider_settings
from demo_project.op.keys import new_rsa_key, read_or_create

BASE_DIR = Path(__file__).resolve().parent.parent.parent

OP_URL = os.environ.get("DEMO_OP_URL", "http://localhost:8000").rstrip("/")
DATA_DIR = Path(os.environ.get("DEMO_DATA_DIR", BASE_DIR / ".demo"))
# Nothing in there may ever be committed, wherever it is.
read_or_create(DATA_DIR / ".gitignore", lambda: "*\n")

SECRET_KEY = os.environ.get("DEMO_OP_SECRET_KEY") or read_or_create(DATA_DIR / "op-secret-key", get_random_secret_key)
DEBUG = False
ALLOWED_HOSTS = [urlsplit(OP_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
    "demo_project.op",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "demo_project.op.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_OP_DB", DATA_DIR / "op.sqlite3"),
        # Threads of runserver write at the same time: take the write lock at the start of a transaction and
        # wait for it, instead of failing in the middle.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL",
        },
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "demo_project.op.hashers.ClientSecretHasher",
]
USE_TZ = True
TIME_ZONE = "UTC"

# Ports do not separate cookies, so the names have to.
SESSION_COOKIE_NAME = "demo_op_session"
CSRF_COOKIE_NAME = "demo_op_csrf"
CSRF_FAILURE_VIEW = "demo_project.op.views.csrf.csrf_failure"
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OP_URL.startswith("https:")
CSRF_COOKIE_HTTPONLY = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_query": {"()": "demo_project.op.logs.WithoutQuery"}},
    "handlers": {"django.server": {"class": "logging.StreamHandler", "filters": ["without_query"]}},
    "loggers": {"django.server": {"handlers": ["django.server"], "level": "WARNING", "propagate": False}},
}

OAUTH2_PROVIDER = oauth2_provider_settings(
    issuer=f"{OP_URL}/o",
    rsa_private_key=read_or_create(Path(os.environ.get("DEMO_OP_RSA_KEY", DATA_DIR / "op-rsa.pem")), new_rsa_key),
    access_token_seconds=int(os.environ.get("DEMO_ACCESS_TOKEN_SECONDS", "30")),
    client_secret_hasher="demo_client_secret",
)

LOGOUT_CHANNEL: Literal["back", "front"] = "front" if os.environ.get("DEMO_LOGOUT_CHANNEL") == "front" else "back"
DEMO_OP_CLIENTS = [
    Client(
        client_id=f"site-{letter}",
        name=f"Site {letter.upper()}",
        url=os.environ.get(f"DEMO_SITE_{letter.upper()}_URL", f"http://localhost:{port}").rstrip("/"),
        secret=os.environ.get(f"DEMO_SITE_{letter.upper()}_SECRET"),
        logout_channel=LOGOUT_CHANNEL,
    )
    for letter, port in (("a", 8001), ("b", 8002))
]
