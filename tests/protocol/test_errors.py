from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from oidc_rp.protocol import errors


def subclasses(error: type[errors.OIDCError]) -> Iterator[type[errors.OIDCError]]:
    for child in error.__subclasses__():
        yield child
        yield from subclasses(child)


def test_each_error_has_a_code_of_its_own() -> None:
    tree = [errors.OIDCError, *(error for error in subclasses(errors.OIDCError) if error.__module__ == errors.__name__)]
    codes = [vars(error)["code"] for error in tree if error is not errors.ClaimError]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or ""))
    assert drawn == {error.__name__ for error in subclasses(errors.OIDCError) if error.__module__ == errors.__name__}


@pytest.mark.parametrize(
    ("error", "code", "evidence"),
    [
        (
            errors.ClaimError("aud", "wrong", expected="a", actual="b"),
            "token_aud",
            {"claim": "aud", "expected": "a", "actual": "b"},
        ),
        (errors.AlgorithmError("none", ["RS256"]), "token_alg", {"alg": "none", "allowed": ("RS256",)}),
        (errors.UnknownKeyError("x", kid="k", alg="RS256"), "token_key_unknown", {"kid": "k", "alg": "RS256"}),
        (
            errors.OPError("e", "d", endpoint="token"),
            "op_error",
            {"error": "e", "description": "d", "endpoint": "token"},
        ),
        (errors.OPResponseError("x", endpoint="jwks", code="c"), "c", {"endpoint": "jwks", "status": None}),
        (errors.UserRefusedError("x"), "user_refused", {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, errors.OIDCError) else "",
)
def test_an_error_carries_its_code_and_evidence(
    error: errors.OIDCError, code: str, evidence: dict[str, object]
) -> None:
    assert (error.code, error.evidence) == (code, evidence)
