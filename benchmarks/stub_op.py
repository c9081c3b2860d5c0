"""A stub OP in a process of its own: every endpoint answers 50 ms after it was asked, and everything is counted.

BENCHMARK_LATENCY in the environment is another time, in seconds. BENCHMARK_LOGIN_LIFETIME and BENCHMARK_LIFETIME are
those of access tokens, of a login and of a refresh.

A refresh token works once. The second use of one is taken for theft and ends its family (RFC 9700 section 4.14.2).

There is no authorization endpoint to call. A code is made of the subject to sign in and
the nonce of the authentication request (`build_code`), so that the token endpoint can
sign an ID token for them.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from .processes import serve
from .tokens import LOGOUT_TOKEN_TYPE, SigningKey, build_claims, build_logout_claims

LATENCY_SECONDS = float(os.environ.get("BENCHMARK_LATENCY", "0.05"))
LOGIN_LIFETIME_SECONDS = int(os.environ.get("BENCHMARK_LOGIN_LIFETIME", "300"))
LIFETIME_SECONDS = int(os.environ.get("BENCHMARK_LIFETIME", "300"))


def build_code(subject: str, nonce: str) -> str:
    """The authorization code with which `subject` comes back from the OP."""
    return f"{subject}~{nonce}"


class StubOP(ThreadingHTTPServer):
    """Counts calls by endpoint, and accepted connections under "connections"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.key = SigningKey.generate("RS256")
        self._counts: Counter[str] = Counter()
        # The newest refresh token of each login, by the number of the login; None if the family has ended.
        self._families: dict[str, str | None] = {}
        self._serial = count()
        self._lock = threading.Lock()

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def count(self, what: str) -> None:
        """Add one; the handlers run in threads."""
        with self._lock:
            self._counts[what] += 1

    def counts(self) -> dict[str, int]:
        """What was counted so far."""
        with self._lock:
            return dict(self._counts)

    def redeem_code(self, code: str) -> dict[str, Any]:
        """The token response for a code made by `build_code`."""
        subject, nonce = code.split("~", 1)
        with self._lock:
            refresh_token = self._issue_refresh_token(subject, str(next(self._serial)))
        return self._build_token_answer(subject, nonce, refresh_token, LOGIN_LIFETIME_SECONDS)

    def redeem_refresh_token(self, refresh_token: str) -> dict[str, Any] | None:
        """The token response for a refresh token; None if it has been used, which ends its family."""
        _, subject, family, _ = refresh_token.split("~")
        with self._lock:
            if self._families[family] != refresh_token:
                self._families[family] = None
                return None
            renewed = self._issue_refresh_token(subject, family)
        return self._build_token_answer(subject, "", renewed, LIFETIME_SECONDS)

    def _issue_refresh_token(self, subject: str, family: str) -> str:
        refresh_token = f"refresh-token-of~{subject}~{family}~{next(self._serial)}"
        self._families[family] = refresh_token
        return refresh_token

    def _build_token_answer(self, subject: str, nonce: str, refresh_token: str, lifetime: int) -> dict[str, Any]:
        access_token = f"access-token-of~{subject}"
        claims = build_claims(self.issuer, subject, nonce=nonce, access_token=access_token)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": refresh_token,
            "id_token": self.key.sign({name: value for name, value in claims.items() if value != ""}),
            "scope": "openid profile email",
        }

    def build_logout_token(self, subject: str, sid: str | None) -> str:
        """A new logout token."""
        return self.key.sign(build_logout_claims(self.issuer, subject, sid), LOGOUT_TOKEN_TYPE)

    def build_userinfo(self, authorization: str) -> dict[str, Any]:
        """The userinfo claims for the access token in an Authorization header."""
        subject = authorization.rpartition("~")[2]
        claims = build_claims(self.issuer, subject, nonce="", access_token="")
        return {name: claims[name] for name in ("sub", "name", "preferred_username", "email", "email_verified")}


class _Handler(BaseHTTPRequestHandler):
    # Connections stay open, and answers leave at once instead of waiting for an acknowledgement.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StubOP

    def handle(self) -> None:
        self.server.count("connections")
        super().handle()

    def do_GET(self) -> None:
        asked_at = time.monotonic()
        if self.path == "/.well-known/openid-configuration":
            self._answer("metadata", self.server.metadata, asked_at)
        elif self.path == "/jwks":
            self._answer("jwks", {"keys": [self.server.key.jwk]}, asked_at)
        elif self.path == "/userinfo":
            self._answer("userinfo", self.server.build_userinfo(self.headers["Authorization"]), asked_at)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked_at = time.monotonic()
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path != "/token":
            self.send_error(404)
        elif form["grant_type"] == ["refresh_token"]:
            answer = self.server.redeem_refresh_token(form["refresh_token"][0])
            refused = {"error": "invalid_grant", "error_description": "the refresh token has been used"}
            self._answer("refresh", answer or refused, asked_at, 200 if answer else 400)
        else:
            self._answer("token", self.server.redeem_code(form["code"][0]), asked_at)

    def log_message(self, *_: object) -> None:
        """Counts are enough."""

    def _answer(self, endpoint: str, document: dict[str, Any], asked_at: float, status: int = 200) -> None:
        self.server.count(endpoint)
        body = json.dumps(document).encode()
        # The latency is what is being simulated; the time to make the answer is part of it.
        time.sleep(max(0.0, asked_at + LATENCY_SECONDS - time.monotonic()))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the driver closes stdin."""
    with StubOP() as op:
        threading.Thread(target=op.serve_forever, daemon=True).start()
        serve({"issuer": lambda: op.issuer, "counts": op.counts, "logout_token": op.build_logout_token})
        op.shutdown()


if __name__ == "__main__":
    main()
