"""An OP that answers in process, correct by default, and wrong in whatever way a test asks for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests
import responses

from .keys import jwk, sign

Answer = tuple[int, Mapping[str, str], str | bytes]

WELL_KNOWN = "/.well-known/openid-configuration"
ENDPOINTS = {
    ("GET", WELL_KNOWN): "metadata",
    ("GET", "/jwks"): "jwks",
    ("POST", "/token"): "token",
    ("GET", "/userinfo"): "userinfo",
    ("POST", "/logout"): "end_session",
    ("POST", "/revoke"): "revocation",
}


@dataclass
class FakeOP:
    """One OP under `issuer`. Tests change its attributes; `calls` counts what the RP asked for."""

    issuer: str = "https://op.example"
    client_id: str = "client-1"
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk()])
    alg: str = "RS256"
    kid: str = "k1"
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    overrides: dict[str, Answer | Exception | Callable[[], Answer]] = field(default_factory=dict)
    nonce: str = ""

    def install(self, mock: responses.RequestsMock) -> None:
        """Answer for this issuer's URLs in `mock`."""
        for (method, path), name in ENDPOINTS.items():
            mock.add_callback(method, f"{self.issuer.rstrip('/')}{path}", callback=partial(self._carry, name))

    def answer(self, name: str, headers: Mapping[str, str], body: str) -> Answer:
        """The answer of the endpoint `name` to one request, which is kept."""
        self.calls.append(name)
        self.bodies.append(body)
        self.forms.append(dict(parse_qsl(body)))
        self.headers.append(headers)
        override = self.overrides.get(name)
        if isinstance(override, Exception):
            raise override
        if callable(override):
            return override()
        if override is not None:
            return override
        return 200, {"Content-Type": "application/json"}, json.dumps(self._build(name))

    def find_endpoint(self, method: str, path: str) -> str | None:
        """The name of the endpoint at `path`, None if there is none."""
        return ENDPOINTS.get((method, path))

    def build_metadata(self) -> dict[str, Any]:
        """The metadata document; members set to None are left out."""
        base = self.issuer.rstrip("/")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/jwks",
            "end_session_endpoint": f"{base}/logout",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        return {name: value for name, value in document.items() if value is not None}

    def build_claims(self) -> dict[str, Any]:
        """The ID token's claims; those set to None are left out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "subject-1",
            "aud": self.client_id,
            "exp": now + 300,
            "iat": now,
            "auth_time": now - 5,
            "nonce": self.nonce,
            "sid": "session-1",
            "acr": "pwd",
            "amr": ["pwd"],
            "email": "alice@example.com",
            "email_verified": True,
            "given_name": "Alice",
            "family_name": "Example",
            **self.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def build_id_token(self) -> str:
        """These claims, signed with the key `kid`."""
        return sign(self.build_claims(), self.alg, self.kid)

    def build_token_answer(self) -> dict[str, Any]:
        """A token response; members set to None are left out."""
        answer = {
            "access_token": "access-token-1",
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": "refresh-token-1",
            "id_token": self.build_id_token(),
            **self.token_answer,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def authorize(self, location: str) -> dict[str, str]:
        """The OP's part in the browser: take the authentication request, answer with code, state and iss."""
        request = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        self.nonce = request["nonce"]
        return {"code": "code-1", "state": request["state"], "iss": self.issuer}

    def _build(self, name: str) -> object:
        match name:
            case "metadata":
                return self.build_metadata()
            case "jwks":
                return {"keys": self.keys}
            case "token":
                return self.build_token_answer()
            case "userinfo":
                return {"sub": "subject-1", **self.userinfo}
        return {}

    def _carry(self, name: str, request: requests.PreparedRequest) -> Answer:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        return self.answer(name, request.headers, str(body))
