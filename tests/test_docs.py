"""The documentation says what the code does: settings, attributes, URLs, error codes and code blocks are compared."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from oidc_rp.claims_mapping import find_faults
from oidc_rp.conf import DEFAULTS
from oidc_rp.details import OIDCDetails
from oidc_rp.protocol import errors
from oidc_rp.provider.config import ProviderConfig, inspect_config
from oidc_rp.provider.options import OPTIONS
from oidc_rp.responses import get_status
from oidc_rp.urls import urlpatterns
from tests.support.pages import DOCS, PAGES, ROOT, read_blocks, read_code, read_table, read_tables


def normalize(value: object) -> object:
    return sorted(value) if isinstance(value, list | tuple | set | frozenset) else value


# ---- settings


def read_config_defaults() -> dict[str, object]:
    defaults = {}
    for item in fields(ProviderConfig):
        if item.default_factory is not MISSING:
            defaults[item.name.upper()] = item.default_factory()
        elif item.default is not MISSING:
            defaults[item.name.upper()] = item.default
    return defaults


def test_settings_page_has_every_option_with_its_default() -> None:
    documented = {
        read_code(option): "required" if default == "required" else normalize(ast.literal_eval(read_code(default)))
        for option, _, default, _ in read_table(DOCS / "settings.md", "Options of a provider")
    }
    defaults = read_config_defaults()
    assert documented == {option: normalize(defaults.get(option, "required")) for option in OPTIONS}


def test_settings_page_has_the_options_in_the_order_of_the_code() -> None:
    rows = read_table(DOCS / "settings.md", "Options of a provider")
    assert [read_code(option) for option, *_ in rows] == list(OPTIONS)


def test_settings_page_has_every_flat_setting_with_its_default() -> None:
    documented = {
        read_code(name): ast.literal_eval(read_code(default))
        for name, _, default, _ in read_table(DOCS / "settings.md", "Flat settings")
    }
    assert documented == dict(DEFAULTS)


# ---- request.oidc


def test_login_page_has_every_attribute_of_the_details() -> None:
    rows = read_table(DOCS / "login.md", "request.oidc")
    documented = {name.removesuffix("()") for names, *_ in rows for name in re.findall(r"`([^`]+)`", names)}
    assert documented == {name for name in vars(OIDCDetails) if not name.startswith("_")}


def test_login_page_has_every_url() -> None:
    rows = read_table(DOCS / "login.md", "URLs")
    documented = {(read_code(name), path) for name, paths, *_ in rows for path in re.findall(r"`([^`]+)`", paths)}
    assert documented == {(item.name, str(item.pattern).replace("<str:", "<")) for item in urlpatterns}


# ---- errors


def find_error_codes() -> dict[str, set[str]]:
    """Every code that the package's source gives to an error, and the classes that get it."""
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "oidc_rp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                for code in find_class_codes(node):
                    codes[code].add(node.name)
            elif isinstance(node, ast.Call):
                for code, name in find_call_codes(node):
                    codes[code].add(name)
    return dict(codes)


def find_class_codes(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "code":
            yield ast.literal_eval(statement.value)


def find_call_codes(node: ast.Call) -> Iterator[tuple[str, str]]:
    called = ast.unparse(node.func).rpartition(".")[2]
    texts = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
    for keyword in node.keywords:
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str):
            yield keyword.value.value, called
    # The ways in which the code is not written out.
    if called == "ClaimError" and isinstance(texts[0], str):
        yield f"token_{texts[0]}", "ClaimError"
    elif called in {"get_time", "_get_string"} and isinstance(texts[1], str):
        yield f"token_{texts[1]}", "ClaimError"
    elif called == "RequirementError" and isinstance(texts[0], str):
        yield f"{texts[0]}_not_met", "RequirementError"
    elif called == "_unavailable" and isinstance(texts[2], str):
        yield texts[2], "OPUnavailableError"


def read_documented_codes() -> dict[str, str]:
    return {
        read_code(cells[0]): cells[1]
        for heading, rows in read_tables(DOCS / "errors.md")
        if heading not in {"Errors", "Warnings without an error page"}
        for cells in rows
    }


