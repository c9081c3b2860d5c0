"""Reading the pages of the documentation: code blocks and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_blocks(page: Path, language: str) -> list[str]:
    return [code for found, code in FENCE.findall(page.read_text()) if found == language]


def read_tables(page: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Each table of a page, with the heading above it: its rows as cells, without the head."""
    heading, rows = "", []
    for line in [*page.read_text().splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
            continue
        if rows:
            yield heading, rows[2:]
            rows = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def read_table(page: Path, heading: str) -> list[list[str]]:
    [rows] = [rows for found, rows in read_tables(page) if found == heading]
    return rows


def read_code(cell: str) -> str:
    """The text of a cell that is one piece of code."""
    match = re.fullmatch(r"`([^`]+)`", cell)
    assert match, f"{cell!r} is not `code`"
    return match[1]
