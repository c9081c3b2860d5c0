"""Server processes on free ports of loopback, watched until they answer, and stopped."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

# Keycloak builds itself at its first start, and machines are busy.
START_SECONDS = 600
STOP_SECONDS = 30
WAIT_SECONDS = 15
POLL_SECONDS = 0.1
LOG_LINES = 60


def find_free_port(host: str = "127.0.0.1") -> int:
    """One that the system chooses."""
    with socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A process, with its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                pass_fds=pass_fds,
                # Some end when it is closed.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                # Ctrl-C is for pytest, which stops its servers itself; a shell script's children end with it.
                start_new_session=True,
            )

    def wait_for(self, url: str) -> None:
        """Until it answers there with success."""
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert self.process.poll() is None, f"it has ended:\n{self.read_log()}"
            assert time.monotonic() < deadline, f"no answer at {url}:\n{self.read_log()}"
            time.sleep(POLL_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """A signal to the process."""
        self.process.send_signal(number)

    def stop(self) -> None:
        """Politely; it has to end by itself."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # A fault, but one that must not stay behind.
            self.process.kill()
            raise
        assert self.process.stdin is not None
        self.process.stdin.close()

    def read_log(self) -> str:
        """Its last lines."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Ask again and again, until it is so; an AssertionError if it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(POLL_SECONDS)
