"""`manage.py demo`."""

import os
import re
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo_project.launcher.plan import DemoError, Part, build_plan, check_ports
from demo_project.launcher.supervisor import Supervisor

# A line that seed_demo_op prints about a user.
ACCOUNT = re.compile(r"^(?P<user>\S+) / (?P<password>\S+)\s+TOTP secret (?P<totp>\S+)", re.MULTILINE)


class Command(BaseCommand):
    help = "Runs the demo: an OpenID Provider and two sites, each a process of its own. Ctrl-C ends it."
    # It is not this process that serves.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--base-port",
            type=int,
            default=8000,
            metavar="PORT",
            help="the OP's port; the sites take the next two (default: 8000)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="oidc-demo-") as folder:
            parts = build_plan(options["base_port"], Path(folder), os.environ)
            try:
                check_ports(parts)
                Supervisor(parts, self.say).run(ready=lambda: self.say(describe(parts)))
            except DemoError as error:
                raise CommandError(str(error)) from None
        self.say("\nThe demo has ended. Nothing is left of it.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        # Whoever reads along from a pipe wants to know at once, too.
        self.stdout.flush()


def describe(parts: list[Part]) -> str:
    """What one needs to know to use the demo."""
    op = parts[0]
    rows: list[tuple[str, ...]] = [("", "URL", ""), *((part.name, part.url, part.purpose) for part in parts)]
    people: list[tuple[str, ...]] = [("User", "Password", "TOTP secret")]
    if op.seed:
        people += [match.group("user", "password", "totp") for match in ACCOUNT.finditer(op.seed[1].read_text())]
    return (
        f"\n{_table(rows)}\n\n{_table(people)}\n\n"
        f"The OP shows the current TOTP codes at {op.url}/authenticator/\n"
        "Ctrl-C ends the demo and removes its files.\n"
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in lines)
