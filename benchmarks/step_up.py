"""(e) What a step-up decorator adds to a view that its login is good enough for."""

from __future__ import annotations

from tempfile import TemporaryDirectory

from .common import Effort, Row
from .login import start_site
from .processes import Child

MAX_SECONDS = 2e-6
VIEWS = {"inline": "acr and max_age written out", "named": "a policy by its name"}


def run(effort: Effort) -> list[Row]:
    """Measure a policy by its name and one that is written out, on sync views."""
    with (
        TemporaryDirectory() as directory,
        Child("stub_op") as op,
        start_site("ours", op, directory, module="step_up_site") as site,
    ):
        seconds = site.ask("measure", rounds=effort.step_up_rounds, calls=effort.step_up_calls)
    return [
        Row(
            f"a satisfied decorator, {what}: seconds added",
            seconds[view] - seconds["bare"],
            0,
            "s",
            at_most=MAX_SECONDS,
        )
        for view, what in VIEWS.items()
    ]
