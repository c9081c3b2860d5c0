"""OIDC_PROVIDERS from the environment, so that one can try an OP of one's own without editing a file."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from demo_project.rp.sites import SCOPES, Site, read_op_url
from oidc_rp.protocol.errors import ConfigurationError

VARIABLE = "OIDC_PROVIDERS"
EXAMPLE = '{"default": {"ISSUER": "https://op.example", "CLIENT_ID": "my-site", "CLIENT_SECRET": "..."}}'


def read_providers(environ: Mapping[str, str]) -> dict[str, dict[str, Any]] | None:
    """The setting from its JSON; None if the variable is not set. Its options are left to oidc_rp's checks."""
    text = environ.get(VARIABLE)
    if not text:
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        # Not the text itself: there are secrets in it.
        raise _wrong(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, dict) or not value or not all(isinstance(options, dict) for options in value.values()):
        raise _wrong("must be an object that gives each alias an object of options")
    return value


def read_demo_provider(environ: Mapping[str, str], site: Site) -> dict[str, Any]:
    """The demo's own OP, which knows this site as `site-a` or `site-b`."""
    op_url = read_op_url(environ)
    mapping: dict[str, Any] = {
        "username": "preferred_username",
        "email": "email",
        "first_name": "given_name",
        "last_name": "family_name",
    }
    if "groups" in SCOPES[site.letter]:
        mapping["groups"] = {"claim": "groups", "create": True}
    return {
        "ISSUER": f"{op_url}/o",
        "CLIENT_ID": f"site-{site.letter}",
        "CLIENT_SECRET": _secret_source(environ, f"DEMO_SITE_{site.letter.upper()}_SECRET"),
        "SCOPES": SCOPES[site.letter],
        "CLAIMS_MAPPING": mapping,
        "ACR_LEVELS": ["pwd", "mfa"],
        "API_ORIGINS": [op_url] if site.api_url else [],
        # The OP's clock is ours.
        "CLOCK_SKEW": 5,
    }


def _secret_source(environ: Mapping[str, str], variable: str) -> Callable[[], str]:
    def read() -> str:
        # Asked for at a login, not at the start: most of manage.py does without it.
        secret = environ.get(variable)
        if not secret:
            raise ConfigurationError(f"{variable} is not set in the environment", code="client_secret_missing")
        return secret

    return read


def _wrong(reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{VARIABLE} in the environment {reason}.\nIt looks like this: {EXAMPLE}")
