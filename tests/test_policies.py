"""Policies of OIDC_RP_STEP_UP: read live, refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from oidc_rp.policies import Policy, find_policy, find_policy_fault
from oidc_rp.protocol.errors import ConfigurationError
from oidc_rp.protocol.step_up import Requirement


def test_policy_is_found_by_its_name_and_follows_the_settings(settings: Any) -> None:
    settings.OIDC_RP_STEP_UP = {"payment": {"acr_values": ["mfa"], "max_age": 300}}
    first = find_policy("payment")
    assert first == Policy(Requirement(("mfa",), (), 300))
    assert find_policy("payment") is first
    settings.OIDC_RP_STEP_UP = {"payment": {"amr": ["otp"], "provider": "other"}}
    assert find_policy("payment") == Policy(Requirement(amr=(("otp",),)), "other")


def test_policy_may_be_given_instead_of_named() -> None:
    policy = Policy(Requirement(max_age=5))
    assert find_policy(policy) is policy
    assert find_policy(policy.requirement) == policy


@pytest.mark.parametrize(
    ("configured", "reason"),
    [({}, "has no policy 'payment'"), ({"payment": {"max_age": "5"}}, "OIDC_RP_STEP_UP['payment'] max_age must be")],
    ids=["unknown", "wrong"],
)
def test_policy_that_cannot_be_used_is_an_error_and_lets_nobody_through(
    settings: Any, configured: dict[str, Any], reason: str
) -> None:
    settings.OIDC_RP_STEP_UP = configured
    with pytest.raises(ConfigurationError) as caught:
        find_policy("payment")
    assert caught.value.code == "step_up_policy"
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "fault"),
    [
        ({}, None),
        ({"a": {"max_age": 5, "provider": "other"}, "b": {"amr": ["otp"]}}, None),
        ([], "must be a dict"),
        ({5: {"max_age": 5}}, "has the name 5, which is no string"),
        ({"a": []}, "['a'] must be a dict"),
        ({"a": {"maxage": 5}}, "['a'] has an unknown key 'maxage'; 'max_age' is one"),
        ({"a": {5: 5}}, "['a'] has an unknown key 5"),
        ({"a": {"provider": "other"}}, "['a'] needs acr_values, amr or max_age"),
        ({"a": {"max_age": 5, "provider": ["other"]}}, "['a'] provider must be an alias"),
        (
            {"a": {"max_age": 5, "provider": "nobody"}},
            "['a'] names a provider that OIDC_PROVIDERS does not have: 'nobody'",
        ),
    ],
)
def test_fault_of_the_setting(configured: Any, fault: str | None) -> None:
    assert find_policy_fault(configured, {"other"}.__contains__) == fault
