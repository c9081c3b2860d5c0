"""What the benchmarks share: one way to measure, and one form for what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from statistics import median

# Statements that are not counted as queries.
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of each thing a run does. Calls are per round and contender."""

    validation_rounds: int
    validation_calls: int
    login_rounds: int
    login_calls: int
    request_rounds: int
    request_calls: int
    step_up_rounds: int
    step_up_calls: int
    logout_others: tuple[int, ...]
    logout_rounds: int
    logout_many: int
    logout_many_rounds: int
    refresh_users: int


FULL = Effort(
    validation_rounds=101,
    validation_calls=200,
    login_rounds=15,
    login_calls=4,
    request_rounds=101,
    request_calls=60,
    step_up_rounds=101,
    step_up_calls=5_000,
    logout_others=(1_000, 10_000, 100_000),
    logout_rounds=15,
    logout_many=2_000,
    logout_many_rounds=5,
    refresh_users=20,
)
QUICK = Effort(
    validation_rounds=11,
    validation_calls=50,
    login_rounds=3,
    login_calls=2,
    request_rounds=11,
    request_calls=50,
    step_up_rounds=11,
    step_up_calls=1_000,
    logout_others=(100, 1_000),
    logout_rounds=5,
    logout_many=100,
    logout_many_rounds=3,
    refresh_users=3,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results: `value` against `baseline`, both in `unit` (s or a count).

    A target is a ratio (`max_ratio`) or a bound of the value itself (`at_most`); a row
    without one is there for comparison.
    """

    what: str
    value: float
    baseline: float
    unit: str = ""
    max_ratio: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        """None where the baseline is nothing at all, such as no queries."""
        return self.value / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.max_ratio is not None:
            return self.ratio is not None and self.ratio <= self.max_ratio
        return None if self.at_most is None else self.value <= self.at_most


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int, calls: int) -> dict[str, float]:
    """The median time per call of each contender, in seconds of CPU time.

    In every round each has its turn, and the order alternates, so that a machine that
    slows down or warms up does so for all. CPU time, because these contenders never wait,
    and what other processes take of the machine is not theirs.
    """
    timings: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders.items())
    for _ in range(rounds):
        for name, call in order:
            timings[name].append(_time(call, calls))
        order.reverse()
    return {name: median(times) for name, times in timings.items()}


def _time(call: Callable[[], object], calls: int) -> float:
    started = time.process_time()
    for _ in repeat(None, calls):
        call()
    return (time.process_time() - started) / calls
