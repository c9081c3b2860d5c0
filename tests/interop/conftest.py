"""Each OP is started once; each outcome goes into the table of docs/interop.md."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from . import results
from .browser import Browser
from .demo_op import DemoOP
from .glewlwyd import Glewlwyd
from .installing import CannotInstallError
from .keycloak import Keycloak
from .op import NOT_OFFERED, OP
from .panva import Panva
from .results import Results
from .site import Site, run_site

HERE = Path(__file__).parent
OPS: list[type[OP]] = [Panva, DemoOP, Keycloak, Glewlwyd]
SEEN = pytest.StashKey[Results]()
FAULTS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-results", action="store_true", help="write docs/interop.md instead of comparing with it")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "feature(title): a row of docs/interop.md, with the test's parameters filled in")
    config.stash[SEEN] = Results()
    config.stash[FAULTS] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests speak to this machine and no other; what an OP does wrong is known."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2", "127.0.0.3"]))
        op, title = find_op(item), find_title(item)
        if op is not None and title is not None and title in op.fails:
            item.add_marker(pytest.mark.xfail(reason=op.fails[title].reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    op, title = find_op(item), find_title(item)
    if op is None or title is None:
        return report
    if hasattr(report, "wasxfail") and report.skipped and op.fails[title].says not in report.longreprtext:
        # It has failed, but not as it was expected to.
        report.outcome = "failed"
        del report.wasxfail
    outcome = read_outcome(report)
    if outcome is not None:
        item.config.stash[SEEN].record(title, f"{op.product} {op.version}", outcome)
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Unforeseen failures are no results; they are seen to first."""
    if exitstatus != pytest.ExitCode.OK:
        return
    seen, written = session.config.stash[SEEN], results.read_page()
    if session.config.getoption("write_results"):
        results.write_page(seen.laid_over(written))
        return
    faults = session.config.stash[FAULTS]
    faults.extend(seen.differences(written))
    if faults:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for fault in config.stash[FAULTS]:
        terminalreporter.write_line(f"docs/interop.md is not true: {fault}", red=True)


def find_op(item: pytest.Item) -> type[OP] | None:
    op: type[OP] | None = item.callspec.params.get("op") if hasattr(item, "callspec") else None
    return op


def find_title(item: pytest.Item) -> str | None:
    """The row of the table that this test fills a cell of."""
    marker = item.get_closest_marker("feature")
    if marker is None:
        return None
    assert isinstance(item, pytest.Function)
    title: str = marker.args[0].format(**item.callspec.params)
    return title


def read_outcome(report: pytest.TestReport) -> str | None:
    """The cell for a report; None if it has nothing to say, or the test failed unforeseen."""
    if hasattr(report, "wasxfail"):
        return f"fails: {report.wasxfail}" if report.skipped else None
    if report.skipped:
        return results.NOT_OFFERED if NOT_OFFERED in str(report.longrepr) else None
    return results.WORKS if report.passed and report.when == "call" else None


@pytest.fixture(scope="session", params=OPS, ids=lambda op: op.key)
def op(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OP]:
    kind: type[OP] = request.param
    try:
        kind.install()
    except CannotInstallError as error:
        # What CI does not see is not known to work.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{kind.product} cannot be installed: {error}")
    op = kind(tmp_path_factory.mktemp(kind.key))
    op.start()
    try:
        yield op
    finally:
        op.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with run_site(tmp_path_factory.mktemp("sites") / "a", "127.0.0.2") as site:
        yield site


@pytest.fixture(scope="session")
def other_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with run_site(tmp_path_factory.mktemp("sites") / "b", "127.0.0.3") as site:
        yield site


@pytest.fixture
def browser() -> Browser:
    return Browser()
