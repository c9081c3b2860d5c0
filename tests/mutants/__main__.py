"""`python -m tests.mutants [--jobs N] [FILE...]`: mutation testing, of everything or of some files."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.support.pages import DOCS, ROOT

from .mutating import make_mutants
from .report import (
    Survivor,
    compute_score,
    find_faults,
    read_reasons,
    read_results,
    summarize,
    write_page,
    write_results,
)
from .running import judge, prepare

THRESHOLD = 95
PROTOCOL = "oidc_rp/protocol"
PROTOCOL_TESTS = "tests/protocol"
# The tests that have to notice, where they are not those of the same name alone.
TESTS = {
    "oidc_rp/protocol/errors.py": ["tests/protocol/test_errors.py", "tests/protocol/test_answers.py"],
    "oidc_rp/sealing.py": ["tests/test_sealing.py"],
    "oidc_rp/cookies.py": ["tests/test_cookies.py"],
}
COOKIES = ["oidc_rp/sealing.py", "oidc_rp/cookies.py"]


def find_tests(path: str) -> list[str]:
    """The test files that a mutant of this file meets."""
    return TESTS.get(path, [f"{PROTOCOL_TESTS}/test_{path.rpartition('/')[2]}"])


def find_files() -> list[str]:
    protocol = sorted(str(file.relative_to(ROOT)) for file in (ROOT / PROTOCOL).rglob("*.py"))
    return [*(file for file in protocol if not file.endswith("__init__.py")), *COOKIES]


def describe_version() -> str:
    """The commit of the working tree."""
    command = ["git", "describe", "--always", "--dirty=, with changes", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def main(arguments: Sequence[str]) -> int:
    """Run, and write the results and the page after each file; 1 if they fall short."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--survivors", action="store_true", help="only those of the last run, after a change of tests")
    parser.add_argument("files", nargs="*", help="such as oidc_rp/protocol/claims.py; all without")
    options = parser.parse_args(arguments)
    version, reasons = describe_version(), read_reasons()
    known, results = find_files(), read_results()
    with prepare() as cache:
        for path in options.files or known:
            started = time.monotonic()
            mutants, earlier = make_mutants(ROOT / path, path), None
            if options.survivors:
                earlier = results[path]
                mutants = [it for it in mutants if Survivor(it.line, it.before, it.after) in earlier.survivors]
            result = summarize(version, judge(mutants, find_tests(path), options.jobs, cache), earlier)
            results = {**read_results(), path: result}
            results = {name: results[name] for name in known if name in results}
            write_results(results)
            write_page(DOCS / "mutants.md", results, reasons, [name for name in known if name not in results])
            took = time.monotonic() - started
            print(f"{path}: {compute_score({path: result}):.1f} % of {result.total} in {took:.0f} s")  # noqa: T201
            print(*find_faults({path: result}, reasons), sep="\n", flush=True)  # noqa: T201
    faults, score = find_faults(results, reasons), compute_score(results)
    print(f"{score:.1f} % of all, {len(faults)} faults of reasons")  # noqa: T201
    return int(bool(faults) or score < THRESHOLD)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
