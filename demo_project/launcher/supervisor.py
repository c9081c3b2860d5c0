"""Starts processes, watches over them, and ends them all when one ends or somebody asks."""

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from demo_project.launcher.plan import HOST, DemoError, Part

START_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.1
ROOT = Path(__file__).resolve().parent.parent.parent
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    part: Part
    process: subprocess.Popen[str]
    reader: Thread


class Supervisor:
    """Everything that can happen comes through one queue: a child's end as its part, a signal as None."""

    def __init__(self, parts: Sequence[Part], write: Callable[[str], object]) -> None:
        self._parts = parts
        self._write = write
        self._children: list[Child] = []
        # Of Python's queues, the one that a signal handler may put into while its own thread waits for it.
        self._events: SimpleQueue[Part | None] = SimpleQueue()

    def run(self, ready: Callable[[], None]) -> None:
        """Runs until a signal says stop; calls `ready` when all parts answer. Raises DemoError if a child ends."""
        with self._signals():
            try:
                self._write(f"Starting {', '.join(part.name for part in self._parts)} ...")
                for part in self._parts:
                    self._start(part)
                if all(self._wait_until_ready(part) for part in self._parts):
                    ready()
                    self._check(self._events.get())
            finally:
                self._stop()

    def _start(self, part: Part) -> None:
        seed = ["--seed", part.seed[0], str(part.seed[1])] if part.seed else []
        process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "demo_project.launcher.child", str(part.port), *seed],
            cwd=ROOT,
            env={**part.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in a terminal goes to the whole group; it is for the launcher to end the children, in order.
            start_new_session=True,
        )
        reader = Thread(target=self._read, args=(part, process), daemon=True)
        self._children.append(Child(part, process, reader))
        reader.start()

    def _read(self, part: Part, process: "subprocess.Popen[str]") -> None:
        """Passes a child's output on, line by line, and reports its end."""
        for line in process.stdout or ():
            self._write(f"{part.name:<6} | {line.rstrip()}")
        process.wait()
        self._events.put(part)

    def _wait_until_ready(self, part: Part) -> bool:
        """False if a signal has come first."""
        deadline = time.monotonic() + START_SECONDS
        while not _answers(part):
            if time.monotonic() > deadline:
                raise DemoError(f"{part.name} did not answer at {part.url} within {START_SECONDS:.0f} s.")
            try:
                return self._check(self._events.get(timeout=POLL_SECONDS))
            except Empty:
                continue
        return True

    def _check(self, event: Part | None) -> bool:
        if event is None:
            return False
        status = next(child.process.returncode for child in self._children if child.part is event)
        raise DemoError(f"{event.name} has ended by itself with status {status}; the others are stopped.")

    def _stop(self) -> None:
        for child in self._children:
            # Closing its standard input would end it too, but not in the middle of its start.
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            try:
                child.process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
            child.reader.join()
            for pipe in (child.process.stdin, child.process.stdout):
                if pipe:
                    pipe.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """While it lasts, signals are events: they interrupt nothing, the clearing up least of all."""
        before = {number: signal.signal(number, lambda *_: self._events.put(None)) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _answers(part: Part) -> bool:
    connection = http.client.HTTPConnection(HOST, part.port, timeout=5)
    try:
        connection.request("GET", part.health_path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
