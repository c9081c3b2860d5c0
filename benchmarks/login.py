"""(b) A whole login through the Django stack, against mozilla-django-oidc with the same OP."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from .common import Effort, Row
from .processes import Child

MAX_RATIO = 0.4
# A commit waits for the disk in the one and not in the other. Both packages commit about as
# often, so a slow disk brings the ratio nearer to 1; WAL shows it without the disk.
JOURNALS: Mapping[str, str] = {
    "SQLite as it comes": "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL",
    "SQLite with WAL": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
}


@dataclass
class Measured:
    """What the logins at one site took: seconds each, and what the OP counted over all of them."""

    seconds: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def connections(self) -> int:
        """New connections to the OP."""
        return self.counts["connections"]

    @property
    def calls(self) -> float:
        """Calls to the OP, per login."""
        return (self.counts.total() - self.connections) / len(self.seconds)


def run(effort: Effort) -> list[Row]:
    """Measure time, calls to the OP, connections to it and database queries."""
    rows: list[Row] = []
    queries: list[Row] = []  # the same in either journal
    with Child("stub_op") as op:
        for journal, pragmas in JOURNALS.items():
            with (
                TemporaryDirectory() as directory,
                start_site("ours", op, directory, pragmas) as ours,
                start_site("mozilla", op, directory, pragmas) as mozilla,
            ):
                queries = _compare_queries(_count_queries(ours), _count_queries(mozilla))
                rows += _measure(op, {"ours": ours, "mozilla": mozilla}, journal, effort)
    return rows + queries


@contextmanager
def start_site(site: str, op: Child, directory: str, pragmas: str = "", module: str = "login_site") -> Iterator[Child]:
    """Start a site that signs users in at `op`, with an empty database in `directory`."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "BENCHMARK_SITE": site,
        "BENCHMARK_OP": op.ask("issuer"),
        "BENCHMARK_DATABASE": os.fspath(Path(directory) / f"{site}.sqlite3"),
        "BENCHMARK_PRAGMAS": pragmas,
    }
    with Child(module, environment) as child:
        child.ask("prepare")
        yield child


def _measure(op: Child, sites: Mapping[str, Child], journal: str, effort: Effort) -> list[Row]:
    measured = {name: Measured() for name in sites}
    order = list(sites.items())
    for _ in range(effort.login_rounds):
        for name, site in order:
            before = Counter(op.ask("counts"))
            measured[name].seconds += site.ask("log_in", subject="alice", times=effort.login_calls)
            measured[name].counts += Counter(op.ask("counts")) - before
        order.reverse()
    ours, mozilla = measured["ours"], measured["mozilla"]
    what = f"login, {journal}"
    return [
        Row(f"{what}: oidc_rp / mozilla-django-oidc", median(ours.seconds), median(mozilla.seconds), "s", MAX_RATIO),
        Row(f"{what}: calls to the OP, each", ours.calls, mozilla.calls, at_most=1),
        # The sites are warm: whatever connection ours needs is open already.
        Row(
            f"{what}: new connections to the OP in {len(ours.seconds)}",
            ours.connections,
            mozilla.connections,
            at_most=0,
        ),
    ]


def _count_queries(site: Child) -> dict[str, int]:
    """Database statements of a login, by what it finds. Leaves the site warm, and alice known to it."""
    site.ask("log_in", subject="alice", times=2)
    site.ask("create_account", subject="bob")
    return {
        "of a known subject": site.ask("count_queries", subject="alice"),
        "that links an account": site.ask("count_queries", subject="bob"),
        "that creates an account": site.ask("count_queries", subject="carol"),
    }


def _compare_queries(ours: dict[str, int], mozilla: dict[str, int]) -> list[Row]:
    return [Row(f"login {what}: SQL queries", ours[what], mozilla[what], at_most=mozilla[what]) for what in ours]
