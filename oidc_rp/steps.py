"""Running what waits: a generator that yields the seconds to wait, driven by a thread or by an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

from asgiref.sync import sync_to_async

T = TypeVar("T")


def run(steps: Generator[float, None, T]) -> T:
    """Run to the end, and return what the generator returns; what it raises passes through."""
    while True:
        try:
            pause = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        time.sleep(pause)


async def arun(steps: Generator[float, None, T]) -> T:
    """The same, with the work in Django's thread for blocking code, and no thread held while waiting."""
    step = sync_to_async(_step)
    while True:
        pause, result = await step(steps)
        if pause is None:
            return result[0]
        await asyncio.sleep(pause)


def _step(steps: Generator[float, None, T]) -> tuple[float | None, list[T]]:
    # A StopIteration cannot leave a coroutine, hence the pair.
    try:
        return next(steps), []
    except StopIteration as stop:
        return None, [stop.value]
