"""An OP that rotates strictly: the second use of a refresh token ends the grant (RFC 9700 section 4.14.2)."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from .fake_op import Answer, FakeOP

JSON = {"Content-Type": "application/json"}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass
class RotatingOP:
    """Stands in for the token endpoint of a fake OP after the login. `grants` are the forms that it has answered."""

    op: FakeOP
    current: str = "refresh-token-1"
    lifetime: int | None = 300
    rotates: bool = True
    reuses: int = 0
    grants: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self) -> RotatingOP:
        self.op.calls.clear()
        self.op.forms.clear()
        self.op.overrides["token"] = self
        return self

    def __call__(self) -> Answer:
        # Of one session only one call may be under way at a time; with two, one form may be read twice: that is reuse.
        with self.lock:
            return self.answer(self.op.forms[-1])

    def answer(self, form: dict[str, str]) -> Answer:
        """What the token endpoint answers to one form; not for two threads at once."""
        self.grants.append(form)
        return self.exchange(form) if form["grant_type"] == EXCHANGE else self.refresh(form)

    def refresh(self, form: dict[str, str]) -> Answer:
        if form["refresh_token"] != self.current:
            self.reuses += 1
            self.current = "none"
            return 400, JSON, '{"error": "invalid_grant"}'
        answer: dict[str, Any] = {"access_token": self.name(form), "token_type": "Bearer", "expires_in": self.lifetime}
        if self.rotates:
            self.current = answer["refresh_token"] = f"refresh-token-{len(self.grants) + 1}"
        return 200, JSON, json.dumps(answer)

    def exchange(self, form: dict[str, str]) -> Answer:
        answer = {
            "access_token": self.name(form),
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        }
        return 200, JSON, json.dumps(answer)

    def name(self, form: dict[str, str]) -> str:
        """An access token that says what it is for."""
        what = [form[name] for name in ("resource", "audience", "scope") if name in form]
        return "/".join(["access", *what, str(len(self.grants))])
