"""An OP that holds the RP to the specifications, and that can itself break them in one way at a time."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from oidc_rp.protocol.authentication import compute_code_challenge
from tests.support.browser import query
from tests.support.fake_op import Answer, FakeOP
from tests.support.keys import sign
from tests.support.loopback import Octets
from tests.support.op_server import answer_request

# Long enough for HS512, and without spaces, as OPs make them.
SECRET = "the-client-secret-of-the-test-suite-0123456789-abcdefghijklmnopqrstuvwxyz"


@dataclass
class HostileOP(FakeOP):
    """An OP that is right until a test changes it.

    `response` is laid over the authentication response: None leaves a parameter out, a list
    repeats it. `header` is laid over the ID token's. `mint` makes the ID token from its claims
    in another way altogether. `wire` has, by endpoint, the octets to send instead of an answer.
    One that is not strict takes any token request.
    """

    client_auth_method: str = "client_secret_basic"
    is_strict: bool = True
    response: dict[str, str | list[str] | None] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    mint: Callable[[Mapping[str, Any]], str] | None = None
    wire: dict[str, Octets] = field(default_factory=dict)
    request: dict[str, str] = field(default_factory=dict)
    code: str = ""
    redeemed: bool = False
    revoked: bool = False
    access_token: str = ""
    refresh_token: str = ""

    @property
    def secrets(self) -> list[str]:
        """What must be in no log and on no page."""
        asked = [self.request[name] for name in ("state", "nonce") if name in self.request]
        return [text for text in (SECRET, self.code, self.access_token, self.refresh_token, *asked) if text]

    def authorize(self, location: str) -> dict[str, Any]:
        self.request = query(location)
        self.code, self.redeemed, self.revoked = token_urlsafe(24), False, False
        self._issue()
        response: dict[str, Any] = {**super().authorize(location), "code": self.code, **self.response}
        return {name: value for name, value in response.items() if value is not None}

    def build_id_token(self) -> str:
        if self.mint is not None:
            return self.mint(self.build_claims())
        return sign(self.build_claims(), self.alg, self.kid, header=self.header)

    def build_token_answer(self) -> dict[str, Any]:
        issued = {"access_token": self.access_token, "refresh_token": self.refresh_token}
        answer = {**super().build_token_answer(), **issued, **self.token_answer}
        return {name: value for name, value in answer.items() if value is not None}

    def answer(self, name: str, headers: Mapping[str, str], body: str) -> Answer:
        form = dict(parse_qsl(body))
        judged = name == "token" and self.is_strict and name not in self.overrides
        error = self._find_fault(headers, form) if judged else None
        answer = super().answer(name, headers, body)
        return answer if error is None else (400, {}, json.dumps({"error": error}))

    def respond(self, request: bytes) -> Octets:
        """Answer one HTTP request: as `wire` says, or as an OP does."""
        answered = answer_request(self, request)
        return self.wire.get(self.calls[-1], answered)

    def _find_fault(self, headers: Mapping[str, str], form: Mapping[str, str]) -> str | None:
        """What a strict OP refuses in a token request (RFC 6749 sections 2.3.1 and 5.2, RFC 7636 section 4.6)."""
        pair = b64encode(f"{quote_plus(self.client_id)}:{quote_plus(SECRET)}".encode()).decode()
        expected_credentials = {
            "client_secret_basic": (f"Basic {pair}", None, None),
            "client_secret_post": (None, self.client_id, SECRET),
        }[self.client_auth_method]
        if (headers.get("Authorization"), form.get("client_id"), form.get("client_secret")) != expected_credentials:
            return "invalid_client"
        if form.get("grant_type") == "client_credentials":
            self._issue()
            return None
        if form.get("grant_type") == "refresh_token":
            # The second use of one is taken for theft, and ends the whole grant (RFC 9700 section 4.14.2).
            self.revoked = self.revoked or form.get("refresh_token") != self.refresh_token
            self._issue()
            return "invalid_grant" if self.revoked else None
        if form.get("grant_type") != "authorization_code":
            return "unsupported_grant_type"
        expected = (self.code, self.request["redirect_uri"], self.request["code_challenge"])
        challenge = compute_code_challenge(form.get("code_verifier", ""))
        if self.redeemed or (form.get("code"), form.get("redirect_uri"), challenge) != expected:
            return "invalid_grant"
        self.redeemed = True
        return None

    def _issue(self) -> None:
        self.access_token, self.refresh_token = token_urlsafe(24), token_urlsafe(24)
