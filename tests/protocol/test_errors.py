from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

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


PROBLEM = errors.Problem("oidc_rp.E001", "wrong", "right")


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
        (
            errors.OPResponseError("x", endpoint="token", status=404),
            "op_response",
            {"endpoint": "token", "status": 404},
        ),
        (
            errors.OPUnavailableError("x", endpoint="token"),
            "op_unavailable",
            {"endpoint": "token", "status": None, "retry_after": None},
        ),
        (
            errors.OPUnavailableError("x", endpoint="token", status=503, retry_after=5, code="slow"),
            "slow",
            {"endpoint": "token", "status": 503, "retry_after": 5},
        ),
        (errors.ClaimError("nonce", "wrong"), "token_nonce", {"claim": "nonce", "expected": None, "actual": None}),
        (
            errors.RequirementError("acr", required=("mfa",), actual="pwd"),
            "acr_not_met",
            {"missing": "acr", "required": ("mfa",), "actual": "pwd", "reached": None},
        ),
        (
            errors.RequirementError("amr", required=(), actual=(), reached="all"),
            "amr_not_met",
            {"missing": "amr", "required": (), "actual": (), "reached": "all"},
        ),
        (
            errors.OPError("access_denied", endpoint="authorization"),
            "op_error",
            {"error": "access_denied", "description": "", "endpoint": "authorization"},
        ),
        (
            errors.DestinationError("https://evil.example", ["https://api.example"]),
            "api_origin",
            {"origin": "https://evil.example", "allowed": ("https://api.example",)},
        ),
        (errors.ConfigurationError("x"), "configuration", {"problems": ()}),
        (errors.ConfigurationError("x", [PROBLEM], code="short"), "short", {"problems": (PROBLEM,)}),
        (errors.SessionEndedError("op_logout"), "session_over", {"reason": "op_logout"}),
        (errors.GrantEndedError("revoked"), "grant_over", {"reason": "revoked"}),
        (errors.RenewalError("x"), "not_renewable", {}),
        (errors.AuthenticationResponseError("x"), "authentication_response", {}),
        (errors.SignatureError("x"), "token_signature", {}),
        (errors.MalformedTokenError("x"), "token_malformed", {}),
        (errors.TokenError("x"), "token", {}),
        (errors.OIDCError("x"), "oidc_error", {}),
        (errors.UserRefusedError("x"), "user_refused", {}),
    ],
    ids=lambda value: f"{value.code}_{value}" if isinstance(value, errors.OIDCError) else "",
)
def test_an_error_carries_its_code_and_evidence(
    error: errors.OIDCError, code: str, evidence: dict[str, object]
) -> None:
    assert (error.code, error.evidence) == (code, evidence)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.OPError("invalid_grant", "secret", endpoint="token"), "the OP's token endpoint answered invalid_grant"),
        (errors.ClaimError("aud", "is wrong", expected="a"), "aud: is wrong"),
        (errors.AlgorithmError("none", ["RS256"]), "the token's alg is not one that this client accepts"),
        (errors.SessionEndedError("op_logout"), "the session has ended"),
        (errors.GrantEndedError("revoked"), "the offline grant has ended"),
        (
            errors.DestinationError("https://evil.example", []),
            "the token must not be sent to an origin that API_ORIGINS does not list",
        ),
        (errors.RequirementError("amr", required=(), actual=()), "the OP did not meet the required amr"),
        (errors.UnknownKeyError("no key", kid="k", alg="RS256"), "no key"),
        (errors.ConfigurationError("bad"), "bad"),
        (errors.OPUnavailableError("down", endpoint="token"), "down"),
        (errors.OPResponseError("odd", endpoint="token"), "odd"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, errors.OIDCError) else "",
)
def test_an_error_says_what_happened(error: errors.OIDCError, message: str) -> None:
    assert str(error) == message


def test_a_problem_has_an_id_a_message_and_a_hint() -> None:
    assert (PROBLEM.id, PROBLEM.message, PROBLEM.hint) == ("oidc_rp.E001", "wrong", "right")
    with pytest.raises(FrozenInstanceError):
        PROBLEM.hint = "another"  # type: ignore[misc]
