"""`python -m tests.fuzz [--seconds N] [TARGET...]`: fuzz each target, or those that are named, for N seconds.

What reaches new code is kept in .fuzz/ and is where the next run goes on. An input that
raises what it should not, or takes ten seconds or 2 GB, is written to .fuzz/findings/.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.pages import ROOT

CORPUS = Path(__file__).parent / "corpus"
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=16384")


def main(arguments: Sequence[str]) -> int:
    """Fuzz; 1 if something was found."""
    targets = sorted(folder.name for folder in CORPUS.iterdir())
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets))
    options = parser.parse_args(arguments)
    failed = [target for target in options.targets or targets if not fuzz(target, options.seconds)]
    if failed:
        print(f"findings of {', '.join(failed)} are in .fuzz/findings/")  # noqa: T201
    return int(bool(failed))


def fuzz(target: str, seconds: int) -> bool:
    """Fuzz one target; whether it came through."""
    kept, findings = ROOT / ".fuzz" / target, ROOT / ".fuzz" / "findings"
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"---- {target}", flush=True)  # noqa: T201
    # libFuzzer writes to the first folder and reads all of them.
    command = [sys.executable, "-m", "tests.fuzz.one", target, str(kept), str(CORPUS / target)]
    command += [f"-max_total_time={seconds}", *LIMITS, f"-artifact_prefix={findings / target}-"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
