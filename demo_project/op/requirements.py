"""What an authentication request asks of the login, and what is still to be done for it. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Self

from demo_project.op.models import ACR, OPSession


class Step(Enum):
    """The next thing to happen to an authentication request."""

    ISSUE_CODE = auto()
    LOGIN = auto()
    SECOND_FACTOR = auto()
    WRONG_USER = auto()
    UNMET = auto()


@dataclass(frozen=True)
class Requirement:
    """The parts of an authentication request that concern the login (Core 1.0 sections 3.1.2.1 and 5.5.1)."""

    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr: tuple[str, ...] = ()
    acr_is_essential: bool = False
    subject: str | None = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str], claims: object, subject: str | None) -> Self:
        """Raises ValueError, with a description for the relying party, for what cannot be understood."""
        requested = _id_token_claims(claims)
        acr_claim = _member(requested, "acr")
        acr = _strings(acr_claim, "acr")
        wanted_subject = _strings(_member(requested, "sub"), "sub")
        return cls(
            prompt=frozenset(parameters.get("prompt", "").split()),
            max_age=_max_age(parameters.get("max_age")),
            acr=acr or tuple(parameters.get("acr_values", "").split()),
            acr_is_essential=bool(acr) and acr_claim.get("essential") is True,
            subject=wanted_subject[0] if wanted_subject else subject,
        )

    def without_step_up(self) -> Self:
        """As an OP takes it that ignores acr_values and max_age."""
        return type(self)(prompt=self.prompt, subject=self.subject)

    @property
    def is_silent(self) -> bool:
        return "none" in self.prompt

    def next_step(
        self,
        session: OPSession | None,
        *,
        subject: str,
        has_second_factor: bool,
        is_fresh: bool,
        now: datetime,
    ) -> Step:
        """`is_fresh`: the user has just logged in for this very request, which ends any demand for a login."""
        wanted = next((ACR(value) for value in self.acr if value in ACR.values), None)
        if wanted is None and self.acr_is_essential:
            return Step.UNMET
        if session is None or (not is_fresh and self._asks_for_login(session, subject, now)):
            return Step.LOGIN
        if self.subject not in {None, subject}:
            return Step.WRONG_USER
        if wanted is ACR.MFA and session.acr != ACR.MFA:
            if has_second_factor:
                return Step.SECOND_FACTOR
            return Step.UNMET if self.acr_is_essential else Step.ISSUE_CODE
        return Step.ISSUE_CODE

    def _asks_for_login(self, session: OPSession, subject: str, now: datetime) -> bool:
        if "login" in self.prompt or self.subject not in {None, subject}:
            return True
        # Whole seconds, as the relying party sees them in auth_time.
        age = int(now.timestamp()) - int(session.auth_time.timestamp())
        return self.max_age is not None and age > self.max_age


def _max_age(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise ValueError("max_age is not a number of seconds.")
    return int(value)


def _id_token_claims(claims: object) -> Mapping[str, Any]:
    if claims is None or claims == "":
        return {}
    if not isinstance(claims, dict):
        raise ValueError("The claims parameter is not a JSON object.")
    return _member(claims, "id_token")


def _member(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that is an object; null and absent both mean an empty one (Core 1.0 section 5.5.1)."""
    value = container.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} in the claims parameter is not a JSON object.")
    return value


def _strings(claim: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = claim.get("values", [claim["value"]] if "value" in claim else [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"The values of {name} in the claims parameter are not strings.")
    return tuple(values)
