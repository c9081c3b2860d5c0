"""Keycloak, from Maven Central, with its development database and a realm from a file."""

from __future__ import annotations

import os
import re
from base64 import b32encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyotp
import requests

from ..browser import TIMEOUT
from ..installing import CannotInstallError, install_maven, run
from ..op import OP, Failure
from ..running import Server, wait_until

HERE = Path(__file__).parent
REALM = (HERE / "realm.json").read_text()
OLDEST_JAVA = 17
ADMIN = {"username": "admin", "password": "admin-demo"}
CLIENTS = 1000
# As in the realm's file, which has it as it is.
OTP_SECRET = b32encode(b"a-secret-of-20-bytes").decode()


class Keycloak(OP):
    key = "keycloak"
    product = "Keycloak"
    version = "26.7.3"
    email = "alice@example.com"
    strong_acr = "mfa"
    unadvertised = frozenset({"none"})
    fails = {
        "ID token signed with HS256": Failure(
            "token_signature", "signed with a key of the realm, not with the client secret"
        )
    }

    @property
    def issuer(self) -> str:
        return f"{self.origin}/realms/interop"

    @property
    def credentials(self) -> Mapping[str, str]:
        return {"username": "alice", "password": "alice-demo", "otp": pyotp.TOTP(OTP_SECRET).now()}

    @classmethod
    def install(cls) -> None:
        check_java()
        install_maven("org.keycloak", "keycloak-quarkus-dist", cls.version)

    def launch(self) -> Server:
        distribution = install_maven("org.keycloak", "keycloak-quarkus-dist", self.version)
        environment = {
            **os.environ,
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN["username"],
            "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
        }
        command = [
            str(distribution / f"keycloak-{self.version}" / "bin" / "kc.sh"),
            "start-dev",
            f"--http-port={self.port}",
            "--http-host=127.0.0.1",
            f"--db-url=jdbc:h2:file:{self.folder / 'database'};NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE",
        ]
        return Server(command, self.folder / "op.log", environment, self.folder)

    def start(self) -> None:
        is_new = self.server is None
        self.server = self.launch()
        self.server.wait_for(f"{self.origin}/realms/master/.well-known/openid-configuration")
        if is_new:
            self.administer("POST", "realms", data=REALM)
            allowed = self.administer("POST", "realms/interop/clients-initial-access", json={"count": CLIENTS})
            self.registration_token = allowed["token"]

    def register(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        registered = super().register(client)
        # It tells a client about a token only if that is among the token's audiences.
        (found,) = self.administer("GET", f"realms/interop/clients?clientId={registered['client_id']}")
        self.add_audience(f"clients/{found['id']}", registered["client_id"])
        return registered

    def allow_audience(self, client_id: str, audience: str) -> str:
        (found,) = self.administer("GET", f"realms/interop/clients?clientId={client_id}")
        found["attributes"]["standard.token.exchange.enabled"] = "true"
        self.administer("PUT", f"realms/interop/clients/{found['id']}", json=found)
        # Optional, so that the token to be exchanged has not got that audience already.
        scope = {"id": audience, "name": f"for-{audience}", "protocol": "openid-connect"}
        self.administer("POST", "realms/interop/client-scopes", json=scope)
        self.add_audience(f"client-scopes/{scope['id']}", audience)
        self.administer("PUT", f"realms/interop/clients/{found['id']}/optional-client-scopes/{scope['id']}")
        return scope["name"]

    def add_audience(self, holder: str, audience: str) -> None:
        """Put a client among the audiences of the access tokens of another, or of a scope."""
        mapper = {
            "name": audience,
            "protocol": "openid-connect",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": audience, "access.token.claim": "true"},
        }
        self.administer("POST", f"realms/interop/{holder}/protocol-mappers/models", json=mapper)

    def rotate_keys(self) -> None:
        before = self.key_ids
        realm = self.administer("GET", "realms/interop")["id"]
        self.administer(
            "POST",
            "realms/interop/components",
            json={
                "name": "rsa-newer",
                "providerId": "rsa-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": realm,
                "config": {"priority": ["200"], "algorithm": ["RS256"], "keySize": ["2048"]},
            },
        )
        wait_until(lambda: self.key_ids > before)

    def administer(self, method: str, path: str, **content: Any) -> Any:
        """One call of the admin API."""
        token = requests.post(
            f"{self.origin}/realms/master/protocol/openid-connect/token",
            {"grant_type": "password", "client_id": "admin-cli", **ADMIN},
            timeout=TIMEOUT,
        ).json()["access_token"]
        response = requests.request(
            method,
            f"{self.origin}/admin/{path}",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=TIMEOUT,
            **content,
        )
        assert response.ok, response.text
        return response.json() if response.content else None


def check_java() -> None:
    """Raises CannotInstallError if it is too old."""
    said = run("java", "--version", folder=HERE)
    version = re.search(r"\d+", said)
    if version is None or int(version[0]) < OLDEST_JAVA:
        raise CannotInstallError(f"Java {OLDEST_JAVA} or newer is needed, and this is {said.splitlines()[0]}")
