"""The demo as a process of its own, started as a user starts it."""

from __future__ import annotations

import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[2]
LAST_LINE = "Ctrl-C ends the demo"
DATABASE_LOCK_SECONDS = 10


@dataclass
class Demo:
    """A running demo. `folder` is where its temporary files go."""

    process: subprocess.Popen[str]
    base_port: int
    folder: Path
    lines: list[str] = field(default_factory=list)
    drain: Thread | None = None

    @property
    def op(self) -> str:
        return f"http://localhost:{self.base_port}"

    @property
    def a(self) -> str:
        return f"http://localhost:{self.base_port + 1}"

    @property
    def b(self) -> str:
        return f"http://localhost:{self.base_port + 2}"

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def find_children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def age_op_sessions(self, seconds: int) -> None:
        """Moves every login at the OP into the past, instead of waiting for it to get old."""
        (database,) = self.folder.glob("*/op.sqlite3")
        with closing(sqlite3.connect(database, timeout=DATABASE_LOCK_SECONDS)) as connection, connection:
            connection.execute(
                "UPDATE demo_op_opsession SET auth_time = datetime(auth_time, ?)", (f"-{seconds} seconds",)
            )

    def expire_access_tokens(self) -> None:
        """Ends every access token at the OP, instead of waiting for thirty seconds."""
        (database,) = self.folder.glob("*/op.sqlite3")
        with closing(sqlite3.connect(database, timeout=DATABASE_LOCK_SECONDS)) as connection, connection:
            connection.execute("UPDATE oauth2_provider_accesstoken SET expires = datetime('now', '-1 second')")

    def forget_codes(self) -> None:
        """Lets codes of the second factor be used once more, instead of waiting for the next ones."""
        (database,) = self.folder.glob("*/op.sqlite3")
        with closing(sqlite3.connect(database, timeout=DATABASE_LOCK_SECONDS)) as connection, connection:
            connection.execute("UPDATE demo_op_account SET totp_last_step = 0")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Sends the signal, unless the demo has ended already, and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit status, once the demo has ended and all of its output is in `lines`."""
        status = self.process.wait(timeout=30)
        if self.drain is not None:
            self.drain.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def start_demo(folder: Path, base_port: int | None = None) -> Demo:
    """Starts the demo and returns when it is ready, or has ended."""
    port = base_port or find_free_ports(3)
    demo = Demo(launch("demo", "--base-port", str(port), folder=folder), port, folder)
    stdout = demo.process.stdout
    assert stdout is not None
    for line in stdout:
        demo.lines.append(line)
        if line.startswith(LAST_LINE):
            break
    # Nobody may be kept waiting by a full pipe.
    demo.drain = Thread(target=demo.lines.extend, args=(stdout,), daemon=True)
    demo.drain.start()
    return demo


def launch(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """`manage.py` with these arguments, and its output in one pipe."""
    kept_back = ("DEMO_", "DJANGO_", "OIDC_")
    passed_on = {name: value for name, value in os.environ.items() if not name.startswith(kept_back)}
    return subprocess.Popen(
        [sys.executable, "-u", "manage.py", *arguments],
        cwd=ROOT,
        env={**passed_on, "TMPDIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def find_free_ports(count: int) -> int:
    """The first of `count` consecutive free ports."""
    for base in range(18_000, 19_000, count):
        if all(_is_free(port) for port in range(base, base + count)):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def watched(pids: list[int]) -> Iterator[list[int]]:
    """Handles that stay good when the processes are gone, and that become readable then."""
    handles = [os.pidfd_open(pid) for pid in pids]
    try:
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def have_ended(handles: list[int], timeout: float = 15) -> bool:
    """Waits until all processes have ended; False if some have not after `timeout` seconds each."""
    return all(select.select([handle], [], [], timeout)[0] for handle in handles)
