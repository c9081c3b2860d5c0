"""A site whose user model is keyed by e-mail. Django fixes the user model at start, so it is another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_logins_of_a_site_with_email_as_user_name() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--ds=tests.email_user.settings",
            "tests/email_user/logins.py",
        ],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 passed" in run.stdout
