"""A stub OP in a process of its own: every endpoint answers 50 ms after it was asked, and everything is counted.

BENCHMARK_LATENCY in the environment is another time, in seconds.

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
from typing import Any
from urllib.parse import parse_qs

from .processes import serve
from .tokens import LOGOUT_TOKEN_TYPE, SigningKey, build_claims, build_logout_claims

LATENCY_SECONDS = float(os.environ.get("BENCHMARK_LATENCY", "0.05"))


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

    def build_token_answer(self, code: str) -> dict[str, Any]:
        """The token response for a code made by `build_code`."""
        subject, nonce = code.split("~", 1)
        access_token = f"access-token-of~{subject}"
        claims = build_claims(self.issuer, subject, nonce=nonce, access_token=access_token)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": f"refresh-token-of~{subject}",
            "id_token": self.key.sign(claims),
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
        if self.path == "/token":
            self._answer("token", self.server.build_token_answer(form["code"][0]), asked_at)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Counts are enough."""

    def _answer(self, endpoint: str, document: dict[str, Any], asked_at: float) -> None:
        self.server.count(endpoint)
        body = json.dumps(document).encode()
        # The latency is what is being simulated; the time to make the answer is part of it.
        time.sleep(max(0.0, asked_at + LATENCY_SECONDS - time.monotonic()))
        self.send_response(200)
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
