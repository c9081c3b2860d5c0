"""Policies: what views demand of a login, named in OIDC_RP_STEP_UP or written out at the view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .conf import app_settings
from .protocol.errors import ConfigurationError
from .protocol.step_up import Requirement, parse_requirement
from .provider.options import find_nearest

_MEMBERS = ("acr_values", "amr", "max_age", "provider")


@dataclass(frozen=True, slots=True)
class Policy:
    """A requirement, and the provider at which it must be met; None: wherever the user signed in."""

    requirement: Requirement
    provider: str | None = None


PolicyLike = str | Requirement | Policy

# Those of the settings that have been read, by name, with what they were read from.
_read: dict[str, tuple[object, Policy]] = {}


def find_policy(policy: PolicyLike) -> Policy:
    """The policy of that name, or the one that is given. Settings are read live.

    Raises ConfigurationError if there is no such name, or what it stands for is wrong.
    """
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Requirement):
        return Policy(policy)
    named = app_settings.step_up
    members = named.get(policy)
    read = _read.get(policy)
    if read is not None and read[0] is members:
        return read[1]
    if members is None:
        raise ConfigurationError(f"OIDC_RP_STEP_UP has no policy {policy!r}", code="step_up_policy")
    try:
        found = parse_policy(members)
    except ValueError as error:
        raise ConfigurationError(f"OIDC_RP_STEP_UP[{policy!r}] {error}", code="step_up_policy") from None
    _read[policy] = (members, found)
    return found


def parse_policy(members: object) -> Policy:
    """A policy from its dict. Raises ValueError, with what is wrong in words."""
    if not isinstance(members, Mapping):
        raise ValueError("must be a dict")
    for name in members:
        if name not in _MEMBERS:
            nearest = find_nearest(str(name), _MEMBERS)
            raise ValueError(f"has an unknown key {name!r}{f'; {nearest!r} is one' if nearest else ''}")
    return build_policy(**members)


def build_policy(
    acr_values: object = None, amr: object = None, max_age: object = None, provider: object = None
) -> Policy:
    """A policy from its parts, as `parse_requirement` takes them. Raises ValueError."""
    if provider is not None and (not isinstance(provider, str) or not provider):
        raise ValueError("provider must be an alias")
    return Policy(parse_requirement(acr_values, amr, max_age), provider)


def find_policy_fault(value: object, is_provider: Callable[[str], bool]) -> str | None:
    """What keeps OIDC_RP_STEP_UP from being used, None if nothing does. `is_provider` knows the aliases."""
    if not isinstance(value, Mapping):
        return "must be a dict"
    for name, members in value.items():
        if not isinstance(name, str):
            return f"has the name {name!r}, which is no string"
        try:
            policy = parse_policy(members)
        except ValueError as error:
            return f"[{name!r}] {error}"
        if policy.provider is not None and not is_provider(policy.provider):
            return f"[{name!r}] names a provider that OIDC_PROVIDERS does not have: {policy.provider!r}"
    return None
