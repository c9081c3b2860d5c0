"""The reasons for survivors are about lines that are there; whether those survive, only a run can say."""

from __future__ import annotations

import json
import tomllib

from tests.support.pages import ROOT

FOLDER = ROOT / "tests" / "mutants"
ENTRIES = tomllib.loads((FOLDER / "survivors.toml").read_text())["survivor"]


def squeeze(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())


def test_each_reason_is_about_code_that_is_there() -> None:
    gone = [entry["before"] for entry in ENTRIES if entry["before"] not in squeeze((ROOT / entry["path"]).read_text())]
    assert gone == []


def test_each_reason_says_something() -> None:
    assert all(len(entry["reason"]) > 10 and entry["after"] for entry in ENTRIES)


def test_each_survivor_has_a_reason_and_each_reason_a_survivor() -> None:
    results = json.loads((FOLDER / "results.json").read_text())
    survivors = {(path, it["before"], it["after"]) for path, result in results.items() for it in result["survivors"]}
    assert {(entry["path"], entry["before"], after) for entry in ENTRIES for after in entry["after"]} == survivors
