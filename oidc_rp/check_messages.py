"""Every system check that is not about one option of a provider: its id, and what to do.

The ids of a provider's options are in the table of `oidc_rp.provider.config`: E0 and the
option's number, for a value with which the provider cannot be used. Here, W0 and an
option's number stands for a value that can be used and is dangerous. Ids are never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 -- Django's names

HINTS: Final[Mapping[str, str]] = {
    # OIDC_PROVIDERS as a whole; E002 and E003 are in provider/config.py
    "E001": 'OIDC_PROVIDERS = {"default": {"ISSUER": …, "CLIENT_ID": …, "CLIENT_SECRET": …}}',
    "E004": 'Name one of them "default": it is the one that `login/` without an alias leads to.',
    "E005": "The alias is a part of the redirect URI: use letters, digits, hyphens and underscores.",
    # options of one provider that can be used and should not be, or not so
    "W010": "Loopback is this very machine, which in production is hardly where the OP is.",
    "W012": "Check the value, or the path after `file:`. `oidc_doctor` tries whether it can be read.",
    "W013": 'Set CLIENT_AUTH_METHOD to "client_secret_basic", or remove CLIENT_SECRET.',
    "W014": "Check the path after `file:`. `oidc_doctor` tries whether the key can be loaded.",
    "W019": "Leave PROMPT out, and use `login/?prompt=none` where a silent login is meant.",
    "W027": "Keep it only if this OP verifies addresses and never gives one to somebody else; then silence this check.",
    # flat settings
    "E101": 'The origin of this site, such as "https://app.example", without a path.',
    "E102": 'The alias of a cache in CACHES, such as "default".',
    "E103": "Letters, digits, hyphens and underscores.",
    "E104": "The dotted path of a callable that takes an alias and returns the provider's dict, or None.",
    "E105": "As in mozilla-django-oidc: scopes in a string, with spaces between them; parameters in a dict.",
    "W106": "Settings that nothing reads do nothing: correct or remove it.",
    "E108": "How long a refresh token is good here; None for as long as the session's cookie.",
    "E109": 'A path under which all of the site\'s views are, such as "/" or "/app/".',
    "E110": '"Lax" is right, unless another site posts to this one.',
    "E111": "How long requests with the refresh token before the newest are still served, such as 60.",
    "E112": "How long a session may go on while it cannot be renewed, such as 300; 0 for not at all.",
    "E113": '"auto" renews sessions that have a refresh token, when their access token has expired.',
    "W107": "Move what is still wanted to OIDC_PROVIDERS, and remove the setting.",
    "E114": 'OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"], "max_age": 300}}',
    "E115": "Correct the name at the view, or add the policy to OIDC_RP_STEP_UP.",
    # the site around this app
    "E121": "Add it to INSTALLED_APPS.",
    "E122": 'Add "oidc_rp.middleware.OIDCMiddleware" after AuthenticationMiddleware.',
    "E123": "This app keeps the login in Django's session. Add it before OIDCMiddleware.",
    "E124": "Move OIDCMiddleware below SessionMiddleware and AuthenticationMiddleware.",
    "E125": 'Add "oidc_rp.backends.OIDCBackend", or a subclass of it.',
    "E126": 'Add path("oidc/", include("oidc_rp.urls")) to the root URLconf.',
    "W127": "Remove it when nobody signs in through mozilla-django-oidc's own views any more.",
    "W128": 'LOGIN_URL = "oidc_rp:login"',
    "E129": 'Use "Lax", unless every OP is on the same site as this one.',
    # deployment
    "W141": "Both cookies stand for the login. Set SESSION_COOKIE_SECURE = True and CSRF_COOKIE_SECURE = True.",
    "W142": "Name a cache that all processes share (Redis, Memcached, the database) in OIDC_RP_CACHE.",
    "W143": "Set SECURE_PROXY_SSL_HEADER as the proxy sets it, or OIDC_RP_BASE_URL. If TLS ends in the server itself, "
    "silence this check.",
    "W144": "List the site's hosts in ALLOWED_HOSTS, or set OIDC_RP_BASE_URL.",
    "W145": "Make one with django.core.management.utils.get_random_secret_key(). While logins under the old key are "
    "alive, keep it in SECRET_KEY_FALLBACKS.",
}  # fmt: skip


def report(name: str, message: str) -> CheckMessage:
    """The message of the check `name`, such as "E101"; the letter says how grave it is."""
    level = Error if name.startswith("E") else Warning
    return level(message, hint=HINTS[name], id=f"oidc_rp.{name}")
