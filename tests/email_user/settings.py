"""The test site with `Account` as its user model."""

from tests.settings import *  # noqa: F403 -- as Django's settings are usually layered

AUTH_USER_MODEL = "email_user.Account"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oidc_rp",
    "tests.email_user",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "oidc_rp.middleware.OIDCMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "tests.email_user.urls"
