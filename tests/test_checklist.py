"""Each row of the checklist of the specifications names modules and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.pages import DOCS, ROOT, read_tables

# The list of requirements has no such rows.
UNUSED_NUMBERS = {25, 54}


def read_checklist() -> list[list[str]]:
    return [cells for _, rows in read_tables(DOCS / "checklist.md") for cells in rows]


def test_checklist_has_every_row() -> None:
    numbers = [int(number) for number, *_ in read_checklist() if number.isdigit()]
    assert sorted(numbers) == sorted({*range(1, 70)} - UNUSED_NUMBERS)


@pytest.mark.parametrize("cells", read_checklist(), ids=lambda cells: cells[1][:40])
def test_checklist_row_names_what_exists(cells: list[str]) -> None:
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
