"""The tox environment "minimum" runs on exactly the lower bounds that pyproject.toml promises."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent


def read_versions(lines: list[str], operator: str) -> dict[str, Version]:
    versions: dict[str, Version] = {}
    for line in lines:
        requirement = Requirement(line)
        [specifier] = requirement.specifier
        assert specifier.operator == operator, line
        versions[canonicalize_name(requirement.name)] = Version(specifier.version)
    return versions


def test_minimum_pins_each_lower_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "tests/packaging/minimum.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert read_versions(pins, "==") == read_versions(project["dependencies"], ">=")


def test_classifiers_name_the_matrix() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    environments = (ROOT / "tox.ini").read_text()
    for classifier in classifiers:
        *parents, version = classifier.split(" :: ")
        short = version.replace(".", "")
        if parents == ["Framework", "Django"]:
            assert f"django{short}: django~={version}.0" in environments
        elif parents == ["Programming Language", "Python"]:
            assert f"py{short}-django" in environments
