"""(d) A back-channel logout among many other sessions, against django-pyoidc and django-lasuite with the same OP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import count
from statistics import median
from tempfile import TemporaryDirectory

from .common import Effort, Row
from .login import JOURNALS, start_site
from .processes import Child

# What the tables call them, by the name of the site.
PACKAGES: Mapping[str, str] = {"ours": "oidc_rp", "pyoidc": "django-pyoidc", "lasuite": "django-lasuite"}
PEERS = ("pyoidc", "lasuite")
MAX_GROWTH = 1.3
MAX_QUERIES_OF_MANY = 19
# The wait for the disk at each commit is the same among many sessions as among few: without it, growth shows.
PRAGMAS = JOURNALS["SQLite with WAL"]


class Logouts:
    """Sites with many sessions, and what it took each of them to end a few."""

    def __init__(self, op: Child, sites: Mapping[str, Child]) -> None:
        self._op = op
        self._sites = sites
        self._subjects = (f"subject {number}" for number in count())
        self.queries = {name: self._warm_up_and_count(site, 1) for name, site in sites.items()}
        self.calls = dict.fromkeys(sites, 0.0)

    def measure(self, rounds: int, sessions: int) -> dict[str, float]:
        """Median seconds of CPU time, by site, of a logout token for a subject who has this number of sessions."""
        seconds: dict[str, list[float]] = {name: [] for name in self._sites}
        calls: Counter[str] = Counter()
        order = list(self._sites.items())
        for _ in range(rounds):
            for name, site in order:
                token = self._sign_in(site, sessions)
                before = self._count_calls()
                seconds[name].append(site.ask("log_out", token=token))
                calls[name] += self._count_calls() - before
            order.reverse()
        self.calls = {name: calls[name] / rounds for name in self._sites}
        return {name: median(times) for name, times in seconds.items()}

    def count_queries(self, sessions: int) -> dict[str, int]:
        """How many queries that is."""
        return {name: self._warm_up_and_count(site, sessions) for name, site in self._sites.items()}

    def _warm_up_and_count(self, site: Child, sessions: int) -> int:
        site.ask("log_out", token=self._sign_in(site, 1))
        queries: int = site.ask("count_queries", token=self._sign_in(site, sessions))
        return queries

    def _sign_in(self, site: Child, sessions: int) -> str:
        """Give a new subject these sessions; the token that ends them: by `sid` as well if there is only one."""
        subject = next(self._subjects)
        sids = [f"{subject}, session {number}" for number in range(sessions)]
        site.ask("sign_in", subject=subject, sids=sids)
        token: str = self._op.ask("logout_token", subject=subject, sid=sids[0] if sessions == 1 else None)
        return token

    def _count_calls(self) -> int:
        counts: Counter[str] = Counter(self._op.ask("counts"))
        return counts.total() - counts["connections"]


def run(effort: Effort) -> list[Row]:
    """Measure time, database queries and calls to the OP."""
    with Child("stub_op", {"BENCHMARK_LATENCY": "0"}) as op:
        return [*_run_one(op, effort), *_run_many(op, effort)]


def _run_one(op: Child, effort: Effort) -> list[Row]:
    """A token for one session, among ever more others."""
    with ExitStack() as stack:
        sites = {
            f"{site} {others}": _start(stack, op, site, others) for site in PACKAGES for others in effort.logout_others
        }
        logouts = Logouts(op, sites)
        seconds = logouts.measure(effort.logout_rounds, sessions=1)
    rows = []
    few, *more = effort.logout_others
    for site, package in PACKAGES.items():
        ours = site == "ours"
        base = f"{site} {few}"
        for others in more:
            name = f"{site} {others}"
            what = f"logout token, {package}, {others:,} other sessions / {few:,}"
            queries, queries_among_few = logouts.queries[name], logouts.queries[base]
            rows += [
                Row(what, seconds[name], seconds[base], "s", MAX_GROWTH if ours else None),
                Row(f"{what}: SQL queries", queries, queries_among_few, at_most=queries_among_few if ours else None),
            ]
    most = effort.logout_others[-1]
    for peer in PEERS:
        what = f"logout token, {most:,} other sessions: oidc_rp / {PACKAGES[peer]}"
        mine, theirs = f"ours {most}", f"{peer} {most}"
        rows += [
            Row(what, seconds[mine], seconds[theirs], "s"),
            Row(f"{what}: SQL queries", logouts.queries[mine], logouts.queries[theirs]),
            Row(f"{what}: calls to the OP", logouts.calls[mine], logouts.calls[theirs]),
        ]
    return rows


def _run_many(op: Child, effort: Effort) -> list[Row]:
    """A token for all of a subject's many sessions, among few others."""
    with ExitStack() as stack:
        logouts = Logouts(op, {site: _start(stack, op, site, effort.logout_others[0]) for site in PACKAGES})
        queries = logouts.count_queries(effort.logout_many)
        seconds = logouts.measure(effort.logout_many_rounds, effort.logout_many)
    rows = []
    for peer in PEERS:
        what = f"logout token for {effort.logout_many:,} sessions of a subject: oidc_rp / {PACKAGES[peer]}"
        rows += [
            Row(what, seconds["ours"], seconds[peer], "s"),
            Row(f"{what}: SQL queries", queries["ours"], queries[peer], at_most=MAX_QUERIES_OF_MANY),
        ]
    return rows


def _start(stack: ExitStack, op: Child, site: str, others: int) -> Child:
    """A site in which `others` are signed in."""
    directory = stack.enter_context(TemporaryDirectory())
    child = stack.enter_context(start_site(site, op, directory, PRAGMAS, module="logout_site"))
    child.ask("fill", others=others)
    return child
