"""What becomes of mutants: each meets its module's tests, and then the type checker, in a process of its own.

Such a process is a copy of this one, which has imported what the tests need and nothing that a mutant can change. So
each module is imported as the mutant has it, with all that follows from it, for the price of the tests alone.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import CodeType, ModuleType
from typing import TypeVar

import _pytest
import hypothesis
import pytest
from mypy import api as mypy

from tests.support.keys import CURVES, private_key
from tests.support.pages import ROOT

from .mutating import Mutant

T = TypeVar("T")

# Imported and made once instead of in each process.
_SHARED = ("cryptography.x509", "django.test", "hypothesis.strategies", "jwt", "requests")
_KEYS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *CURVES, "EdDSA")
# No conftest and no plugin but these: the fixtures of the other tests bring all of Django and every provider along.
_PYTEST = (
    "-x",
    "-q",
    "--tb=no",
    "-c",
    os.devnull,
    f"--rootdir={ROOT}",
    "--noconftest",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:unraisableexception",
)
_DJANGO = ("-p", "pytest_django.plugin", "--ds=tests.settings")
_MEMORY_BYTES = 4 << 30
_BASELINE_SECONDS = 300
_TYPING_SECONDS = 300
_NO_TESTS = 5


class Verdict(Enum):
    """What killed a mutant, if anything did."""

    TESTS = "tests"
    TYPES = "types"
    TIME = "time"
    SURVIVED = "survived"


_VERDICTS = {0: Verdict.SURVIVED, -signal.SIGALRM: Verdict.TIME}


@contextmanager
def prepare() -> Iterator[Path]:
    """Import and make what all the processes need; where mypy's cache of the unchanged package is, for `judge`."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in (*_SHARED, *(f"_pytest.{module.name}" for module in iter_modules(_pytest.__path__))):
        import_module(name)
    for alg in _KEYS:
        for name in ("k1", "k2"):
            private_key(alg, name)
    # What a few examples do not notice does not count as noticed.
    hypothesis.settings.register_profile("mutants", max_examples=10, derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    # Out of the sight of each process's garbage collector, which would copy it all.
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="oidc_rp-mutants-") as folder:
        cache = Path(folder) / "cache"
        [(_, code)] = _run_each([(None, lambda: _run_mypy(cache))], _TYPING_SECONDS, 1)
        if code:
            sys.exit("the types do not fit before anything is changed: mypy oidc_rp")
        yield cache


def judge(mutants: Sequence[Mutant], tests: Sequence[str], jobs: int, cache: Path) -> dict[Mutant, Verdict]:
    """Run each mutant of one file against its tests, `jobs` at a time; SystemExit if they fail without a mutant.

    A survivor of the tests meets mypy, which is as much a gate here as they are.
    """
    verdicts = {}
    seconds = _measure(tests)
    for mutant, code in _run_each([(mutant, _test(mutant, tests)) for mutant in mutants], seconds, jobs):
        if code == _NO_TESTS:
            sys.exit(f"no tests in {' '.join(tests)}")
        verdicts[mutant] = _VERDICTS.get(code, Verdict.TESTS)
    survivors = [mutant for mutant, verdict in verdicts.items() if verdict is Verdict.SURVIVED]
    for mutant, code in _run_each([(it, _check_types(it, cache)) for it in survivors], _TYPING_SECONDS, jobs):
        verdicts[mutant] = Verdict.TYPES if code else Verdict.SURVIVED
    return verdicts


def _measure(tests: Sequence[str]) -> int:
    """How long tests may take with a mutant, in seconds, from how long they take without one."""
    started = time.monotonic()
    [(_, code)] = _run_each([(None, lambda: _run_tests(tests))], _BASELINE_SECONDS, 1)
    if code:
        sys.exit(f"exit status {code} before anything is changed: {' '.join(tests)}")
    return int(5 * (time.monotonic() - started)) + 30


def _run_each(tasks: Iterable[tuple[T, Callable[[], int]]], seconds: int, jobs: int) -> Iterator[tuple[T, int]]:
    """Run each task in a copy of this process; what it is for, and its exit status, negative for a signal."""
    running: dict[int, T] = {}
    try:
        for subject, task in tasks:
            if len(running) == jobs:
                pid, status = os.wait()
                yield running.pop(pid), os.waitstatus_to_exitcode(status)
            running[_fork(task, seconds)] = subject
        while running:
            pid, status = os.wait()
            yield running.pop(pid), os.waitstatus_to_exitcode(status)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(task: Callable[[], int], seconds: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # A mutant may loop for ever or ask for all the memory there is.
        signal.alarm(seconds)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        code = task()
    finally:
        os._exit(code)


def _test(mutant: Mutant, tests: Sequence[str]) -> Callable[[], int]:
    def run() -> int:
        sys.meta_path.insert(0, _MutantFinder(mutant))
        return _run_tests(tests)

    return run


def _run_tests(tests: Sequence[str]) -> int:
    django = () if all(test.startswith("tests/protocol/") for test in tests) else _DJANGO
    return int(pytest.main([*_PYTEST, *django, *tests]))


def _check_types(mutant: Mutant, cache: Path) -> Callable[[], int]:
    def run() -> int:
        # A cache of its own: what mypy learns from a mutant must reach neither another one nor anybody's work.
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            shadow = Path(folder) / "mutant.py"
            # A change that leaves the length as it was would be taken for none.
            shadow.write_text(f"{mutant.source}# changed\n")
            return _run_mypy(shutil.copytree(cache, Path(folder) / "cache"), "--shadow-file", mutant.path, str(shadow))

    return run


def _run_mypy(cache: Path, *arguments: str) -> int:
    return mypy.run([f"--cache-dir={cache}", *arguments, "oidc_rp"])[2]


class _MutantFinder(MetaPathFinder):
    """Imports one module from a changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._path = str(ROOT / mutant.path)
        self._source = mutant.source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _MutantLoader(fullname, self._path, self._source)
        return spec_from_file_location(fullname, self._path, loader=loader)


class _MutantLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)
