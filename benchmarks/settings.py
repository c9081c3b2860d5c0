"""Settings of the sites that are measured; BENCHMARK_SITE in the environment says which one this is.

They differ in nothing but the package that signs users in, each set up as its own
quickstart says.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from .tokens import CLIENT_ID, CLIENT_SECRET

OP = os.environ["BENCHMARK_OP"]
SITE = os.environ["BENCHMARK_SITE"]

SECRET_KEY = "not a secret: the benchmarks' key, of a length that Django's checks accept"
ALLOWED_HOSTS = ["rp.example"]
USE_TZ = True
ROOT_URLCONF = "benchmarks.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
BARE_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["BENCHMARK_DATABASE"],
        # To open the file anew for each request would add the same to every side, and hide differences.
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": os.environ["BENCHMARK_PRAGMAS"]},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_COOKIE_SECURE = True
LOGIN_REDIRECT_URL = "/user/"
# A benchmark that fails says why.
DEBUG_PROPAGATE_EXCEPTIONS = True

if SITE == "ours":
    INSTALLED_APPS += ["oidc_rp"]
    MIDDLEWARE = [*BARE_MIDDLEWARE, "oidc_rp.middleware.OIDCMiddleware"]
    AUTHENTICATION_BACKENDS = ["oidc_rp.backends.OIDCBackend"]
    OIDC_PROVIDERS: dict[str, dict[str, Any]] = {
        "default": {
            "ISSUER": OP,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            # The other package knows accounts by nothing but their e-mail.
            "LINK_BY_EMAIL": True,
        }
    }
    OIDC_URLS, LOGIN_PATH, CALLBACK_PATH = "oidc_rp.urls", "/oidc/login/", "/oidc/callback/default/"
    BACKCHANNEL_LOGOUT_PATH = "/oidc/backchannel-logout/default/"
elif SITE == "pyoidc":
    INSTALLED_APPS += ["django_pyoidc"]
    MIDDLEWARE = BARE_MIDDLEWARE
    AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    DJANGO_PYOIDC = {
        "op": {
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "PROVIDER_DISCOVERY_URI": OP,
            # Not its default, and as its documentation advises: it saves a call to the OP at each token.
            "OIDC_CACHE_PROVIDER_METADATA": True,
        }
    }
    OIDC_URLS, BACKCHANNEL_LOGOUT_PATH = "benchmarks.pyoidc_urls", "/oidc/op-backchannel-logout"
elif SITE == "authcodeflow":
    INSTALLED_APPS += ["oauth2_authcodeflow"]
    MIDDLEWARE = [*BARE_MIDDLEWARE, "oauth2_authcodeflow.middleware.RefreshAccessTokenMiddleware"]
    AUTHENTICATION_BACKENDS = ["oauth2_authcodeflow.auth.AuthenticationBackend"]
    OIDC_OP_DISCOVERY_DOCUMENT_URL = f"{OP}/.well-known/openid-configuration"
    OIDC_RP_CLIENT_ID = CLIENT_ID
    OIDC_RP_CLIENT_SECRET = CLIENT_SECRET
    OIDC_URLS, LOGIN_PATH, CALLBACK_PATH = "oauth2_authcodeflow.urls", "/oidc/authenticate", "/oidc/callback"
else:
    # django-lasuite is a layer on mozilla-django-oidc.
    MIDDLEWARE = BARE_MIDDLEWARE
    OIDC_RP_CLIENT_ID = CLIENT_ID
    OIDC_RP_CLIENT_SECRET = CLIENT_SECRET
    OIDC_RP_SIGN_ALGO = "RS256"
    OIDC_RP_SCOPES = "openid profile email"
    OIDC_OP_AUTHORIZATION_ENDPOINT = f"{OP}/authorize"
    OIDC_OP_TOKEN_ENDPOINT = f"{OP}/token"
    OIDC_OP_USER_ENDPOINT = f"{OP}/userinfo"
    OIDC_OP_JWKS_ENDPOINT = f"{OP}/jwks"
    if SITE == "mozilla":
        INSTALLED_APPS += ["mozilla_django_oidc"]
        AUTHENTICATION_BACKENDS = ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"]
        OIDC_URLS, LOGIN_PATH, CALLBACK_PATH = "mozilla_django_oidc.urls", "/oidc/authenticate/", "/oidc/callback/"
    else:
        INSTALLED_APPS += ["benchmarks.lasuite_users", "lasuite.oidc_login"]
        MIDDLEWARE = [*BARE_MIDDLEWARE, "lasuite.oidc_login.middleware.RefreshOIDCAccessToken"]
        OIDC_STORE_ACCESS_TOKEN = OIDC_STORE_REFRESH_TOKEN = True
        OIDC_STORE_REFRESH_TOKEN_KEY = base64.urlsafe_b64encode(SECRET_KEY[:32].encode()).decode()
        OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION = False
        OIDC_USERINFO_FULLNAME_FIELDS = ["name"]
        # What it takes for the lifetime of the access token that a login brings. Afterwards it goes by the OP's.
        OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = 0
        LOGIN_PATH, CALLBACK_PATH = "/oidc/authenticate/", "/oidc/callback/"
        AUTH_USER_MODEL = "lasuite_users.User"
        AUTHENTICATION_BACKENDS = ["lasuite.oidc_login.backends.OIDCAuthenticationBackend"]
        OIDC_OP_URL = OP
        OIDC_URLS, BACKCHANNEL_LOGOUT_PATH = "lasuite.oidc_login.urls", "/oidc/backchannel-logout/"
