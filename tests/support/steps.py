"""Two things at once, in every order: threads ("lanes") that advance one step at a time, as the test says.

A lane stops before each of its steps: a statement that touches our tables or Django's sessions, an operation of a
cache or a session engine that calls `pause`, or wherever else a test calls it. So only one runs at a time, and an
order can be repeated exactly. `explore` goes through all of them: it takes the first lane at each choice, then goes
back to the last choice that has another way, until there is none.

No lane may stop while it holds a lock that another needs, which would hang: hence before statements, not after
them, and inside a transaction only where the other lane does not write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from django.db import connection, connections

# A lane that is explored from here on runs through everything before its first pause with this label.
VIEW = "view"
# Only to end a test that is stuck.
TIMEOUT = 60
TABLES = ("oidc_rp_oidcsession", "oidc_rp_logoutreceipt", "django_session")

_current = threading.local()


def pause(label: str) -> None:
    """Where a step begins. Does nothing in a thread that is not stepped."""
    lane: Lane | None = getattr(_current, "lane", None)
    if lane is not None:
        lane.wait(label)


@dataclass
class Lane:
    """One thread that is stepped."""

    name: str
    work: Callable[[], Any]
    stepped: bool = True
    # The labels that count; all, if there are none.
    at: Set[str] = frozenset()
    done: bool = False
    free: bool = False
    result: Any = None
    error: BaseException | None = None
    next_label: str = "begin"
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _paused: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def start(self) -> None:
        """Run to the first pause, in a thread of its own."""
        threading.Thread(target=self._run, daemon=True).start()
        self._await_pause()

    def step(self) -> None:
        """Run to the next pause, or to the end."""
        self._go.release()
        self._await_pause()

    def finish(self) -> None:
        """Run to the end without a pause."""
        self.free = True
        self.step()

    def wait(self, label: str) -> None:
        """In the thread itself: stop here until the next step."""
        self.stepped = self.stepped or label == VIEW
        if self.free or not self.stepped or (self.at and label not in self.at):
            return
        self.next_label = label
        self._paused.release()
        assert self._go.acquire(timeout=TIMEOUT), f"{self.name} was left at {label}"

    def _await_pause(self) -> None:
        assert self._paused.acquire(timeout=TIMEOUT), f"{self.name} is stuck after {self.next_label}"

    def _run(self) -> None:
        _current.lane = self
        try:
            with connection.execute_wrapper(_pause_at_statement):
                self.result = self.work()
        except BaseException as error:  # noqa: BLE001 -- the test reads it
            self.error = error
        finally:
            connections.close_all()
            self.done = True
            self._paused.release()


@dataclass(frozen=True)
class Run:
    """One order that was gone through: its steps, as "name: label", and the lanes after it."""

    steps: Sequence[str]
    lanes: Sequence[Lane]

    @property
    def results(self) -> Sequence[Any]:
        """What the lanes returned, in the order in which they were given."""
        for lane in self.lanes:
            if lane.error is not None:
                raise AssertionError(str(self)) from lane.error
        return [lane.result for lane in self.lanes]

    def __str__(self) -> str:
        return "\n".join(self.steps)


Build = Callable[[], Sequence[tuple[str, Callable[[], Any]]]]


def explore(
    build: Build,
    *,
    from_view: bool = False,
    at: Mapping[str, Set[str]] = MappingProxyType({}),
    switches: int | None = None,
) -> Iterator[Run]:
    """Every order of the steps of what `build` returns, which is called anew for each.

    With `from_view`, what a lane does before `pause(VIEW)` is no step. With `at`, a lane stops
    at these labels only. With `switches`, only the orders in which that many times at most a
    lane is left that could have gone on.
    """
    choices: list[tuple[int, int]] = []
    while True:
        lanes = [Lane(name, work, not from_view, at.get(name, frozenset())) for name, work in build()]
        yield Run(_go_through(lanes, choices, switches), lanes)
        while choices and choices[-1][0] + 1 == choices[-1][1]:
            choices.pop()
        if not choices:
            return
        choices[-1] = (choices[-1][0] + 1, choices[-1][1])


def _go_through(lanes: Sequence[Lane], choices: list[tuple[int, int]], switches: int | None) -> list[str]:
    """Run the lanes to their ends: as `choices` (which of how many) say, and by the first beyond them."""
    for lane in lanes:
        lane.start()
    steps: list[str] = []
    last: Lane | None = None
    depth = left = 0
    while alive := [lane for lane in lanes if not lane.done]:
        if last in alive:
            alive = [last] if left == switches else [last, *(lane for lane in alive if lane is not last)]
        if depth == len(choices):
            choices.append((0, len(alive)))
        lane = alive[choices[depth][0]]
        left += last in alive and lane is not last
        depth, last = depth + 1, lane
        steps.append(f"{lane.name}: {lane.next_label}")
        lane.step()
    return steps


def _pause_at_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    table = next((table for table in TABLES if f'"{table}"' in sql), None)
    if table is not None:
        pause(f"{sql.split(maxsplit=1)[0]} {table}")
    return execute(sql, params, many, context)


class SteppedCache:
    """Put in front of a cache: each operation on a session is a step."""

    def get(self, key: str, *args: Any, **options: Any) -> Any:
        _pause_at_session("cache.get", key)
        return super().get(key, *args, **options)  # type: ignore[misc]  # a mixin

    def set(self, key: str, *args: Any, **options: Any) -> Any:
        _pause_at_session("cache.set", key)
        return super().set(key, *args, **options)  # type: ignore[misc]  # likewise

    def add(self, key: str, *args: Any, **options: Any) -> Any:
        _pause_at_session("cache.add", key)
        return super().add(key, *args, **options)  # type: ignore[misc]  # likewise

    def delete(self, key: str, *args: Any, **options: Any) -> Any:
        _pause_at_session("cache.delete", key)
        return super().delete(key, *args, **options)  # type: ignore[misc]  # likewise

    def delete_many(self, keys: Any, *args: Any, **options: Any) -> Any:
        _pause_at_session("cache.delete_many", *keys)
        return super().delete_many(keys, *args, **options)  # type: ignore[misc]  # likewise


def _pause_at_session(label: str, *keys: str) -> None:
    if any("django.contrib.sessions" in key for key in keys):
        pause(label)


class SteppedLocMemCache(SteppedCache, LocMemCache):
    pass


class SteppedRedisCache(SteppedCache, RedisCache):
    pass
