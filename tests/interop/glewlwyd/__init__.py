"""Glewlwyd, from Debian, with SQLite. It is configured over its API, which its login page is a script for too."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from ..browser import Browser, Page
from ..installing import CannotInstallError, run
from ..op import OP, Failure
from ..running import Server

HERE = Path(__file__).parent
SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
ADMIN = {"username": "admin", "password": "password"}
ALICE = {"username": "alice", "password": "alice-demo"}
SCOPES = ["openid", "profile", "email"]
PLUGIN = "mod/plugin/oidc"


class Glewlwyd(OP):
    key = "glewlwyd"
    product = "Glewlwyd"
    version = "2.7.5"
    credentials = ALICE
    email = "alice@example.com"
    service_scopes = ("profile",)
    # As in plugin.json.
    resource = "https://api.example/"
    fails = {
        "Login, `private_key_jwt`": Failure(
            "op_status", "takes a client assertion only with the token endpoint as its audience"
        ),
        "ID token signed with EdDSA": Failure("token_at_hash", "`at_hash` is made with SHA-256, not SHA-512"),
        "`response_mode=form_post`": Failure(
            "iss_mismatch", "the form's values are percent-encoded, so that `iss` is another"
        ),
        "Silent login (`prompt=none`)": Failure("id_token mandatory", "`invalid_request` without an `id_token_hint`"),
        "`max_age`": Failure("max_age_not_met", "`auth_time` is 0"),
        "Reuse of a refresh token ends the session": Failure(
            "op_status", "a refused refresh token is answered without an error code"
        ),
    }
    unadvertised = frozenset(
        {"none", "refresh_token", "client_credentials", "backchannel_logout_supported", "frontchannel_logout_supported"}
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keys: list[dict[str, Any]] = []
        self.administrator = Browser()

    @property
    def api(self) -> str:
        return f"{self.origin}/api"

    @property
    def issuer(self) -> str:
        return f"{self.api}/oidc"

    @classmethod
    def install(cls) -> None:
        """Debian's package manager installs servers; a test run should not."""
        if shutil.which("glewlwyd") is None:
            raise CannotInstallError("it is not there; on Debian: apt-get install glewlwyd")
        installed = run("glewlwyd", "--version", folder=HERE).strip()
        if installed != cls.version:
            raise CannotInstallError(f"{installed} is installed, not {cls.version}")

    def launch(self) -> Server:
        configuration = self.folder / "glewlwyd.conf"
        template = Template((HERE / "glewlwyd.conf").read_text())
        configuration.write_text(template.safe_substitute(PORT=self.port, FOLDER=self.folder))
        command = ["glewlwyd", f"--config-file={configuration}"]
        return Server(command, self.folder / "op.log", os.environ, self.folder)

    def start(self) -> None:
        is_new = self.server is None
        if is_new:
            with sqlite3.connect(self.folder / "database.sqlite3") as database:
                database.executescript(SCHEMA.read_text())
        self.server = self.launch()
        self.server.wait_for(f"{self.origin}/login.html")
        if is_new:
            self.configure()

    def configure(self) -> None:
        self.call(self.administrator, "POST", "auth/", ADMIN)
        clients = self.call(self.administrator, "GET", "mod/client/database")
        # Only these properties of a client are kept.
        clients["parameters"]["data-format"] |= {
            "sign_kid": {"multiple": False, "read": True, "write": True},
            "post_logout_redirect_uris": {"multiple": True, "read": True, "write": True},
        }
        self.call(self.administrator, "PUT", "mod/client/database", clients)
        self.call(self.administrator, "PUT", "mod/client/database/reset")
        self.keys = make_keys()
        self.call(self.administrator, "POST", "mod/plugin/", self.plugin)
        for scope in SCOPES:
            described = {"name": scope, "display_name": scope, "password_required": scope == "openid", "scheme": {}}
            if scope == "openid":
                self.call(self.administrator, "PUT", "scope/openid", described)
            else:
                self.call(self.administrator, "POST", "scope/", described)
        alice = {**ALICE, "name": "Alice Anderson", "email": self.email, "scope": [*SCOPES, "g_profile"]}
        self.call(self.administrator, "POST", "user/", alice)

    @property
    def plugin(self) -> Mapping[str, Any]:
        own = {"iss": self.issuer, "jwks-private": json.dumps({"keys": self.keys})}
        parameters = {**json.loads((HERE / "plugin.json").read_text()), **own}
        return {"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": parameters}

    def register(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        """Over the API for administrators, because registration takes no redirect URI on 127.0.0.2."""
        method = client["token_endpoint_auth_method"]
        alg = client.get("id_token_signed_response_alg", "RS256")
        properties = {
            "name": client["client_name"],
            "redirect_uri": client["redirect_uris"],
            "authorization_type": ["code", *set(client["grant_types"]) - {"authorization_code"}],
            "token_endpoint_auth_method": [method],
            "confidential": method != "none",
            "sign_kid": next(key["kid"] for key in self.keys if key["alg"] == alg) if alg != "RS256" else "",
            "scope": SCOPES,
            **{name: value for name, value in client.items() if "logout" in name and name.endswith(("uri", "uris"))},
            **{name: "true" for name in client if name.endswith("session_required")},
            **({"jwks": client["jwks"]} if "jwks" in client else {}),
        }
        own = {"client_id": secrets.token_hex(8)} | (
            {"client_secret": secrets.token_hex(32)} if method != "none" else {}
        )
        self.call(self.administrator, "POST", "client/", properties | own)
        return own

    def rotate_keys(self) -> None:
        # One more, and not one for each algorithm: there is room for 16 kB.
        self.keys = [make_keys()[0], *self.keys]
        self.call(self.administrator, "PUT", PLUGIN, self.plugin)
        self.call(self.administrator, "PUT", f"{PLUGIN}/reset")

    def answer(self, browser: Browser, page: Page) -> Page:
        """What the script of the login page does."""
        if not page.url.startswith(f"{self.origin}/login.html?"):
            return super().answer(browser, page)
        asked = dict(parse_qsl(urlsplit(page.url).query))
        if asked.get("prompt") == "end_session":
            return self.end_session(browser, asked)
        scopes = asked["scope"]
        if asked.get("prompt") == "login" or not self.is_signed_in(browser, scopes):
            self.call(browser, "POST", "auth/", ALICE)
            browser.passwords_given += 1
        self.call(browser, "PUT", f"auth/grant/{asked['client_id']}", {"scope": scopes})
        return browser.get(f"{asked['callback_url']}&g_continue")

    def is_signed_in(self, browser: Browser, scopes: str) -> bool:
        found = self.call(browser, "GET", f"auth/scheme/?scope={quote(scopes)}")
        return bool(found["openid"].get("password_authenticated"))

    def end_session(self, browser: Browser, asked: Mapping[str, str]) -> Page:
        session = f"oidc/session/{asked['sid']}"
        told = self.call(browser, "GET", f"{session}/{asked['client_id']}")
        query = urlencode({"iss": told["iss"], "sid": told["sid"]})
        browser.load_frames(*(f"{client['frontchannel_logout_uri']}?{query}" for client in told["client"]))
        self.call(browser, "DELETE", session)
        self.call(browser, "DELETE", "auth/")
        return browser.get(asked["callback_url"])

    def call(self, browser: Browser, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """One call of its API."""
        page = browser.request(method, f"{self.api}/{path}", content)
        assert page.status == 200, f"{method} {path}: {page}"
        return page.response.json() if page.response.content else None


def make_keys() -> list[dict[str, Any]]:
    """A private key for each algorithm. The first signs for clients that have no `sign_kid`."""
    keys = [
        (alg, RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True))
        for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    ]
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    keys += [(alg, ECAlgorithm.to_jwk(ec.generate_private_key(curve), as_dict=True)) for alg, curve in curves.items()]
    keys.append(("EdDSA", OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)))
    return [
        {name: value for name, value in jwk.items() if name != "key_ops"}
        | {"alg": alg, "use": "sig", "kid": f"{alg}-{secrets.token_hex(4)}"}
        for alg, jwk in keys
    ]
