"""`python -m benchmarks [--quick] [--check] [--write] [name ...]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from . import id_token, login, logout, refresh, request, sealing, step_up
from .common import FULL, QUICK, Effort, Row
from .report import describe_run, render_table

BENCHMARKS: Mapping[str, Callable[[Effort], list[Row]]] = {
    "id_token": id_token.run,
    "login": login.run,
    "request": request.run,
    "logout": logout.run,
    "sealing": sealing.run,
    "refresh": refresh.run,
    "step_up": step_up.run,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Run what was asked for; 1 if a target was missed and --check was given."""
    options = _parse_options()
    rows = []
    for name in options.names or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += BENCHMARKS[name](QUICK if options.quick else FULL)
    table = render_table(rows)
    print(table)
    if options.write:
        command = " ".join(["python -m benchmarks", *sys.argv[1:]])
        RESULTS.write_text(f"# Results\n\n{describe_run(command)}\n\n{table}\n", encoding="utf-8")
    missed = [row.what for row in rows if row.met is False]
    print(f"\n{len(missed)} of {sum(row.met is not None for row in rows)} targets missed", *missed, sep="\n  ")
    return 1 if missed and options.check else 0


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure oidc_rp.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(BENCHMARKS)}; without, all")
    parser.add_argument("--quick", action="store_true", help="a few rounds: shows that it runs, measures little")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    parser.add_argument("--write", action="store_true", help=f"write the results to {RESULTS.name} as well")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(BENCHMARKS)):
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
