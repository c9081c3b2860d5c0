"""Settings of the test suite: a site with two providers, neither of which is ever reached over a network."""

from __future__ import annotations

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
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
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
