"""What an attack is: one change to an OP that is right, and how the RP refuses what comes of it.

A module of attacks is a table:

    @attacks("token_aud", calls="metadata token", names_nobody=claims(aud=None))
    def test_id_token_for_somebody_else(rp: RP, attack: Attack) -> None:
        rp.refuses(attack)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.loopback import Octets

from .op import HostileOP

Misbehaviour = Callable[[HostileOP], object]

# What the RP asks of an OP that it has not met: to the end of a login, and up to the checks that need no key.
WHOLE_LOGIN = "metadata token jwks"
BEFORE_KEYS = "metadata token"


@dataclass(frozen=True)
class Attack:
    """One change, and the refusal: the error's code, all that the RP has asked of the OP, and the HTTP status."""

    misbehave: Misbehaviour
    code: str
    calls: str
    status: int = 502


def attacks(code: str, *, calls: str, status: int = 502, **cases: Misbehaviour) -> pytest.MarkDecorator:
    """One test for each of `cases`, which are named for what the attacker does and all refused alike."""
    return pytest.mark.parametrize(
        "attack",
        [pytest.param(Attack(misbehave, code, calls, status), id=name) for name, misbehave in cases.items()],
    )


def misbehaviours(**cases: Misbehaviour) -> pytest.MarkDecorator:
    """One test for each of `cases`, where what comes of them is not a refused login."""
    return pytest.mark.parametrize("misbehave", [pytest.param(one, id=name) for name, one in cases.items()])


def claims(**changes: Any) -> Misbehaviour:
    """The ID token has these claims; None leaves one out."""
    return lambda op: op.claims.update(changes)


def header(**members: Any) -> Misbehaviour:
    """The ID token has these header members; None leaves one out."""
    return lambda op: op.header.update(members)


def minted(mint: Callable[[Any], str]) -> Misbehaviour:
    """The ID token is made from its claims by `mint`."""
    return lambda op: setattr(op, "mint", mint)


def metadata(**members: Any) -> Misbehaviour:
    """The metadata have these members; None leaves one out."""
    return lambda op: op.metadata.update(members)


def keys(*published: Any) -> Misbehaviour:
    """The key set holds these and no others."""
    return lambda op: setattr(op, "keys", list(published))


def response(**parameters: str | list[str] | None) -> Misbehaviour:
    """The authentication response has these parameters; None leaves one out, a list repeats one."""
    return lambda op: op.response.update(parameters)


def tokens(**members: Any) -> Misbehaviour:
    """The token response has these members; None leaves one out."""
    return lambda op: op.token_answer.update(members)


def userinfo(**members: Any) -> Misbehaviour:
    """The userinfo response has these claims."""
    return lambda op: op.userinfo.update(members)


def answers(endpoint: str, content: str | bytes, status: int = 200, **headers: str) -> Misbehaviour:
    """The endpoint answers so. `Content_Type` names the header Content-Type."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda op: op.overrides.update({endpoint: (status, named, content)})


def sends(endpoint: str, octets: Octets) -> Misbehaviour:
    """The endpoint sends these octets, whatever they are."""
    return lambda op: op.wire.update({endpoint: octets})


def both(*misbehaviours: Misbehaviour) -> Misbehaviour:
    """What takes several changes to be one attack."""

    def misbehave(op: HostileOP) -> None:
        for one in misbehaviours:
            one(op)

    return misbehave
