"""What an authentication lacks, how a requirement is written, and how it is asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from oidc_rp.protocol.errors import ConfigurationError, RequirementError
from oidc_rp.protocol.step_up import (
    Reached,
    Requirement,
    build_acr_claim_request,
    build_challenge,
    choose_authentication_context,
    parse_requirement,
)

NOW = 1_800_000_000
SKEW = 30
LEVELS = ("bronze", "silver", "gold")


def find(requirement: Requirement, levels: tuple[str, ...] = (), **actual: Any) -> RequirementError | None:
    return requirement.find_missing(Reached(**actual), now=NOW, clock_skew=SKEW, levels=levels)


# --- acr


@pytest.mark.parametrize(
    ("actual", "wanted", "levels"),
    [
        ("mfa", ("mfa",), ()),
        ("mfa", ("phr", "mfa"), ()),
        ("gold", ("silver",), LEVELS),
        ("silver", ("silver",), LEVELS),
        ("silver", ("gold", "silver"), LEVELS),
        ("special", ("special", "gold"), LEVELS),
        (None, (), ()),
    ],
    ids=["the_one", "the_second", "higher_level", "same_level", "lowest_of_two", "not_a_level", "nothing_demanded"],
)
def test_acr_is_met(actual: str | None, wanted: tuple[str, ...], levels: tuple[str, ...]) -> None:
    assert find(Requirement(acr_values=wanted), levels, acr=actual) is None


@pytest.mark.parametrize(
    ("actual", "wanted", "levels"),
    [
        (None, ("mfa",), ()),
        ("", ("mfa",), ()),
        ("pwd", ("mfa",), ()),
        ("MFA", ("mfa",), ()),
        ("mfa2", ("mfa",), ()),
        ("mf", ("mfa",), ()),
        ("mfa ", ("mfa",), ()),
        ("gold", ("silver",), ()),
        ("bronze", ("silver",), LEVELS),
        ("silver", ("special",), LEVELS),
        ("other", ("silver",), LEVELS),
        (None, ("silver",), LEVELS),
        ("Gold", ("silver",), LEVELS),
    ],
    ids=[
        "op_sends_none", "empty", "another", "case", "longer", "shorter", "space", "no_order_is_known", "lower_level",
        "demand_is_no_level", "reached_is_no_level", "none_with_levels", "case_of_level",
    ],
)  # fmt: skip
def test_acr_is_not_met(actual: str | None, wanted: tuple[str, ...], levels: tuple[str, ...]) -> None:
    error = find(Requirement(acr_values=wanted), levels, acr=actual)
    assert error is not None
    assert (error.code, error.missing, error.required, error.actual) == ("acr_not_met", "acr", wanted, actual)


# --- amr


@pytest.mark.parametrize(
    ("actual", "wanted"),
    [
        (("pwd", "otp"), (("pwd",), ("otp",))),
        (("otp", "x", "pwd"), (("pwd",), ("otp",))),
        (("pwd", "hwk"), (("pwd",), ("otp", "hwk"))),
    ],
    ids=["all", "any_order_and_more", "one_of_two"],
)
def test_amr_is_met(actual: tuple[str, ...], wanted: tuple[tuple[str, ...], ...]) -> None:
    assert find(Requirement(amr=wanted), amr=actual) is None


@pytest.mark.parametrize(
    ("actual", "missing"),
    [((), ("pwd",)), (("otp",), ("pwd",)), (("pwd",), ("otp", "hwk")), (("pwd", "OTP"), ("otp", "hwk"))],
    ids=["op_sends_none", "first", "neither_of_two", "case"],
)
def test_amr_is_not_met(actual: tuple[str, ...], missing: tuple[str, ...]) -> None:
    error = find(Requirement(amr=(("pwd",), ("otp", "hwk"))), amr=actual)
    assert error is not None
    assert (error.code, error.required, error.actual) == ("amr_not_met", missing, actual)


# --- max_age (Core 3.1.3.7, item 13)


@pytest.mark.parametrize(
    ("auth_time", "max_age"),
    [(NOW, 0), (NOW - SKEW, 0), (NOW - 100 - SKEW, 100), (NOW + SKEW, 0), (NOW - 99.5, 100)],
    ids=["just_now", "just_now_by_a_slow_clock", "end_of_the_skew", "fast_clock", "float"],
)
def test_max_age_is_met(auth_time: float, max_age: int) -> None:
    assert find(Requirement(max_age=max_age), auth_time=auth_time) is None


@pytest.mark.parametrize(
    ("auth_time", "max_age", "shown"),
    [
        (NOW - SKEW - 1, 0, NOW - SKEW - 1),
        (NOW - 100 - SKEW - 1, 100, NOW - 100 - SKEW - 1),
        (None, 31_536_000, None),
        (0, 31_536_000, None),
    ],
    ids=["zero", "past_the_skew", "op_sends_none", "not_known_to_the_op"],
)
def test_max_age_is_not_met(auth_time: int | None, max_age: int, shown: int | None) -> None:
    error = find(Requirement(max_age=max_age), auth_time=auth_time)
    assert error is not None
    assert (error.code, error.required, error.actual) == ("max_age_not_met", max_age, shown)


def test_zero_is_no_time_however_long_ago_it_may_be() -> None:
    missing = Requirement(max_age=100).find_missing(Reached(auth_time=0), now=50, clock_skew=SKEW)
    assert missing is not None


def test_check_raises_what_is_missing_with_all_that_was_reached() -> None:
    reached = Reached("pwd", ("pwd",), NOW)
    with pytest.raises(RequirementError) as caught:
        Requirement(("mfa",), (), 5).check(reached, now=NOW, clock_skew=SKEW)
    assert caught.value.evidence == {"missing": "acr", "required": ("mfa",), "actual": "pwd", "reached": reached}


# --- several at once


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Requirement(("mfa",)), Requirement(max_age=5), Requirement(("mfa",), (), 5)),
        (Requirement(max_age=5), Requirement(("mfa",), (), 60), Requirement(("mfa",), (), 5)),
        (Requirement(max_age=0), Requirement(max_age=5), Requirement(max_age=0)),
        (
            Requirement(amr=(("a",), ("b", "c"))),
            Requirement(amr=(("a",), ("d",))),
            Requirement(amr=(("a",), ("b", "c"), ("d",))),
        ),
        (Requirement(("x", "y")), Requirement(("z", "y")), Requirement(("y",))),
        (Requirement(("silver",)), Requirement(("gold",)), Requirement(("gold",))),
        (Requirement(("x",)), Requirement(("y",)), Requirement(("x",))),
    ],
    ids=["acr_and_age", "smaller_age", "zero", "amr", "common_acr", "higher_level", "nothing_in_common"],
)
def test_requirements_are_combined(one: Requirement, other: Requirement, both: Requirement) -> None:
    assert one.combine(other, levels=LEVELS) == both
    assert one.combine(one, levels=LEVELS) == one


# --- as people write it


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"acr_values": ["mfa", "urn:x:y"]}, Requirement(acr_values=("mfa", "urn:x:y"))),
        ({"acr_values": {"b", "a"}}, Requirement(acr_values=("a", "b"))),
        ({"amr": ("pwd", ["otp", "hwk"])}, Requirement(amr=(("pwd",), ("otp", "hwk")))),
        ({"amr": {"pwd", frozenset({"b", "a"})}}, None),
        ({"max_age": 0}, Requirement(max_age=0)),
    ],
    ids=["list", "set", "any_of", "set_of_sets", "zero"],
)
def test_requirement_is_read(written: dict[str, Any], expected: Requirement | None) -> None:
    parsed = parse_requirement(**written)
    assert parsed == expected if expected else set(parsed.amr) == {("pwd",), ("a", "b")}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({}, "needs acr_values, amr or max_age"),
        ({"acr_values": "mfa"}, "acr_values must be a list"),
        ({"acr_values": []}, "acr_values must be a list"),
        ({"acr_values": set()}, "acr_values must be made of strings"),
        ({"acr_values": ["mfa pwd"]}, "without spaces"),
        ({"acr_values": ['m"fa']}, "quotes"),
        ({"acr_values": ["mfa", 2]}, "made of strings"),
        ({"acr_values": [""]}, "made of strings"),
        ({"acr_values": ["m\nfa"]}, "made of strings"),
        ({"amr": "pwd"}, "amr must be a list"),
        ({"amr": [[]]}, "amr must be a list"),
        ({"amr": [None]}, "amr must be a list"),
        ({"max_age": -1}, "whole number of seconds"),
        ({"max_age": True}, "whole number of seconds"),
        ({"max_age": 1.5}, "whole number of seconds"),
        ({"max_age": "60"}, "whole number of seconds"),
    ],
)
def test_requirement_is_refused(written: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_requirement(**written)


# --- as it is asked for


def test_entra_is_asked_for_one_authentication_context() -> None:
    assert json.loads(build_acr_claim_request(["c1", "c2"], None, name="acrs")) == {
        "id_token": {"acrs": {"essential": True, "value": "c1"}}
    }


@pytest.mark.parametrize(
    ("acrs", "expected"),
    [(["c2", "c1"], "c1"), (["c2", "p1"], "c2"), ("c1", "c1"), ([], None), (None, None), (["c11"], None), ({}, None)],
)
def test_authentication_context_of_entra_is_the_preferred_one_that_was_reached(acrs: Any, expected: str | None) -> None:
    assert choose_authentication_context({"acrs": acrs}, ["c1", "c2"]) == expected


def test_acr_as_an_essential_claim_keeps_the_claims_that_are_asked_for_otherwise() -> None:
    claims = {"userinfo": {"email": None}, "id_token": {"auth_time": {"essential": True}}}
    assert json.loads(build_acr_claim_request(["mfa", "phr"], json.dumps(claims))) == {
        "userinfo": {"email": None},
        "id_token": {"auth_time": {"essential": True}, "acr": {"essential": True, "values": ["mfa", "phr"]}},
    }


@pytest.mark.parametrize("claims", ["{", "[]", "5", '{"id_token": 5}'])
def test_acr_as_an_essential_claim_needs_an_object(claims: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_acr_claim_request(["mfa"], claims)
    assert caught.value.code == "claims_parameter"


def test_challenge_is_worded_as_rfc_9470_words_it() -> None:
    assert build_challenge(Requirement(("mfa", "phr"), (("otp",),), 5), authenticated=True) == (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A stronger or more recent authentication is required", acr_values="mfa phr", max_age="5"'
    )


@pytest.mark.parametrize(
    ("requirement", "challenge"),
    [(Requirement(max_age=0), 'Bearer max_age="0"'), (Requirement(amr=(("otp",),)), "Bearer")],
)
def test_challenge_tells_nobody_of_an_error_who_did_not_authenticate(requirement: Requirement, challenge: str) -> None:
    assert build_challenge(requirement, authenticated=False) == challenge


def test_max_age_is_at_most_a_year() -> None:
    assert parse_requirement(max_age=31_536_000).max_age == 31_536_000
    with pytest.raises(ValueError, match="max_age"):
        parse_requirement(max_age=31_536_001)


def test_nothing_is_known_of_an_authentication_until_the_op_says_it() -> None:
    assert tuple(Reached()) == (None, (), None)


@pytest.mark.parametrize("requirement", [Requirement(("mfa",)), Requirement(amr=(("otp",),)), Requirement(max_age=5)])
def test_what_is_missing_comes_with_all_that_was_reached(requirement: Requirement) -> None:
    reached = Reached("pwd", ("pwd",), 1_000)
    missing = requirement.find_missing(reached, now=2_000, clock_skew=30)
    assert missing is not None
    assert missing.reached == reached


def test_check_knows_the_levels() -> None:
    Requirement(("silver",)).check(Reached("gold"), now=0, clock_skew=0, levels=["silver", "gold"])
    with pytest.raises(RequirementError):
        Requirement(("gold",)).check(Reached("silver"), now=0, clock_skew=0, levels=["silver", "gold"])


def test_acr_as_an_essential_claim_is_written_without_spaces() -> None:
    """It travels in a URL."""
    written = build_acr_claim_request(["mfa", "pwd"], None)
    assert written == '{"id_token":{"acr":{"essential":true,"values":["mfa","pwd"]}}}'
