"""Two gunicorns and an OP, for as long as the tests of one session engine take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.op_server import OPServer, serve_gated_op

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
STOP_SECONDS = 30


@dataclass(frozen=True)
class Sites:
    """The base URLs of two processes of one site, and their OP."""

    here: str
    there: str
    op: OPServer


@pytest.fixture(scope="module", params=ENGINES)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp(f"site-{request.param}")
    with ExitStack() as stack:
        op = stack.enter_context(serve_gated_op())
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "SITE_ENGINE": request.param,
            "SITE_FOLDER": str(folder),
            "SITE_ISSUER": op.op.issuer,
        }
        here, there = (stack.enter_context(run_site(environment, folder / name)) for name in ("here", "there"))
        yield Sites(here, there, op)


@pytest.fixture
def sites(servers: Sites, transactional_db: None) -> Sites:
    """After `servers`, so that their connections do not keep the database from being emptied and removed."""
    return servers


@contextmanager
def run_site(environment: dict[str, str], log: Path) -> Iterator[str]:
    """A gunicorn on a socket that listens already, so that the first request waits for it to be ready."""
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{descriptor}", "--threads", "4"]
        server = subprocess.Popen(
            [*command, "django.core.wsgi:get_wsgi_application()"],
            env=environment,
            pass_fds=[descriptor],
            stdout=output,
            stderr=output,
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.terminate()
            server.wait(STOP_SECONDS)
