"""The results, the page that shows them, and the reasons for which survivors are left alive.

A run replaces the results of the files that it was of. The others keep theirs, with the
version that they are of.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .mutating import Mutant
from .running import Verdict

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
REASONS = FOLDER / "survivors.toml"
Name = tuple[str, str, str]
"""A mutant's path, and its lines before and after."""

HEAD = """\
# Mutants

Written by `make mutants`; what it does is told in [Contributing](contributing.md#mutants).

A mutant is a module with one small change. It is killed by a test of the module that fails, by a type that does
not fit, or by taking far too long. Of {total} mutants, {score:.1f} % are killed.

| Module | Version | Mutants | By tests | By types | By time | Survived | Killed |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Survivor:
    """A mutant that nothing has killed."""

    line: int
    before: str
    after: str


@dataclass(frozen=True)
class Result:
    """What became of the mutants of one file, at `version` of the whole tree."""

    version: str
    counts: Mapping[str, int]
    survivors: tuple[Survivor, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def summarize(version: str, verdicts: Mapping[Mutant, Verdict], earlier: Result | None = None) -> Result:
    """The result of a file; of `earlier`, with what has become of its survivors, if only those were run again."""
    alive = [mutant for mutant, verdict in verdicts.items() if verdict is Verdict.SURVIVED]
    survivors = sorted((Survivor(it.line, it.before, it.after) for it in alive), key=lambda it: (it.line, it.after))
    counts = Counter(verdict.value for verdict in verdicts.values())
    if earlier is not None:
        counts.update({**earlier.counts, Verdict.SURVIVED.value: 0})
    return Result(version, {verdict.value: counts[verdict.value] for verdict in Verdict}, tuple(survivors))


def read_results() -> dict[str, Result]:
    if not RESULTS.exists():
        return {}
    results = json.loads(RESULTS.read_text())
    return {
        path: Result(**{**result, "survivors": tuple(Survivor(**survivor) for survivor in result["survivors"])})
        for path, result in results.items()
    }


def write_results(results: Mapping[str, Result]) -> None:
    text = json.dumps({path: asdict(result) for path, result in sorted(results.items())}, indent=1, ensure_ascii=False)
    RESULTS.write_text(f"{text}\n")


def read_reasons() -> dict[Name, str]:
    """Why survivors are left alive: each entry of the file has a reason and one or more mutants of one line."""
    entries = tomllib.loads(REASONS.read_text())["survivor"]
    return {(entry["path"], entry["before"], after): entry["reason"] for entry in entries for after in entry["after"]}


def find_faults(results: Mapping[str, Result], reasons: Mapping[Name, str]) -> list[str]:
    """Survivors without a reason, and reasons for what has not survived."""
    names = [(path, it.before, it.after) for path, result in results.items() for it in result.survivors]
    return [
        *(" | ".join(["no reason", *name]) for name in names if name not in reasons),
        *(" | ".join(["stale reason", *name]) for name in reasons if name[0] in results and name not in names),
    ]


def compute_score(results: Mapping[str, Result]) -> float:
    """The killed among all, in per cent."""
    total = sum(result.total for result in results.values())
    return 100 * (1 - sum(len(result.survivors) for result in results.values()) / total)


def write_page(page: Path, results: Mapping[str, Result], reasons: Mapping[Name, str], missing: Sequence[str]) -> None:
    """Write the page; `missing` are files that no run has been of."""
    text = HEAD.format(total=sum(result.total for result in results.values()), score=compute_score(results))
    for path, result in sorted(results.items()):
        counts = " | ".join(str(result.counts[verdict.value]) for verdict in Verdict)
        score = compute_score({path: result})
        text += f"| `{path}` | {result.version} | {result.total} | {counts} | {score:.1f} % |\n"
    if missing:
        text += f"\nNo run has been of {', '.join(f'`{path}`' for path in missing)} yet.\n"
    text += "\n## Survivors\n\nWith the reason for which each is left alive.\n"
    for path, result in sorted(results.items()):
        if result.survivors:
            text += f"\n### {path}\n\n"
        for it in result.survivors:
            reason = reasons.get((path, it.before, it.after), "**No reason yet.**")
            text += f"- Line {it.line}: `` {it.before} `` → `` {it.after} ``. {reason}\n"
    names = {(path, it.before, it.after) for path, result in results.items() for it in result.survivors}
    stale = [name for name in reasons if name not in names]
    if stale:
        text += "\n## Stale reasons\n\nFor mutants that do not survive, or are none any more.\n\n"
        text += "".join(f"- `{path}`: `` {before} `` → `` {after} ``\n" for path, before, after in stale)
    page.write_text(text)
