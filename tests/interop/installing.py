"""Gets the OPs from their package registries, once: what was downloaded stays in `.interop/` of the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("OIDC_RP_INTEROP_CACHE", ROOT / ".interop"))
INSTALL_SECONDS = 600


class CannotInstallError(Exception):
    """The OP is not to be had on this machine; the text says why."""


def install_npm(name: str, manifest: Path) -> Path:
    """The folder with `node_modules` for the package.json and package-lock.json in `manifest`."""
    lock = (manifest / "package-lock.json").read_bytes()
    folder = CACHE / f"{name}-{sha256(lock).hexdigest()[:16]}"
    with _unless_done(folder) as draft:
        if draft is not None:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(manifest / file, draft)
            run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", folder=draft)
    return folder


def install_maven(group: str, artifact: str, version: str) -> Path:
    """The folder into which Maven's zip of that name has been unpacked."""
    folder = CACHE / f"{artifact}-{version}"
    with _unless_done(folder) as draft:
        if draft is not None:
            zip_ = f"{group}:{artifact}:{version}:zip"
            run("mvn", "-B", "-q", "dependency:copy", f"-Dartifact={zip_}", f"-DoutputDirectory={draft}", folder=draft)
            packed = draft / f"{artifact}-{version}.zip"
            run("unzip", "-q", str(packed), "-d", str(draft), folder=draft)
            packed.unlink()
    return folder


def run(*command: str, folder: Path, env: dict[str, str] | None = None) -> str:
    """The output of an installer. Raises CannotInstallError."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except FileNotFoundError:
        raise CannotInstallError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise CannotInstallError(f"{command[0]} took more than {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise CannotInstallError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout


@contextmanager
def _unless_done(folder: Path) -> Iterator[Path | None]:
    """A folder to fill, which gets its name only when all is in it; None if that has been done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            yield None
            return
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        yield draft
        draft.rename(folder)
