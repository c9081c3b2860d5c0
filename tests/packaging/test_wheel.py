"""The wheel holds what an installed site needs, and nothing else."""

import os
import subprocess
import sys
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from oidc_rp import __version__

ROOT = Path(__file__).parent.parent.parent

SITE = """
SECRET_KEY = "only for this test"
ROOT_URLCONF = "site_urls"
LOGIN_URL = "oidc_rp:login"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "oidc_rp.middleware.OIDCMiddleware",
]
AUTHENTICATION_BACKENDS = ["oidc_rp.backends.OIDCBackend"]
OIDC_PROVIDERS = {"default": {"ISSUER": "https://op.example", "CLIENT_ID": "site", "CLIENT_AUTH_METHOD": "none"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oidc_rp"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""

URLS = """
from django.urls import include, path

urlpatterns = [path("oidc/", include("oidc_rp.urls"))]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation: the backend is in the group "test", so that the tests need no network.
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        return HeaderParser().parsestr(archive.read(f"{dist_info()}/METADATA").decode())


def dist_info() -> str:
    return f"django_oidc_relying_party-{__version__}.dist-info"


def list_package() -> set[str]:
    paths = (path for path in (ROOT / "oidc_rp").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in paths if path.suffix != ".pyc"}


def test_wheel_is_pure_python(wheel: Path) -> None:
    assert wheel.name == f"django_oidc_relying_party-{__version__}-py3-none-any.whl"


def test_wheel_holds_only_the_package(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {"oidc_rp", dist_info()}


def test_wheel_holds_the_whole_package(names: set[str]) -> None:
    files = list_package()
    assert files >= {"oidc_rp/py.typed", "oidc_rp/migrations/0001_initial.py"}
    assert any(name.startswith("oidc_rp/templates/oidc_rp/") for name in files)
    assert names >= files


def test_wheel_holds_no_tests(names: set[str]) -> None:
    parts = {part for name in names for part in name.removesuffix(".py").split("/")}
    assert parts.isdisjoint({"tests", "conftest", "demo_project", "docs", "benchmarks", "__pycache__"})


def test_wheel_holds_the_license(names: set[str], metadata: Message) -> None:
    assert f"{dist_info()}/licenses/LICENSE" in names
    assert metadata["License-Expression"] == "BSD-3-Clause"


def test_wheel_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "django-oidc-relying-party"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"]
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_wheel_requires_only_the_runtime_dependencies(metadata: Message) -> None:
    # `cryptography` comes with pyjwt[crypto] anyway, and has its own bound because we import it.
    assert metadata.get_all("Requires-Dist") == [
        "cryptography>=43.0.0",
        "django>=5.2",
        "mozilla-django-oidc>=5.0.1",
        "pyjwt[crypto]>=2.10.0",
        "requests>=2.32.2",
    ]


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_wheel_works_in_a_site(wheel: Path, tmp_path: Path, command: str) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "site_settings.py").write_text(SITE)
    (tmp_path / "site_urls.py").write_text(URLS)
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import django.core.management as m, oidc_rp\n"
        "assert oidc_rp.__file__.startswith(sys.argv.pop(1)), oidc_rp.__file__\n"
        "m.execute_from_command_line(sys.argv)"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, tmp_path, command, "--settings", "site_settings"],
        check=True,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
    )
