"""The demo's OP: django-oauth-toolkit, with what the demo adds to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pyotp

from ..installing import ROOT
from ..op import OP
from ..running import Server


class DemoOP(OP):
    key = "demo"
    product = "Demo's OP (django-oauth-toolkit)"
    version = version("django-oauth-toolkit")
    email = "alice@example.com"
    strong_acr = "mfa"

    @property
    def issuer(self) -> str:
        return f"{self.origin}/o"

    @property
    def credentials(self) -> Mapping[str, str]:
        secret = re.search(r"^alice .*TOTP secret (\w+)", (self.folder / "accounts.txt").read_text(), re.MULTILINE)
        assert secret is not None
        return {"username": "alice", "password": "alice-demo", "code": pyotp.TOTP(secret[1]).now()}

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DEMO_")}
        own = {"DJANGO_SETTINGS_MODULE": "tests.interop.demo_op.settings", "DEMO_OP_URL": self.origin}
        return {**kept, **own, "DEMO_DATA_DIR": str(self.folder)}

    @classmethod
    def install(cls) -> None:
        """It is one of the dependencies."""

    def launch(self) -> Server:
        seed = ["--seed", "seed_demo_op", str(self.folder / "accounts.txt")]
        command = [sys.executable, "-m", "demo_project.launcher.child", str(self.port), *seed]
        return Server(command, self.folder / "op.log", self.environment, ROOT)

    def register(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.interop.demo_op.register"],
            cwd=ROOT,
            env=self.environment,
            input=json.dumps(client),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        registered: dict[str, Any] = json.loads(done.stdout)
        return registered

    def rotate_keys(self) -> None:
        # It reads them when it starts, and makes a new one if there is none.
        self.stop()
        key = self.folder / "op-rsa.pem"
        key.rename(self.folder / f"old-{key.stat().st_mtime_ns}.pem")
        self.start()
