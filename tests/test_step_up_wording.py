from __future__ import annotations

import pytest

from oidc_rp.protocol.step_up import Reached, Requirement
from oidc_rp.step_up_wording import describe_demands, describe_duration, describe_reached


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (301, "6 minutes"),
        (7_201, "3 hours"),
        (48 * 3_600 + 1, "3 days"),
    ],
)
def test_duration_is_in_the_largest_unit_of_which_there_are_two(seconds: int, text: str) -> None:
    assert describe_duration(seconds) == text


def test_demands_are_all_there() -> None:
    requirement = Requirement(("mfa", "phr"), (("pwd",), ("otp", "hwk")), 0)
    assert describe_demands(requirement) == [
        "a sign-in of the kind “mfa” or “phr”",
        "the method “pwd”",
        "the method “otp” or “hwk”",
        "a sign-in just now",
    ]


def test_what_was_reached_is_said_of_what_was_demanded_and_of_nothing_else() -> None:
    reached = Reached("pwd", ("pwd", "otp"), 1_000)
    assert describe_reached(Requirement(("mfa",)), reached, now=1_060) == ["a sign-in of the kind “pwd”"]
    assert describe_reached(Requirement((), (("hwk",),), 30), reached, now=1_060) == [
        "the methods “pwd”, “otp”",
        "a sign-in 60 seconds ago",
    ]
