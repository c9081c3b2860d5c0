"""The configuration of one provider: what its dict in the settings amounts to, and its faults.

The options themselves are in `options`. The system checks report what `inspect_config` finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oidc_rp.protocol.errors import ConfigurationError, Problem
from oidc_rp.protocol.id_token import Client
from oidc_rp.protocol.signatures import HMAC_ALGORITHMS

from .options import OPTIONS, InvalidValueError, find_nearest
from .secrets import Secret


@dataclass(frozen=True)
class ProviderConfig:
    """One provider as configured. Field names are the option names in lower case.

    Times are in seconds. Of the secrets only the sources are held here, newest first.
    """

    alias: str
    issuer: str
    client_id: str
    client_secret: tuple[Secret, ...] = field(default=(), repr=False)
    client_auth_method: str = "client_secret_basic"
    client_key: Secret | None = field(default=None, repr=False)
    client_key_id: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    signing_algorithms: frozenset[str] = frozenset({"RS256", "ES256", "PS256", "EdDSA"})
    response_mode: str = "query"
    prompt: str | None = None
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    authentication_params: Mapping[str, str] = field(default_factory=dict)
    allowed_request_params: frozenset[str] = frozenset({"login_hint", "prompt", "ui_locales"})
    fetch_userinfo: bool = False
    metadata: Mapping[str, Any] | None = None
    trusted_audiences: frozenset[str] = frozenset()
    link_by_email: bool = False
    create_users: bool = True
    clock_skew: float = 30
    timeout: float = 5
    ca_bundle: str | None = None
    proxies: Mapping[str, str] | None = None
    claims_mapping: Mapping[str, Any] | None = None
    api_origins: frozenset[str] = frozenset()
    acr_levels: tuple[str, ...] = ()
    acr_request: str = "acr_values"
    max_age_request: str = "max_age"

    @cached_property
    def client(self) -> Client:
        """What tokens for this client are judged by."""
        return Client(
            issuer=self.issuer,
            client_id=self.client_id,
            algorithms=self.signing_algorithms,
            trusted_audiences=self.trusted_audiences,
            clock_skew=self.clock_skew,
        )

    @property
    def uses_hmac(self) -> bool:
        """Whether ID tokens are signed with the client secret; never mixed with the OP's keys."""
        return bool(self.signing_algorithms & HMAC_ALGORITHMS)


def read_config(alias: str, settings: object) -> ProviderConfig:
    """Read one provider's dict of settings.

    Raises ConfigurationError with every problem found, not only the first.
    """
    config, problems = inspect_config(alias, settings)
    if config is None:
        summary = "; ".join(problem.message for problem in problems)
        raise ConfigurationError(f"provider {alias!r} cannot be used: {summary}", problems)
    return config


def inspect_config(alias: str, settings: object) -> tuple[ProviderConfig | None, list[Problem]]:
    """What one provider's dict amounts to, None if it cannot be used, and all that is wrong with it."""
    where = f"OIDC_PROVIDERS[{alias!r}]"
    if not isinstance(settings, Mapping):
        return None, [Problem("oidc_rp.E002", f"{where} must be a dict.", "See the settings page for its keys.")]
    values: dict[str, Any] = {}
    problems = []
    for key, value in settings.items():
        option = OPTIONS.get(key)
        if option is None:
            problems.append(_unknown_key(where, str(key)))
            continue
        if value is None:
            continue
        try:
            values[key.lower()] = option.read(value)
        except InvalidValueError as invalid:
            problems.append(Problem(f"oidc_rp.E{option.number:03}", f"{where}: {key} {invalid}.", option.hint))
    problems += _missing(where, settings, values)
    if problems:
        return None, problems
    return ProviderConfig(alias=alias, **values), []


def _missing(where: str, settings: Mapping[str, Any], values: Mapping[str, Any]) -> list[Problem]:
    """Options that other options need; those that are there but wrong have been reported already."""

    def needs(key: str, reason: str = "") -> list[Problem]:
        if settings.get(key) is not None:
            return []
        option = OPTIONS[key]
        return [Problem(f"oidc_rp.E{option.number:03}", f"{where}: {key} is missing{reason}.", option.hint)]

    method = values.get("client_auth_method", ProviderConfig.client_auth_method)
    problems = needs("ISSUER") + needs("CLIENT_ID")
    if method.startswith("client_secret"):
        problems += needs("CLIENT_SECRET", f", and {method} needs it")
    elif method == "private_key_jwt":
        problems += needs("CLIENT_KEY", ", and private_key_jwt needs it")
    if values.get("signing_algorithms", frozenset()) & HMAC_ALGORITHMS and not method.startswith("client_secret"):
        problems += needs("CLIENT_SECRET", ", and HMAC signing algorithms need it")
    return problems


def _unknown_key(where: str, key: str) -> Problem:
    nearest = find_nearest(key, OPTIONS)
    return Problem(
        "oidc_rp.E003",
        f"{where} has an unknown key {key!r}.{f' Did you mean {nearest!r}?' if nearest else ''}",
        f"The keys are {', '.join(OPTIONS)}.",
    )
