"""Four processes that share a cache get one service token, renew it once, and are refused once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, cycle, islice
from threading import Semaphore
from typing import Any

import pytest
import requests
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache

from tests.processes.browser import TIMEOUT
from tests.processes.conftest import run_site
from tests.processes.op_server import OPServer, serve_gated_op

PROCESSES = 4
THREADS = 4
REQUESTS = 60

serial = count()


@dataclass(frozen=True)
class Farm:
    """The base URLs of the processes, and their OP, which has been told nothing yet."""

    urls: Sequence[str]
    server: OPServer

    def ask_all(self, page: str, scope: str) -> list[requests.Response]:
        """Many requests at once, to each process in turn."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            return list(pool.map(lambda url: ask(url, page, scope), islice(cycle(self.urls), REQUESTS)))


def ask(url: str, page: str, scope: str) -> requests.Response:
    response = requests.get(f"{url}/{page}/", {"scope": scope}, timeout=TIMEOUT)
    assert response.status_code in {200, 401}, response.text
    return response


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    folder = tmp_path_factory.mktemp("farm")
    with ExitStack() as stack:
        server = stack.enter_context(serve_gated_op())
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "SITE_ENGINE": "signed_cookies",
            "SITE_FOLDER": str(folder),
            "SITE_ISSUER": server.op.issuer,
        }
        yield Farm(
            [stack.enter_context(run_site(environment, folder / str(number))) for number in range(PROCESSES)], server
        )


@pytest.fixture
def farm(started: Farm) -> Farm:
    started.server.op.token_answer.clear()
    started.server.refuses_client = False
    started.server.token_calls = 0
    started.server.started = Semaphore(0)
    return started


@pytest.fixture
def scope() -> str:
    """A new one for each test: the processes remember."""
    return f"scope-{next(serial)}"


def tokens(responses: list[requests.Response]) -> list[Any]:
    return [response.json().get("token") for response in responses]


def test_cache_is_the_one_that_is_meant() -> None:
    assert isinstance(caches["default"], RedisCache)


def test_processes_get_one_token(farm: Farm, scope: str) -> None:
    farm.server.token.close()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(farm.ask_all, "service-token", scope)
        farm.server.token.await_arrival()
        # One has asked the OP; all the others whose threads are free are waiting for that one.
        for _ in range(PROCESSES * THREADS):
            assert farm.server.started.acquire(timeout=TIMEOUT)
        farm.server.token.open.set()
        assert tokens(asked.result()) == ["access-token-1"] * REQUESTS
    assert farm.server.token_calls == 1


def test_processes_renew_a_rejected_token_once(farm: Farm, scope: str) -> None:
    assert set(tokens(farm.ask_all("service-token", scope))) == {"access-token-1"}
    farm.server.newest = "revoked"
    assert {answer.status_code for answer in farm.ask_all("service-call", scope)} == {200}
    assert farm.server.token_calls == 2


def test_wrong_secret_is_no_storm(farm: Farm, scope: str) -> None:
    farm.server.refuses_client = True
    for _ in range(3):
        assert {answer.json()["error"] for answer in farm.ask_all("service-token", scope)} == {"invalid_client"}
    assert farm.server.token_calls == 1


def test_tokens_that_live_two_seconds(farm: Farm, scope: str) -> None:
    farm.server.op.token_answer["expires_in"] = 2
    started = time.monotonic()
    asked = 0
    while farm.server.token_calls < 4:
        assert None not in tokens(farm.ask_all("service-token", scope))
        asked += REQUESTS
    # Each is used for a second and a half at least, by all of them.
    assert farm.server.token_calls <= (time.monotonic() - started) / 1.5 + 1
    assert asked > 10 * farm.server.token_calls