def read_codes_of_classes() -> set[str]:
    section = (DOCS / "errors.md").read_text().partition("## Codes of whole classes\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`(\w+)`", section))


def test_errors_page_has_every_code() -> None:
    assert {*read_documented_codes(), *read_codes_of_classes()} == {*find_error_codes()}


def test_errors_page_has_the_status_of_every_code() -> None:
    classes = find_error_codes()
    wrong = {}
    for code, status in read_documented_codes().items():
        for name in classes[code]:
            error_class = getattr(errors, name, None)
            if error_class is None or error_class is errors.OPError:
                continue  # OPError's depends on what the OP says
            error = error_class.__new__(error_class)
            if str(get_status(error)) != status:
                wrong[code] = (name, get_status(error))
    assert wrong == {}


# ---- code blocks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_are_python(page: Path) -> None:
    for code in read_blocks(page, "python"):
        ast.parse(code)


class Stand(ast.NodeTransformer):
    """Replaces what is not a literal, such as os.environ["X"], by a string."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Constant("stand-in")

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Constant("stand-in")


def find_assigned(name: str) -> list[Any]:
    """The values that blocks of any page assign to a setting, as test parameters."""
    found: list[Any] = []
    for page in PAGES:
        for code in read_blocks(page, "python"):
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).rpartition(".")[2] == name:
                    value = ast.literal_eval(Stand().visit(node.value))
                    found.append(pytest.param(value, id=f"{page.name}-{len(found)}"))
    return found


PROVIDERS = find_assigned("OIDC_PROVIDERS")
MAPPINGS = find_assigned("CLAIMS_MAPPING")


def test_blocks_are_found() -> None:
    assert len(PROVIDERS) >= 10
    assert len(MAPPINGS) >= 1


@pytest.mark.parametrize("configured", PROVIDERS)
def test_provider_blocks_have_no_problem(configured: Mapping[str, Any]) -> None:
    for alias, settings in configured.items():
        config, problems = inspect_config(alias, settings)
        assert problems == []
        assert config is not None
        assert find_faults(config.claims_mapping or {}, User) == []


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_mapping_blocks_have_no_fault(mapping: Mapping[str, Any]) -> None:
    assert find_faults(mapping, User) == []


# ---- links outside docs/, which mkdocs does not see


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (ROOT / target).exists()] == []


# ---- the quickstart

SITE = """
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
ALLOWED_HOSTS = ["my-site.example"]
OIDC_PROVIDERS["default"]["METADATA"] = {
    "authorization_endpoint": "https://op.example/authorize",
    "token_endpoint": "https://op.example/token",
    "jwks_uri": "https://op.example/jwks",
}
"""
VISIT = """
import django
django.setup()
from django.test import Client
response = Client(headers={"host": "my-site.example"}).get("/oidc/login/", secure=True)
print(response.status_code, response["Location"])
"""


def test_readme_quickstart_is_short() -> None:
    lines = [line for code in read_blocks(ROOT / "README.md", "python") for line in code.splitlines() if line]
    assert len(lines) <= 25


def test_quickstart_page_has_the_blocks_of_the_readme() -> None:
    readme = read_blocks(ROOT / "README.md", "python")
    assert read_blocks(DOCS / "quickstart.md", "python")[: len(readme)] == readme


def test_readme_quickstart_works(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the client secret\n")
    settings, urls = read_blocks(ROOT / "README.md", "python")
    call_command("startproject", "my_site", tmp_path)
    with (tmp_path / "my_site" / "settings.py").open("a") as file:
        file.write(settings.replace("/run/secrets/oidc", str(secret)) + SITE)
    with (tmp_path / "my_site" / "urls.py").open("a") as file:
        file.write(urls)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=tmp_path,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "my_site.settings", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("manage.py", "check", "--fail-level", "WARNING")
    run("manage.py", "migrate", "--verbosity", "0")
    status, location = run("-c", VISIT).split()
    assert status == "302"
    assert location.startswith("https://op.example/authorize?response_type=code&client_id=my-site&")
    assert "redirect_uri=https%3A%2F%2Fmy-site.example%2Foidc%2Fcallback%2Fdefault%2F" in location
    assert "code_challenge_method=S256" in location
