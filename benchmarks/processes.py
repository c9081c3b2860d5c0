"""Benchmark processes: a driver asks, a child answers, one line of JSON each over stdin and stdout.

Two Django configurations cannot share a process, and an OP in the client's own process
would share its interpreter lock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

_SECONDS_TO_STOP = 10


class Child:
    """A module of this package that runs in a process of its own, until the `with` block ends."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        self._module = f"{__package__}.{module}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # The OP is on this machine, whatever proxy the machine uses for others.
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **(environment or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=_SECONDS_TO_STOP)  # closes its stdin, which ends `serve`
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Have the child run a command and return what it answers."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise TypeError("the child was started without pipes")
        print(json.dumps({"command": command, **arguments}), file=stdin, flush=True)
        answer = stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._module} ended with status {self._process.wait()} at {command!r}")
        return json.loads(answer)


def serve(commands: Mapping[str, Callable[..., object]]) -> None:
    """The child's part: answer commands until stdin closes. An exception ends the child, with its traceback."""
    for line in sys.stdin:
        arguments = json.loads(line)
        print(json.dumps(commands[arguments.pop("command")](**arguments)), flush=True)
