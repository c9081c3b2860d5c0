"""`python -m tests.proof`: run the long proof, and print its figures. The exit status says whether it holds."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.interop.installing import CannotInstallError

from .proving import ACCESS_TOKEN_SECONDS, BROWSERS, TABS, Figures, ProofOP, Setup, prove

SETUPS = [Setup("gunicorn", "cached_db"), Setup("uvicorn", "cache")]
REQUESTS = 10_000
MAX_SECONDS = 3_600.0
QUICK_SECONDS = 25.0


def main() -> int:
    options = parse_options()
    try:
        ProofOP.install()
    except CannotInstallError as error:
        sys.exit(f"{ProofOP.product} cannot be installed: {error}")
    print(
        f"{ProofOP.product} {ProofOP.version}: {BROWSERS} browsers with {TABS} tabs each, "
        f"access tokens that live {ACCESS_TOKEN_SECONDS} seconds\n"
    )
    faults = 0
    for setup in SETUPS:
        if options.server not in {None, setup.server}:
            continue
        with tempfile.TemporaryDirectory(prefix="oidc_rp-proof-") as folder:
            seconds = QUICK_SECONDS if options.quick else MAX_SECONDS
            figures = prove(setup, Path(folder), target=options.requests, seconds=seconds)
        print(describe(setup, figures), flush=True)
        faults += len(figures.faults)
    return 1 if faults else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description="Prove that no race loses a user.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:g} seconds for each server")
    parser.add_argument("--server", choices=[setup.server for setup in SETUPS], help="this one only")
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"for each server; {REQUESTS} if not given")
    return parser.parse_args()


def describe(setup: Setup, figures: Figures) -> str:
    """The figures, and every fault."""
    lines = [
        f"{setup.server}, sessions in {setup.engine}, {figures.seconds:.0f} s",
        f"  requests              {figures.requests}, of which {figures.aborted} aborted by the client",
        f"  expiries              {figures.expiries}",
        f"  token calls           {figures.token_calls} to renew",
        f"  reuse events          {figures.reuse_events}",
        f"  users lost            {figures.users_lost}",
        f"  failed answers        {len(figures.failed_answers)}",
        f"  stale access tokens   {figures.stale_access_tokens}; {len(figures.overdue)} ran out just before their use",
        f"  secrets found         {len(figures.secrets_found)} of {figures.secrets}, in {figures.octets / 1e6:.1f} MB",
    ]
    lines += [f"  FAULT {name}: {value!r:.3000}" for name, value in figures.faults.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
