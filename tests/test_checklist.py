"""Each row of the checklist of the specifications, and of what attackers get, names modules and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.pages import DOCS, ROOT, read_table, read_tables

# The list of requirements has no such rows.
UNUSED_NUMBERS = {25, 54}


# Rows that have no attacks because what they ask for is being built.
AWAITED = {27, 57, 58, 61, 62}
CHECKLIST, CONFORMANCE = DOCS / "checklist.md", DOCS / "conformance.md"


def read_rows(page: Path) -> list[list[str]]:
    return [cells for _, rows in read_tables(page) for cells in rows]


def read_numbers(rows: list[list[str]]) -> list[int]:
    """A row may have several."""
    return [int(number) for numbers, *_ in rows for number in numbers.split(", ") if number]


def test_checklist_has_every_row() -> None:
    assert sorted(read_numbers(read_rows(CHECKLIST))) == sorted({*range(1, 70)} - UNUSED_NUMBERS)


def test_every_row_that_is_done_is_attacked() -> None:
    done = set(read_numbers([cells for cells in read_rows(CHECKLIST) if cells[3]])) - AWAITED
    assert done - set(read_numbers(read_rows(CONFORMANCE))) == set(), "see docs/conformance.md, Adding a case"


def test_every_lesson_is_attacked() -> None:
    heading = "Lessons from published advisories"
    learnt, attacked = ([cells[1] for cells in read_table(page, heading)] for page in (CHECKLIST, CONFORMANCE))
    assert set(learnt) == set(attacked)


def test_every_module_of_attacks_is_in_the_tables() -> None:
    named = set(re.findall(r"`tests/conformance/(\w+)\.py", "".join(cells[3] for cells in read_rows(CONFORMANCE))))
    assert named == {path.stem for path in (ROOT / "tests" / "conformance").glob("test_*.py")}


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(cells, id=f"{page.stem}: {cells[1][:60]}")
        for page in (CHECKLIST, CONFORMANCE)
        for cells in read_rows(page)
    ],
)
def test_row_names_what_exists(cells: list[str]) -> None:
    _, requirement, where, shown_by = cells
    assert requirement
    if not where.startswith("planned"):
        assert re.search(r"`[^`]+`", where), "no module is named"
        assert re.search(r"`tests/[^`]+`", shown_by), "no test is named"
    for name in re.findall(r"`([^`]+)`", where):
        check_name_in_code(name)
    for name in re.findall(r"`(tests/[^`]+)`", shown_by):
        check_test(name)


def check_name_in_code(name: str) -> None:
    """`package.module` or `package.module.name`, below oidc_rp."""
    base = ROOT / "oidc_rp" / name.replace(".", "/")
    if base.with_suffix(".py").exists():
        return
    module, _, attribute = name.rpartition(".")
    path = ROOT / "oidc_rp" / f"{module.replace('.', '/')}.py"
    assert path.exists(), f"{name}: no such module"
    assert attribute in find_names(path), f"{name}: not in {path.name}"


def check_test(name: str) -> None:
    """`tests/test_x.py` or `tests/test_x.py::test_name`."""
    file, _, function = name.partition("::")
    assert (ROOT / file).exists(), f"{file} does not exist"
    if function:
        assert function in find_names(ROOT / file), f"{function} is not in {file}"


def find_names(path: Path) -> set[str]:
    """The functions and classes of a module, with their methods."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}
