"""Imports go down only: the floors of docs/architecture.md, read from the source and not from what runs."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "oidc_rp"
TREE = Path(__file__).parent.parent / PACKAGE

# Floor 0 is oidc_rp/__init__.py: Python runs it before any other module, so it may need none.
ROOT, PROTOCOL, PROVIDER, FLOWS, DJANGO, CONTRIB = range(6)
FLOORS = {
    "protocol": PROTOCOL,
    "provider": PROVIDER,
    "flows": FLOWS,
    "management": DJANGO,
    "migrations": DJANGO,
    "templatetags": DJANGO,
    "contrib": CONTRIB,
}
# What may be imported from outside. Contrib is for optional packages, so any.
THIRD_PARTY = {
    ROOT: set(),
    PROTOCOL: {"cryptography", "jwt"},
    PROVIDER: {"cryptography", "jwt", "requests"},
    FLOWS: set(),
    DJANGO: {"asgiref", "cryptography", "django", "jwt", "mozilla_django_oidc", "requests"},
}


@dataclass(frozen=True)
class Import:
    """One imported name: the module that it is in, or the module that it is."""

    target: str
    line: int
    in_function: bool
    for_typing: bool


class ImportCollector(ast.NodeVisitor):
    """The imports of one module, with where they stand."""

    def __init__(self, package: str, modules: set[str]) -> None:
        self.package = package
        self.modules = modules
        self.imports: list[Import] = []
        self.in_function = False
        self.for_typing = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parents = self.package.split(".")
            above = parents[: len(parents) - node.level + 1]
            base = ".".join([*above, base]).rstrip(".")
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            self.add(submodule if submodule in self.modules else base, node)

    def add(self, target: str, node: ast.stmt) -> None:
        self.imports.append(Import(target, node.lineno, self.in_function, self.for_typing))

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self.generic_visit(node)
            return
        self.for_typing = True
        for statement in node.body:
            self.visit(statement)
        self.for_typing = False
        for statement in node.orelse:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.enter_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.enter_function(node)

    def enter_function(self, node: ast.AST) -> None:
        outside, self.in_function = self.in_function, True
        self.generic_visit(node)
        self.in_function = outside


def find_modules(tree: Path) -> dict[str, Path]:
    """The dotted name of each module of the package, and its file."""
    modules = {}
    for path in sorted(tree.rglob("*.py")):
        parts = path.relative_to(tree.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def find_floor(module: str) -> int | None:
    """The floor that a module stands on; None for a folder that the architecture does not know."""
    if module == PACKAGE:
        return ROOT
    folder = module.split(".")[1]
    return FLOORS.get(folder, DJANGO if module.count(".") == 1 else None)


def read_imports(modules: dict[str, Path]) -> dict[str, list[Import]]:
    """The imports of each module."""
    found = {}
    for module, path in modules.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        collector = ImportCollector(package, set(modules))
        collector.visit(ast.parse(path.read_text(), filename=str(path)))
        found[module] = collector.imports
    return found


def find_violations(tree: Path) -> list[str]:
    """Everything in the package that breaks the rules, a line each; an empty list is what we want."""
    modules = find_modules(tree)
    imports = read_imports(modules)
    violations = [violation for module in modules for violation in check_module(module, imports[module])]
    return [*violations, *check_cycles(imports)]


def check_module(module: str, imports: list[Import]) -> Iterator[str]:
    """Where the imports of one module go to, and where they stand."""
    floor = find_floor(module)
    if floor is None:
        yield f"{module}: belongs to no floor"
        return
    for item in imports:
        at = f"{module}:{item.line}"
        if item.in_function:
            yield f"{at}: import of {item.target} inside a function"
        top = item.target.partition(".")[0]
        if top == PACKAGE:
            target_floor = find_floor(item.target)
            if target_floor is not None and target_floor > floor:
                yield f"{at}: upward import of {item.target}"
        elif floor != CONTRIB and top not in sys.stdlib_module_names and top not in THIRD_PARTY[floor]:
            yield f"{at}: third-party import of {top}"


def check_cycles(imports: dict[str, list[Import]]) -> Iterator[str]:
    """A cycle of the imports that happen at run time."""
    graph = {
        module: {item.target for item in items if item.target in imports and not item.for_typing}
        for module, items in imports.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # the sorter lists the imported module first and begins anywhere
        *cycle, _ = reversed(error.args[1])
        first = cycle.index(min(cycle))
        yield f"import cycle: {' -> '.join([*cycle[first:], *cycle[:first], cycle[first]])}"


def test_package_keeps_to_its_layers() -> None:
    assert find_modules(TREE).keys() >= {"oidc_rp", "oidc_rp.protocol", "oidc_rp.provider", "oidc_rp.flows"}
    assert find_violations(TREE) == []


GOOD = {
    "__init__.py": '__version__ = "1"',
    "protocol/__init__.py": "from .errors import OIDCError",
    "protocol/errors.py": "import json, jwt\nfrom cryptography import hazmat\nclass OIDCError: ...",
    "provider/__init__.py": "",
    "provider/http.py": "import requests\nimport oidc_rp\nfrom oidc_rp.protocol import errors",
    "flows/__init__.py": "",
    "flows/login.py": "from ..protocol.errors import OIDCError\nfrom ..provider import http",
    "apps.py": "import django\nfrom mozilla_django_oidc import auth\nfrom .flows import login",
    "management/commands/doctor.py": "from django.core import management\nfrom oidc_rp import apps",
    "migrations/0001_initial.py": "from django.db import migrations",
    "contrib/drf.py": "import rest_framework\nfrom oidc_rp.apps import login",
}


def build_tree(root: Path, changes: dict[str, str]) -> Path:
    tree = root / PACKAGE
    for name, source in {**GOOD, **changes}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tree


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="good_tree"),
        pytest.param(
            {
                "flows/login.py": "if TYPE_CHECKING:\n from . import logout",
                "flows/logout.py": "from . import login",
            },
            id="cycle_of_annotations_only",
        ),
        pytest.param(
            {"flows/login.py": "if True:\n import json\ntry:\n import zlib\nexcept ImportError: pass"},
            id="conditional_import_of_the_module",
        ),
    ],
)
def test_checker_accepts(tmp_path: Path, changes: dict[str, str]) -> None:
    assert find_violations(build_tree(tmp_path, changes)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"protocol/a.py": "from .b import x", "protocol/b.py": "import oidc_rp.protocol.a"},
            "import cycle: oidc_rp.protocol.a -> oidc_rp.protocol.b -> oidc_rp.protocol.a",
            id="cycle",
        ),
        pytest.param(
            {"protocol/errors.py": "from . import OIDCError"},
            "import cycle: oidc_rp.protocol -> oidc_rp.protocol.errors -> oidc_rp.protocol",
            id="cycle_with_its_package",
        ),
        pytest.param(
            {"flows/login.py": "from . import logout", "flows/logout.py": "if 1:\n from . import login"},
            "import cycle: oidc_rp.flows.login -> oidc_rp.flows.logout -> oidc_rp.flows.login",
            id="cycle_by_a_conditional_import",
        ),
        pytest.param(
            {"protocol/a.py": "from ..provider import http"},
            "oidc_rp.protocol.a:1: upward import of oidc_rp.provider.http",
            id="protocol_to_provider",
        ),
        pytest.param(
            {"protocol/a.py": "from ..provider.http import name"},
            "oidc_rp.protocol.a:1: upward import of oidc_rp.provider.http",
            id="protocol_to_a_name_in_provider",
        ),
        pytest.param(
            {"provider/a.py": "import oidc_rp.flows.login"},
            "oidc_rp.provider.a:1: upward import of oidc_rp.flows.login",
            id="provider_to_flows",
        ),
        pytest.param(
            {"flows/a.py": "\nfrom oidc_rp.apps import OIDCRelyingPartyConfig"},
            "oidc_rp.flows.a:2: upward import of oidc_rp.apps",
            id="flows_to_django",
        ),
        pytest.param(
            {"views.py": "from .contrib import drf"},
            "oidc_rp.views:1: upward import of oidc_rp.contrib.drf",
            id="django_to_contrib",
        ),
        pytest.param(
            {"__init__.py": "from .protocol import errors"},
            "oidc_rp:1: upward import of oidc_rp.protocol.errors",
            id="package_init_to_protocol",
        ),
        pytest.param(
            {"flows/a.py": "import typing\nif typing.TYPE_CHECKING:\n from oidc_rp import apps"},
            "oidc_rp.flows.a:3: upward import of oidc_rp.apps",
            id="upward_for_annotations_only",
        ),
        pytest.param(
            {"protocol/a.py": "from django.utils import timezone"},
            "oidc_rp.protocol.a:1: third-party import of django",
            id="django_in_protocol",
        ),
        pytest.param(
            {"provider/a.py": "import django.conf"},
            "oidc_rp.provider.a:1: third-party import of django",
            id="django_in_provider",
        ),
        pytest.param(
            {"flows/a.py": "from django.conf import settings"},
            "oidc_rp.flows.a:1: third-party import of django",
            id="django_in_flows",
        ),
        pytest.param(
            {"protocol/a.py": "import requests"},
            "oidc_rp.protocol.a:1: third-party import of requests",
            id="requests_in_protocol",
        ),
        pytest.param(
            {"provider/a.py": "from urllib3.util import Timeout"},
            "oidc_rp.provider.a:1: third-party import of urllib3",
            id="undeclared_dependency_in_provider",
        ),
        pytest.param(
            {"flows/a.py": "import jwt"},
            "oidc_rp.flows.a:1: third-party import of jwt",
            id="jwt_in_flows",
        ),
        pytest.param(
            {"views.py": "import rest_framework"},
            "oidc_rp.views:1: third-party import of rest_framework",
            id="optional_package_outside_contrib",
        ),
        pytest.param(
            {"views.py": "class View:\n async def get(self):\n  if self:\n   from . import apps"},
            "oidc_rp.views:4: import of oidc_rp.apps inside a function",
            id="import_inside_a_function",
        ),
        pytest.param(
            {"utils/text.py": ""},
            "oidc_rp.utils.text: belongs to no floor",
            id="folder_that_is_no_floor",
        ),
    ],
)
def test_checker_reports(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    assert find_violations(build_tree(tmp_path, changes)) == [expected]
