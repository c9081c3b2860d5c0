"""Run a command with a PostgreSQL and a Redis of its own: `python -m tests.services COMMAND...`

Both are made in a new folder, listen on sockets in it and nowhere else, and are stopped and removed at the end.
The command finds them in OIDC_RP_TEST_DATABASE and OIDC_RP_TEST_REDIS. They are Debian's (`apt-get install
postgresql redis-server`). As root, PostgreSQL runs as the user `postgres`, because it refuses to run as root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

STOP_SECONDS = 30
DATABASE = "oidc_rp"


@contextmanager
def run_services() -> Iterator[Mapping[str, str]]:
    """Start both; the environment variables that name them."""
    with tempfile.TemporaryDirectory(prefix="oidc_rp-services-") as folder, ExitStack() as stack:
        yield {
            "OIDC_RP_TEST_DATABASE": stack.enter_context(run_postgresql(Path(folder) / "postgresql")),
            "OIDC_RP_TEST_REDIS": stack.enter_context(run_redis(Path(folder) / "redis")),
        }


@contextmanager
def run_postgresql(folder: Path) -> Iterator[str]:
    """A new cluster in `folder`; its URL."""
    user = "postgres" if os.geteuid() == 0 else None
    programs = _find_postgresql()
    folder.mkdir(mode=0o700)
    if user is not None:
        # The way to it must be open to that user too.
        folder.parent.chmod(0o711)
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        # Not to a pipe, which the server would inherit and keep open.
        with log.open("ab") as output:
            done = subprocess.run(
                [programs / program, *arguments], cwd=folder, user=user, stdout=output, stderr=output, check=False
            )
        if done.returncode:
            sys.exit(f"{program} failed:\n{log.read_text()}")

    run("initdb", "--auth=trust", "--username=oidc_rp", "--encoding=UTF8", "--no-sync", f"--pgdata={data}")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=100"
    run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={folder / 'server.log'}", f"--options={options}")
    try:
        run("createdb", f"--host={folder}", "--username=oidc_rp", DATABASE)
        yield f"postgres://oidc_rp@/{DATABASE}?host={folder}"
    finally:
        run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={data}")


@contextmanager
def run_redis(folder: Path) -> Iterator[str]:
    """A Redis that keeps nothing on disk; its URL."""
    folder.mkdir(mode=0o700)
    socket = folder / "socket"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    # It says in its own output when it is ready.
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "ready to accept connections" in line:
                break
        else:
            sys.exit(f"redis-server failed:\n{''.join(lines)}")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.communicate(timeout=STOP_SECONDS)


def _find_postgresql() -> Path:
    """The folder of its programs: Debian keeps those of the server out of the PATH."""
    on_path = shutil.which("pg_ctl")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        sys.exit("PostgreSQL was not found; on Debian: apt-get install postgresql redis-server")
    return found[-1]


def main(command: list[str]) -> int:
    """Run `command` with the services; its exit status."""
    # As an exception, so that the services are stopped.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with run_services() as environment:
        return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
