"""The mutants of a module: its source with one small change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import OPERATORS_TYPE, mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

# What an error says to people: no test pins its wording, so its letters are left alone.
_PROSE = re.compile(r"\w \w")
_NOTHING_IGNORED = IgnoredCode(set(), set(), set())


@dataclass(frozen=True)
class Mutant:
    """One change. `before` and `after` are the changed lines, joined: with the path they name it for good."""

    path: str
    line: int
    before: str
    after: str
    source: str = field(repr=False)


class _Visitor(MutationVisitor):
    """mutmut's choice of places, and decorated functions too: no copy of the function is made here."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            return False
        if isinstance(node, cst.SimpleString) and _PROSE.search(node.value):
            return True
        return super()._skip_node_and_children(node)


def _remove_call(node: cst.Expr) -> Iterator[cst.Pass]:
    """A check that is not made: mutmut has no operator for it."""
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def _remove_raise(node: cst.Raise) -> Iterator[cst.Pass]:
    """A check whose outcome is not acted on."""
    yield cst.Pass()


_OPERATORS: OPERATORS_TYPE = [*mutation_operators, (cst.Expr, _remove_call), (cst.Raise, _remove_raise)]


def make_mutants(path: Path, name: str) -> list[Mutant]:
    """Every mutant of the module at `path`, in the order of its lines; `name` is what they call the file."""
    code = path.read_text()
    wrapper = MetadataWrapper(cst.parse_module(code))
    visitor = _Visitor(_OPERATORS, _NOTHING_IGNORED)
    wrapper.visit(visitor)
    positions = wrapper.resolve(PositionProvider)
    mutants: dict[str, Mutant] = {}
    for mutation in visitor.mutations:
        changed = wrapper.module.deep_replace(mutation.original_node, mutation.mutated_node)
        assert isinstance(changed, cst.Module)
        before, after = _differing_lines(code, changed.code)
        line = positions[mutation.original_node].start.line
        # Two operators may come to the same.
        mutants.setdefault(changed.code, Mutant(name, line, before, after, changed.code))
    mutants.pop(code, None)
    return sorted(mutants.values(), key=lambda mutant: mutant.line)


def _differing_lines(before: str, after: str) -> tuple[str, str]:
    old, new = before.splitlines(), after.splitlines()
    start = _count_equal(old, new)
    end = min(_count_equal(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    return _join(old[start : len(old) - end]), _join(new[start : len(new) - end])


def _count_equal(one: list[str], other: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _join(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)
