"""The table of docs/interop.md, as text and as results."""

from __future__ import annotations

from .results import Results, parse, read_page, render

PAGE = Results({"Login": {"Old OP 1.0": "works", "Other 2": "works"}, "Logout": {"Other 2": "fails: it forgets"}})


def test_table_is_read_as_it_was_written() -> None:
    assert parse(render(PAGE)) == PAGE


def test_page_is_as_the_run_would_write_it() -> None:
    assert render(read_page()).count("\n") == len(read_page().outcomes) + 2


def test_outcome_that_changes_is_a_difference() -> None:
    seen = Results({"Login": {"Other 2": "not offered"}})
    assert list(seen.differences(PAGE)) == ["Login, Other 2: not offered, and the page says works"]


def test_version_that_changes_is_a_difference() -> None:
    seen = Results({"Login": {"Other 3": "works"}})
    assert list(seen.differences(PAGE)) == ["Login, Other 3: works, and the page says nothing"]


def test_run_takes_the_place_of_the_same_op_in_another_version() -> None:
    seen = Results({"Login": {"Other 3": "works"}})
    assert seen.laid_over(PAGE) == Results({"Login": {"Other 3": "works", "Old OP 1.0": "works"}})
