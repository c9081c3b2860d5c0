"""Four processes on one PostgreSQL: tokens of users, for one API and for jobs, from an OP that rotates strictly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice

import pytest
import requests
from django.db import connection

from oidc_rp.models import OfflineGrant, OIDCSession
from tests.processes.browser import TIMEOUT, Browser
from tests.processes.conftest import run_site
from tests.processes.op_server import OPServer, serve_gated_op
from tests.support.rotating_op import RotatingOP

PROCESSES = 4
REQUESTS = 60
API = "https://api.example"


@dataclass(frozen=True)
class Farm:
    """The base URLs of the processes, and their OP."""

    urls: Sequence[str]
    server: OPServer

    def sign_in(self) -> Browser:
        """At the first process."""
        browser = Browser()
        self.go_to_op(browser, "oidc/login/")
        return browser

    def go_to_op(self, browser: Browser, page: str) -> None:
        """From a page to the OP and back."""
        begun = browser.get(f"{self.urls[0]}/{page}")
        assert begun.status_code == 302, begun.text
        response = self.server.op.authorize(begun.headers["Location"])
        assert browser.get(f"{self.urls[0]}/oidc/callback/default/", response).status_code == 302

    def rotate(self, current: str) -> RotatingOP:
        """From now on the OP rotates strictly, beginning with this refresh token."""
        rotating = self.server.rotating = RotatingOP(self.server.op, current=current)
        return rotating


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with ExitStack() as stack:
        server = stack.enter_context(serve_gated_op())
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "SITE_ENGINE": "db",
            "SITE_FOLDER": str(folder),
            "SITE_ISSUER": server.op.issuer,
        }
        yield Farm(
            [stack.enter_context(run_site(environment, folder / str(number))) for number in range(PROCESSES)], server
        )


@pytest.fixture
def farm(started: Farm, transactional_db: None) -> Farm:
    """After `started`, so that their connections do not keep the database from being emptied and removed."""
    started.server.op.token_answer.clear()
    started.server.rotating = None
    return started


@pytest.fixture
def granted(farm: Farm) -> Farm:
    """A user has granted offline access, and the access token of that has ended."""
    browser = farm.sign_in()
    farm.server.op.token_answer["refresh_token"] = "offline-refresh-1"
    farm.go_to_op(browser, "ask/")
    OfflineGrant.objects.update(access_expires_at=0)
    return farm


def get_token(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    token: str = response.json()["token"]
    return token


def run_jobs(farm: Farm) -> list[str]:
    """Many at once, in each process in turn."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        urls = islice(cycle(farm.urls), REQUESTS)
        return [
            get_token(answer) for answer in pool.map(lambda url: requests.get(f"{url}/job/", timeout=TIMEOUT), urls)
        ]


def test_database_is_the_one_that_is_meant() -> None:
    assert connection.vendor == "postgresql"


def test_jobs_of_four_processes_make_one_call(granted: Farm) -> None:
    rotating = granted.rotate("offline-refresh-1")
    assert set(run_jobs(granted)) == {"access/1"}
    assert (len(rotating.grants), rotating.reuses) == (1, 0)


def test_jobs_of_four_processes_reuse_nothing_over_many_expiries(granted: Farm) -> None:
    rotating = granted.rotate("offline-refresh-1")
    rotating.lifetime = 1
    asked = 0
    while len(rotating.grants) < 5:
        asked += len(run_jobs(granted))
    assert rotating.reuses == 0
    assert asked > 5 * len(rotating.grants)
    assert OfflineGrant.objects.get().ended_at is None


@pytest.mark.parametrize("different", [1, 4], ids=["one_api", "four_apis"])
def test_requests_at_four_processes_make_one_call_for_each_api(farm: Farm, different: int) -> None:
    browser = farm.sign_in()
    rotating = farm.rotate("refresh-token-1")

    def ask(number: int) -> str:
        # Each with the cookies of before, as a browser sends many requests at once.
        copy = Browser(dict(browser.cookies))
        url = f"{farm.urls[number % PROCESSES]}/token-for/"
        return get_token(copy.get(url, {"resource": f"{API}/{number // PROCESSES % different}"}))

    with ThreadPoolExecutor(REQUESTS) as pool:
        tokens = set(pool.map(ask, range(REQUESTS)))
    assert len(tokens) == len(rotating.grants) == different
    assert rotating.reuses == 0
    assert OIDCSession.objects.get().ended_at is None
    # The cookies of before are five rotations old at most, and lead to the newest refresh token.
    assert get_token(browser.get(f"{farm.urls[0]}/token-for/", {"resource": f"{API}/last"})).startswith("access/")
    assert rotating.reuses == 0
