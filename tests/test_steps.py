"""Generators that wait, driven by a thread and by an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest
from asgiref.sync import async_to_sync

from oidc_rp.steps import arun, run


def count(pauses: list[float], seen: list[float]) -> Generator[float, None, str]:
    for pause in pauses:
        yield pause
        seen.append(pause)
    return "done"


def fail() -> Generator[float, None, str]:
    yield 0
    raise KeyError("of the generator")


def test_run_goes_to_the_end() -> None:
    seen: list[float] = []
    assert run(count([0, 0.001], seen)) == "done"
    assert seen == [0, 0.001]


def test_arun_goes_to_the_end() -> None:
    seen: list[float] = []
    assert async_to_sync(arun)(count([0, 0.001], seen)) == "done"
    assert seen == [0, 0.001]


def test_arun_leaves_the_event_loop_free_while_it_waits() -> None:
    waited: list[float] = []

    async def both() -> None:
        async def other() -> None:
            waited.append(0)

        await asyncio.gather(arun(count([0.01], waited)), other())

    async_to_sync(both)()
    assert waited == [0, 0.01]


def test_what_a_generator_raises_passes_through() -> None:
    with pytest.raises(KeyError):
        run(fail())
    with pytest.raises(KeyError):
        async_to_sync(arun)(fail())
