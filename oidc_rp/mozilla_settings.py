"""The flat settings of mozilla-django-oidc, read as the provider "default": moving needs no rewriting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Theirs -> ours, for those that mean the same.
_SAME = {
    "OIDC_OP_ISSUER": "ISSUER",
    "OIDC_RP_CLIENT_ID": "CLIENT_ID",
    "OIDC_RP_CLIENT_SECRET": "CLIENT_SECRET",
    "OIDC_AUTH_REQUEST_EXTRA_PARAMS": "AUTHENTICATION_PARAMS",
    "OIDC_CREATE_USER": "CREATE_USERS",
    # Not one of theirs: they find accounts by e-mail in any case, and whoever moves needs that for the first login.
    "OIDC_RP_LINK_BY_EMAIL": "LINK_BY_EMAIL",
    "OIDC_TIMEOUT": "TIMEOUT",
    "OIDC_PROXY": "PROXIES",
}
_ENDPOINTS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}


def read_mozilla_settings(settings: object) -> dict[str, Any] | None:
    """The dict for OIDC_PROVIDERS that these settings amount to; None if there are none.

    What they leave out, `OIDC_OP_ISSUER`, has no counterpart there, because that package
    does not check the issuer; the system check asks for it. Their other defaults are
    kept: HS256, `openid email`, client_secret_post, a userinfo call at each login.
    """
    if not hasattr(settings, "OIDC_RP_CLIENT_ID"):
        return None

    def collect(names: Mapping[str, str]) -> dict[str, Any]:
        return {ours: getattr(settings, theirs) for theirs, ours in names.items() if getattr(settings, theirs, None)}

    provider = collect(_SAME)
    if hasattr(settings, "OIDC_CREATE_USER"):
        provider["CREATE_USERS"] = settings.OIDC_CREATE_USER
    provider.update(_split_extra_params(provider.pop("AUTHENTICATION_PARAMS", {})))
    basic = getattr(settings, "OIDC_TOKEN_USE_BASIC_AUTH", False)
    return {
        **provider,
        "CLIENT_AUTH_METHOD": "client_secret_basic" if basic else "client_secret_post",
        "SIGNING_ALGORITHMS": [getattr(settings, "OIDC_RP_SIGN_ALGO", "HS256")],
        "SCOPES": getattr(settings, "OIDC_RP_SCOPES", "openid email").split(),
        "FETCH_USERINFO": True,
        "METADATA": collect(_ENDPOINTS) or None,
    }


def _split_extra_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is merely sent there has an option of its own here, under which the answer is checked too."""
    rest = dict(params)
    prompt, max_age, acr_values = (rest.pop(name, None) for name in ("prompt", "max_age", "acr_values"))
    return {
        "AUTHENTICATION_PARAMS": rest or None,
        "PROMPT": prompt,
        "MAX_AGE": int(max_age) if isinstance(max_age, str) and max_age.isdigit() else max_age,
        "ACR_VALUES": str(acr_values).split() if acr_values else None,
    }
