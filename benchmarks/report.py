"""The results as a table, for a terminal and for RESULTS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from cryptography.hazmat.backends.openssl.backend import backend

from .common import Row

HEADINGS = ("what", "measured", "against", "ratio", "target", "met")
PACKAGES = (
    "django",
    "mozilla-django-oidc",
    "django-pyoidc",
    "django-lasuite",
    "django-oauth2-authcodeflow",
    "pyjwt",
    "cryptography",
    "requests",
)


def render_table(rows: Sequence[Row]) -> str:
    """The rows under their headings, in columns, as Markdown."""
    lines = [HEADINGS, *(_render(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = ["-" * width if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(
        "| " + " | ".join(_pad(cell, widths[column], column) for column, cell in enumerate(line)) + " |"
        for line in (lines[0], rule, *lines[1:])
    )


def describe_run(command: str) -> str:
    """When, with what and on what this run was made."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, on {platform.system()} {platform.machine()} with "
        f"{os.cpu_count()} cores and a load of {os.getloadavg()[1]:.1f}.\n"
        f"{platform.python_implementation()} {platform.python_version()}, {versions}, {backend.openssl_version_text()}."
    )


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _render(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        _render_value(row.value, row.unit),
        _render_value(row.baseline, row.unit),
        "" if row.ratio is None else f"{row.ratio:.3f}x",
        _render_target(row),
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def _render_value(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:g}"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def _render_target(row: Row) -> str:
    if row.max_ratio is not None:
        return f"<= {row.max_ratio:g}x"
    return "" if row.at_most is None else f"<= {_render_value(row.at_most, row.unit)}"
