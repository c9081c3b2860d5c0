"""A site in processes of its own, on a socket that listens already: the first request waits until one is ready."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvicorn

STOP_SECONDS = 30


@contextmanager
def open_listener(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A socket on a free port of `host`, which is to be a loopback address."""
    # A burst of requests is to wait here for as long as a busy machine takes.
    with socket.create_server((host, 0), backlog=512) as listener:
        yield listener


@contextmanager
def run_gunicorn(
    environment: Mapping[str, str], log: Path, listener: socket.socket, *, workers: int = 1, threads: int = 4
) -> Iterator[None]:
    """One gunicorn."""
    bind = ["--bind", f"fd://{listener.fileno()}", "--workers", str(workers), "--threads", str(threads)]
    # Its control socket would be one for all of them.
    command = ["gunicorn", *bind, "--no-control-socket", "django.core.wsgi:get_wsgi_application()"]
    with _run(command, environment, log, listener):
        yield


@contextmanager
def run_uvicorn(
    environment: Mapping[str, str], log: Path, listener: socket.socket, *, processes: int = 1
) -> Iterator[None]:
    """So many uvicorns."""
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(_run([__name__, str(listener.fileno())], environment, log, listener))
        yield


def get_url(listener: socket.socket) -> str:
    """Where a site on this socket is reached."""
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


@contextmanager
def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, listener: socket.socket) -> Iterator[None]:
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=dict(environment),
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
        try:
            yield
        finally:
            server.terminate()
            server.wait(STOP_SECONDS)


def _serve(descriptor: int) -> None:
    """One uvicorn. Its access log would hold the authorization codes, which are in URLs."""
    config = uvicorn.Config(
        "django.core.asgi:get_asgi_application", factory=True, access_log=False, lifespan="off", log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
