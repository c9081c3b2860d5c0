"""Each input of the corpus comes through, so that what a fuzzer has found once stays found."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import CORPUS
from .targets import TARGETS

INPUTS = sorted(CORPUS.rglob("*.*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_input_ends_in_a_value_or_a_typed_error(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in INPUTS} == TARGETS.keys()
