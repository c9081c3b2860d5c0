"""The table of docs/interop.md: written by a run, and compared with what the next run sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"
BEGIN = "<!-- written by `make interop ARGS=--write-results`, not by hand -->\n"
END = "<!-- end of what is written by the run -->\n"
WORKS = "works"
NOT_OFFERED = "not offered"
# In a cell: that feature has not been tried with that OP.
EMPTY = ""


@dataclass
class Results:
    """Outcomes by feature and OP, an OP being named with its version. Features in the order of the run."""

    outcomes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def ops(self) -> list[str]:
        """Those with any outcome, in the order of the run."""
        return list(dict.fromkeys(op for row in self.outcomes.values() for op in row))

    def record(self, feature: str, op: str, outcome: str) -> None:
        """Note one outcome."""
        self.outcomes.setdefault(feature, {})[op] = outcome

    def differences(self, others: Results) -> Iterator[str]:
        """Where `others` do not say what these say."""
        for feature, row in self.outcomes.items():
            for op, outcome in row.items():
                said = others.outcomes.get(feature, {}).get(op, "nothing")
                if said != outcome:
                    yield f"{feature}, {op}: {outcome}, and the page says {said}"

    def laid_over(self, others: Results) -> Results:
        """These, and of `others` those of OPs that have not been run, in whatever version."""
        run = {name_of(op) for op in self.ops}
        merged = Results({feature: dict(row) for feature, row in self.outcomes.items()})
        for feature, row in others.outcomes.items():
            for op, outcome in row.items():
                if name_of(op) not in run:
                    merged.record(feature, op, outcome)
        return merged


def name_of(op: str) -> str:
    """Its name without its version."""
    return op.rpartition(" ")[0]


def render(results: Results) -> str:
    """The table as Markdown; the OPs in the order of the alphabet."""
    ops = sorted(results.ops, key=str.casefold)
    lines = ["| |" + "".join(f" {op} |" for op in ops), "|---|" + "---|" * len(ops)]
    lines += [
        f"| {feature} |" + "".join(f" {row.get(op, EMPTY)} |" for op in ops)
        for feature, row in results.outcomes.items()
    ]
    return "\n".join(lines) + "\n"


def parse(table: str) -> Results:
    """What `render` has made."""
    results = Results()
    header, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines())
    for feature, *cells in rows:
        for op, outcome in zip(header[1:], cells, strict=True):
            if outcome != EMPTY:
                results.record(feature, op, outcome)
    return results


def read_page() -> Results:
    """The results in the tree."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    table = rest.partition(END)[0].strip()
    return parse(table) if table else Results()


def write_page(results: Results) -> None:
    """Put the table in the place of the one in the tree."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{begin}\n{render(results)}\n{end}{after}")
