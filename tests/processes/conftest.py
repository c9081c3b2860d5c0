"""Sites of real processes and an OP, for as long as the tests of one kind of site take."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Semaphore

import pytest

from tests.processes.op_server import OPServer, serve_gated_op
from tests.support.servers import get_url, open_listener, run_gunicorn, run_uvicorn

ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
ROOT = Path(__file__).resolve().parents[2]
WORKERS = 4
# As many as a test sends at once, because any of the processes may get any number of them.
THREADS = 50


@dataclass(frozen=True)
class Sites:
    """The base URLs of two processes of one site, and their OP."""

    here: str
    there: str
    op: OPServer


@dataclass(frozen=True)
class Kind:
    """A way to run the site."""

    server: str
    database: str
    engine: str

    def __str__(self) -> str:
        return f"{self.server}-{self.database}-{self.engine}"


KINDS = [
    Kind("gunicorn", "postgresql", "cached_db"),
    Kind("gunicorn", "sqlite", "db"),
    Kind("gunicorn", "postgresql", "file"),
    Kind("uvicorn", "postgresql", "cache"),
    Kind("uvicorn", "sqlite", "signed_cookies"),
]


@dataclass(frozen=True)
class Farm:
    """A site of four processes at `url`, and what it takes to run more of them on the same database."""

    kind: Kind
    url: str
    op: OPServer
    environment: Mapping[str, str]
    folder: Path
    serial: Iterator[int]

    @property
    def token_url(self) -> str:
        """A view that answers with the access token: async code under uvicorn."""
        return self.get_token_url(self.url)

    def get_token_url(self, url: str) -> str:
        return f"{url}/{'atoken' if self.kind.server == 'uvicorn' else 'token'}/"

    @contextmanager
    def run_another(self, **variables: str) -> Iterator[str]:
        """One more process of the site, with other environment variables; its URL."""
        environment = {**self.environment, **variables}
        with run_site(environment, self.folder / f"another-{next(self.serial)}.log", self.kind.server) as url:
            yield url


@pytest.fixture(scope="module", params=ENGINES)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp(f"site-{request.param}")
    with ExitStack() as stack:
        op = stack.enter_context(serve_gated_op())
        environment = build_environment(op, request.param, folder)
        here, there = (stack.enter_context(run_site(environment, folder / name)) for name in ("here", "there"))
        yield Sites(here, there, op)


@pytest.fixture
def sites(servers: Sites, transactional_db: None) -> Sites:
    """After `servers`, so that their connections do not keep the database from being emptied and removed."""
    return servers


@pytest.fixture(scope="module", params=KINDS, ids=str)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    kind: Kind = request.param
    folder = tmp_path_factory.mktemp(str(kind))
    with ExitStack() as stack:
        op = stack.enter_context(serve_gated_op())
        op.is_strict = True
        environment = build_environment(op, kind.engine, folder)
        if kind.database == "sqlite":
            environment["SITE_SQLITE"] = str(folder / "site.sqlite3")
            migrate = [sys.executable, "-m", "django", "migrate", "-v0", "--skip-checks"]
            subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        log = folder / "site.log"
        listener = stack.enter_context(open_listener())
        stack.enter_context(
            run_uvicorn(environment, log, listener, processes=WORKERS)
            if kind.server == "uvicorn"
            else run_gunicorn(environment, log, listener, workers=WORKERS, threads=THREADS)
        )
        yield Farm(kind, get_url(listener), op, environment, folder, count(1))


@pytest.fixture
def farm(running: Farm, transactional_db: None) -> Iterator[Farm]:
    """With an OP that has all gates open, whatever a test has left. On SQLite the site has a database of its own."""
    op = running.op
    op.refreshes.lifetime, op.refreshes.redeemed, op.refreshes.reused = 300, 0, 0
    op.started = Semaphore(0)
    op.refreshes.revoked.clear()
    yield running
    for gate in (op.token, op.refresh, op.slow):
        gate.dropping = False
        gate.open.set()


@contextmanager
def run_site(environment: Mapping[str, str], log: Path, server: str = "gunicorn") -> Iterator[str]:
    """A site of one process; its URL."""
    run = run_uvicorn if server == "uvicorn" else run_gunicorn
    with open_listener() as listener, run(environment, log, listener):
        yield get_url(listener)


def build_environment(op: OPServer, engine: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
        "SITE_ENGINE": engine,
        "SITE_FOLDER": str(folder),
        "SITE_ISSUER": op.op.issuer,
    }
