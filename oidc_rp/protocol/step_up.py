"""Step-up: what an authentication must amount to, and what one lacks of it.

The same comparison serves twice: when the user comes back from the OP (Core 1.0 section
3.1.3.7, items 12 and 13) and at each request that demands it, because what was enough an
hour ago may be too old now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .errors import ConfigurationError, RequirementError

# What fits a list divided by spaces (Core section 3.1.2.1), and a quoted string of a header without escapes.
_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")
_MAX_MAX_AGE = 31_536_000


class Authentication(Protocol):
    """How a user was authenticated, as far as the OP has said it. `auth_time` is in Unix seconds."""

    @property
    def acr(self) -> str | None: ...
    @property
    def amr(self) -> tuple[str, ...]: ...
    @property
    def auth_time(self) -> int | None: ...


class Reached(NamedTuple):
    """An authentication by itself; without arguments, one of which nothing is known."""

    acr: str | None = None
    amr: tuple[str, ...] = ()
    auth_time: int | None = None

    @classmethod
    def of(cls, actual: Authentication) -> Reached:
        """The same of something that has more, such as an ID token."""
        return cls(actual.acr, actual.amr, actual.auth_time)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an authentication must amount to. What is empty or None is not required.

    `acr_values`: one of them must be reached, in order of preference. `amr`: of each member
    one method must have been used, so `(("pwd",), ("otp", "hwk"))` means a password, and one
    of the other two. `max_age`: seconds since the user last authenticated at the OP.
    """

    acr_values: tuple[str, ...] = ()
    amr: tuple[tuple[str, ...], ...] = ()
    max_age: int | None = None

    def find_missing(
        self, actual: Authentication, *, now: float, clock_skew: float, levels: Sequence[str] = ()
    ) -> RequirementError | None:
        """What `actual` lacks first, as an error that is not raised; None if it lacks nothing.

        All comparisons are exact. `levels` are acr values from the weakest to the strongest:
        of those, a stronger one than demanded is as good. An OP that sends no `acr`, `amr` or
        `auth_time` has not met what is demanded of it: these are voluntary claims, and not to
        be told is not to know. An `auth_time` of 0 is one that the OP does not know.
        """
        if self.acr_values and not _is_reached(actual.acr, self.acr_values, levels):
            return RequirementError("acr", required=self.acr_values, actual=actual.acr, reached=Reached.of(actual))
        for methods in self.amr:
            if not any(method in actual.amr for method in methods):
                return RequirementError("amr", required=methods, actual=actual.amr, reached=Reached.of(actual))
        if self.max_age is not None and (not actual.auth_time or now - actual.auth_time > self.max_age + clock_skew):
            return RequirementError(
                "max_age", required=self.max_age, actual=actual.auth_time or None, reached=Reached.of(actual)
            )
        return None

    def check(self, actual: Authentication, *, now: float, clock_skew: float, levels: Sequence[str] = ()) -> None:
        """Core 1.0 section 3.1.3.7, items 12 and 13: raises the RequirementError that `find_missing` returns.

        The OP may ignore what was asked of it, so what came back decides.
        """
        missing = self.find_missing(actual, now=now, clock_skew=clock_skew, levels=levels)
        if missing is not None:
            raise missing

    def combine(self, other: Requirement, *, levels: Sequence[str] = ()) -> Requirement:
        """What meets both. If no `acr` can do that, this one's are kept, and the other stays unmet."""
        acr_values = self.acr_values or other.acr_values
        if self.acr_values and other.acr_values:
            both = dict.fromkeys(self.acr_values + other.acr_values)
            common = (
                acr
                for acr in both
                if _is_reached(acr, self.acr_values, levels) and _is_reached(acr, other.acr_values, levels)
            )
            acr_values = tuple(common) or self.acr_values
        return Requirement(
            acr_values=acr_values,
            amr=tuple(dict.fromkeys(self.amr + other.amr)),
            max_age=min((age for age in (self.max_age, other.max_age) if age is not None), default=None),
        )


def parse_requirement(acr_values: object = None, amr: object = None, max_age: object = None) -> Requirement:
    """A requirement as people write it: lists or sets of strings, and a number of seconds.

    A member of `amr` may itself be a list: any of its methods will do. Raises ValueError, with
    what is wrong in words, also if nothing is required at all.
    """
    requirement = Requirement(
        acr_values=() if acr_values is None else _parse_values("acr_values", acr_values),
        amr=() if amr is None else tuple(_parse_methods(member) for member in _parse_list("amr", amr)),
        max_age=None if max_age is None else _parse_max_age(max_age),
    )
    if requirement == Requirement():
        raise ValueError("needs acr_values, amr or max_age")
    return requirement


def build_acr_claim_request(acr_values: Sequence[str], claims: str | None, *, name: str = "acr") -> str:
    """The `claims` parameter that asks for one of `acr_values` as essential (Core section 5.5.1.1).

    `name` may also be `acrs`, Entra ID's claim of authentication contexts, of which it takes
    one at a time: the preferred. `claims` is what the parameter holds otherwise. Raises
    ConfigurationError if that is not a JSON object.
    """
    wanted = {"value": acr_values[0]} if name == "acrs" else {"values": list(acr_values)}
    try:
        requested: Any = json.loads(claims or "{}")
        id_token = {**(requested.get("id_token") or {}), name: {"essential": True, **wanted}}
        return json.dumps({**requested, "id_token": id_token}, separators=(",", ":"))
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError("the claims parameter is not a JSON object", code="claims_parameter") from None


def choose_authentication_context(claims: Mapping[str, Any], acr_values: Sequence[str]) -> str | None:
    """Of the authentication contexts that were reached, Entra ID's claim `acrs`, the first that was asked for."""
    reached = claims.get("acrs")
    reached = reached if isinstance(reached, list) else [reached]
    return next((value for value in acr_values if value in reached), None)


def build_challenge(requirement: Requirement, *, authenticated: bool) -> str:
    """The value of WWW-Authenticate that asks for a step-up (RFC 9470 section 3).

    Who is not authenticated at all is not told of an error (RFC 6750 section 3.1).
    """
    parameters = {
        "error": "insufficient_user_authentication" if authenticated else "",
        "error_description": "A stronger or more recent authentication is required" if authenticated else "",
        "acr_values": " ".join(requirement.acr_values),
        "max_age": "" if requirement.max_age is None else str(requirement.max_age),
    }
    return ("Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)).rstrip()


def _is_reached(acr: str | None, acr_values: Sequence[str], levels: Sequence[str]) -> bool:
    if acr in acr_values:
        return True
    wanted = [levels.index(value) for value in acr_values if value in levels]
    return bool(wanted) and acr in levels and levels.index(acr) >= min(wanted)


def _parse_list(name: str, value: object) -> Iterable[object]:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{name} must be a list of strings that is not empty")
    return value


def _parse_values(name: str, value: object) -> tuple[str, ...]:
    values = tuple(_parse_list(name, value))
    texts = tuple(text for text in values if isinstance(text, str) and _VALUE.fullmatch(text))
    if not texts or len(texts) != len(values):
        raise ValueError(f"{name} must be made of strings without spaces, quotes and backslashes")
    return texts


def _parse_methods(value: object) -> tuple[str, ...]:
    return _parse_values("amr", [value] if isinstance(value, str) else value)


def _parse_max_age(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_MAX_AGE:
        raise ValueError(f"max_age must be a whole number of seconds from 0 to {_MAX_MAX_AGE}")
    return value
