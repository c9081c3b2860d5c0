"""CLAIMS_MAPPING: which claims fill which fields of the user, without writing a class.

    "CLAIMS_MAPPING": {
        "email": "email",
        "first_name": "given_name",
        "is_staff": {"claim": "groups", "contains": "staff"},
        "groups": {"claim": "realm_access.roles", "map": {"editor": "Editors"}},
    }

A claim is named, or reached by a path of names joined with dots; a claim whose own name
has dots is found first. A plain field keeps its value when the claim is absent.
Privileges do not: `contains` fields become False and mapped groups are left, so that
what the OP no longer says is no longer granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, Group
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

from .protocol.errors import ConfigurationError

DEFAULT_MAPPING: Mapping[str, Any] = {"email": "email", "first_name": "given_name", "last_name": "family_name"}
_GROUPS = "groups"
_MAX_GROUP_NAME = 150
# Mapped from claims, any of these would let the OP's users become others, or the site's secrets leave.
_FORBIDDEN = frozenset({"id", "pk", "password", "last_login", "user_permissions"})


@dataclass(frozen=True, slots=True)
class _Rule:
    claim: str
    contains: str | None = None
    map: Mapping[str, str] | None = None
    create: bool = False


def find_faults(mapping: Mapping[str, Any], user_model: type[models.Model]) -> list[str]:
    """What is wrong with a CLAIMS_MAPPING, in words for the person who wrote it."""
    faults = []
    for field, value in mapping.items():
        try:
            rule = _read_rule(field, value)
        except ConfigurationError as error:
            faults.append(str(error))
            continue
        if field in _FORBIDDEN:
            faults.append(f"{field!r} must not be filled from claims")
        elif not _has_field(user_model, field):
            faults.append(f"the user model has no field {field!r}")
        elif field != _GROUPS and not _is_plain(user_model._meta.get_field(field)):
            faults.append(f"{field!r} is a key or a relation, which no claim can fill")
        elif field != _GROUPS and isinstance(user_model._meta.get_field(field), models.BooleanField) != (
            rule.contains is not None
        ):
            faults.append(f"{field!r} needs {{'claim': …, 'contains': …}} if, and only if, it is a boolean")
    return faults


def get_claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by name, or by a path of names joined with dots; None if it is absent."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def apply_mapping(user: AbstractBaseUser, claims: Mapping[str, Any], mapping: Mapping[str, Any] | None) -> list[str]:
    """Set the user's plain fields from `claims`; the names of those that changed. Saves nothing.

    Without a mapping of the site's own, e-mail and names are set where the user model has
    these fields. Text longer than its field is cut to fit, but for e-mail addresses; a claim
    that cannot be a value of its field leaves the field as it is. Raises ConfigurationError
    for a mapping in which `find_faults` finds any: that of a loader has passed no system check.
    """
    changed = []
    for field, value in _own_or_default(mapping, type(user)).items():
        if field == _GROUPS:
            continue
        new = _value_for(type(user)._meta.get_field(field), _read_rule(field, value), claims)
        if new is not None and getattr(user, field) != new:
            setattr(user, field, new)
            changed.append(field)
    return changed


def sync_groups(user: Any, claims: Mapping[str, Any], mapping: Mapping[str, Any] | None) -> None:
    """Make the user's groups what the claim says, by adding and removing. No write if nothing changes.

    With `map`, only the groups named in it are touched; without, all of the user's are.
    Groups that do not exist are made only with `create`.
    """
    if mapping is None or _GROUPS not in mapping:
        return
    rule = _read_rule(_GROUPS, mapping[_GROUPS])
    said = set(_as_texts(get_claim(claims, rule.claim)))
    wanted = {rule.map[name] for name in said if name in rule.map} if rule.map is not None else said
    wanted = {name for name in wanted if len(name) <= _MAX_GROUP_NAME}  # no group has a longer one
    present = {group.name: group for group in user.groups.all()}
    managed = set(present) if rule.map is None else set(present) & set(rule.map.values())
    missing = wanted - set(present)
    if missing:
        found = {group.name: group for group in Group.objects.filter(name__in=missing)}
        if rule.create:
            for name in missing - set(found):
                found[name], _ = Group.objects.get_or_create(name=name)
        user.groups.add(*found.values())
    surplus = managed - wanted
    if surplus:
        user.groups.remove(*(present[name] for name in surplus))


def _own_or_default(mapping: Mapping[str, Any] | None, user_model: type[models.Model]) -> Mapping[str, Any]:
    if mapping is not None:
        faults = find_faults(mapping, user_model)
        if faults:
            raise ConfigurationError(f"CLAIMS_MAPPING: {'; '.join(faults)}", code="claims_mapping")
        return mapping
    return {field: claim for field, claim in DEFAULT_MAPPING.items() if _has_field(user_model, field)}


def _is_plain(field: Any) -> bool:
    return not (field.is_relation or field.primary_key)


def _has_field(user_model: type[models.Model], field: str) -> bool:
    try:
        user_model._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True


def _read_rule(field: str, value: object) -> _Rule:
    if isinstance(value, str):
        return _Rule(claim=value)
    allowed = {"claim", "map", "create"} if field == _GROUPS else {"claim", "contains"}
    if (
        isinstance(value, Mapping)
        and allowed.issuperset(value)
        and isinstance(value.get("claim"), str)
        and isinstance(value.get("contains"), str | None)
        and (value.get("map") is None or _is_dict_of_texts(value["map"]))
    ):
        return _Rule(**value)
    raise ConfigurationError(
        f"{field!r} must be a claim's name or a dict of {', '.join(sorted(allowed))}", code="claims_mapping"
    )


def _is_dict_of_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)


def _value_for(field: Any, rule: _Rule, claims: Mapping[str, Any]) -> Any:
    """The field's new value, None to leave it as it is."""
    claim = get_claim(claims, rule.claim)
    if rule.contains is not None:
        return rule.contains in _as_texts(claim)
    if not isinstance(claim, str):
        return None
    if field.max_length and len(claim) > field.max_length:
        if isinstance(field, models.EmailField):
            return None  # the beginning of an address may be somebody else's address
        claim = claim[: field.max_length]
    try:
        return field.to_python(claim)
    except ValidationError:
        return None


def _as_texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [member for member in value if isinstance(member, str)]
    return []
