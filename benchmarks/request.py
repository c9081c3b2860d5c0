"""(c) A signed-in request that carries a refresh token, with our middleware, against bare sessions."""

from __future__ import annotations

from tempfile import TemporaryDirectory

from .common import Effort, Row
from .login import start_site
from .processes import Child

MAX_RATIO = 1.05
# Django's usual places for sessions, and whether the targets hold there: a signed cookie cannot be
# deleted, so there the row must be asked at each request that loads the session.
ENGINES = {"db": True, "cached_db": True, "signed_cookies": False}
VIEWS = {"/user/": "a view that reads the user", "/nothing/": "a view that touches nothing"}


def run(effort: Effort) -> list[Row]:
    """Measure both views, with sessions in each of the usual places."""
    with (
        TemporaryDirectory() as directory,
        Child("stub_op") as op,
        start_site("ours", op, directory, module="request_site") as site,
    ):
        return [row for engine in ENGINES for path in VIEWS for row in _measure(site, engine, path, effort)]


def _measure(site: Child, engine: str, path: str, effort: Effort) -> list[Row]:
    measured = site.ask(
        "measure",
        engine=f"django.contrib.sessions.backends.{engine}",
        path=path,
        rounds=effort.request_rounds,
        calls=effort.request_calls,
    )
    seconds, queries = measured["seconds"], measured["queries"]
    what = f"{VIEWS[path]}, sessions in {engine}"
    held = ENGINES[engine]
    return [
        Row(f"{what}: with / without", seconds["ours"], seconds["bare"], "s", MAX_RATIO if held else None),
        Row(f"{what}: SQL queries", queries["ours"], queries["bare"], at_most=queries["bare"] if held else None),
        Row(f"{what}: values decrypted", measured["decryptions"], 0, at_most=0),
    ]
