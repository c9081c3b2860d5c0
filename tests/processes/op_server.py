"""The fake OP over real HTTP, with gates at which a request waits until the test lets it through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Semaphore
from typing import Any
from urllib.parse import parse_qsl

from tests.support.fake_op import Answer, FakeOP
from tests.support.loopback import Last, Octets, build_answer
from tests.support.op_server import answer_request, serve_op
from tests.support.rotating_op import RotatingOP

# Only to end a test that is stuck.
TIMEOUT = 60


@dataclass
class Gate:
    """Open, unless a test closes it."""

    open: Event = field(default_factory=Event)
    reached: Event = field(default_factory=Event)
    # Whether those who are waiting get no answer at all when it opens.
    dropping: bool = False

    def __post_init__(self) -> None:
        self.open.set()

    def close(self) -> None:
        self.reached.clear()
        self.open.clear()
        self.dropping = False

    def await_arrival(self) -> None:
        assert self.reached.wait(TIMEOUT), "nobody came to the gate"

    def drop(self) -> None:
        self.dropping = True
        self.open.set()

    def pass_through(self) -> bool:
        """Wait until it is open; False if nothing is to be done for this request."""
        waits = not self.open.is_set()
        self.reached.set()
        assert self.open.wait(TIMEOUT), "the gate was left closed"
        return not (waits and self.dropping)


@dataclass
class Refreshes:
    """The refresh tokens of all families, and what came of them. `lifetime` is that of access tokens, in seconds."""

    lifetime: int = 300
    redeemed: int = 0
    reused: int = 0
    revoked: list[str] = field(default_factory=list)
    _families: dict[str, int] = field(default_factory=dict)
    _newest: dict[int, str | None] = field(default_factory=dict)
    _serial: Iterator[int] = field(default_factory=lambda: count(1))

    def answer(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """The next refresh token of the family, or the first of a new one; None for one that has been used."""
        if form["grant_type"] != "refresh_token":
            return self._issue(next(self._serial))
        refresh_token = form["refresh_token"]
        family = self._families[refresh_token]
        if self._newest[family] != refresh_token:
            self.reused += 1
            self._newest[family] = None
            return None
        self.redeemed += 1
        return self._issue(family)

    def _issue(self, family: int) -> dict[str, Any]:
        refresh_token = f"refresh-token-{next(self._serial)}"
        self._families[refresh_token] = family
        self._newest[family] = refresh_token
        return {"refresh_token": refresh_token, "expires_in": self.lifetime}


@dataclass
class OPServer:
    """A fake OP and the gates in front of its endpoints, and an API that takes the newest access token.

    A refresh passes `refresh` before the OP rotates the refresh token, and `token`, like every token call, after
    it has. With `is_strict`, a refresh token works once, and the second use of one ends its whole family (RFC 9700
    section 4.14.2). `started` counts the requests to /started, by which a site tells how far its own have come.
    """

    op: FakeOP
    token: Gate = field(default_factory=Gate)
    refresh: Gate = field(default_factory=Gate)
    slow: Gate = field(default_factory=Gate)
    is_strict: bool = False
    refreshes: Refreshes = field(default_factory=Refreshes)
    refuses_client: bool = False
    token_calls: int = 0
    newest: str = ""
    started: Semaphore = field(default_factory=lambda: Semaphore(0))
    # If there is one, it answers what comes after a login.
    rotating: RotatingOP | None = None

    def await_started(self, number: int) -> None:
        for arrived in range(number):
            assert self.started.acquire(timeout=TIMEOUT), f"only {arrived} came"

    def issue(self) -> Answer:
        """What the token endpoint answers: other tokens each time."""
        form = self.op.forms[-1]
        if self.rotating is not None and form["grant_type"] != "authorization_code":
            return self.rotating.answer(form)
        self.token_calls += 1
        if self.refuses_client:
            return 401, {}, json.dumps({"error": "invalid_client"})
        tokens = self.refreshes.answer(form) if self.is_strict else {}
        if tokens is None:
            return 400, {}, json.dumps({"error": "invalid_grant"})
        self.newest = f"access-token-{self.token_calls}"
        answer = {**self.op.build_token_answer(), "access_token": self.newest, **tokens, **self.op.token_answer}
        return 200, {}, json.dumps(answer)

    def revoke(self) -> Answer:
        """Revocation (RFC 7009), which is only noted."""
        self.refreshes.revoked.append(self.op.forms[-1]["token"])
        return 200, {}, ""


@contextmanager
def serve_gated_op() -> Iterator[OPServer]:
    """Listen on a free port of loopback."""
    server, lock = OPServer(FakeOP()), Lock()
    server.op.overrides |= {"token": server.issue, "revocation": server.revoke}

    def answer(op: FakeOP, request: bytes) -> Octets:
        path = request.split(b" ", 2)[1]
        if path == b"/slow":
            server.slow.pass_through()
            return build_answer(b"{}")
        if path == b"/started":
            server.started.release()
            return build_answer(b"{}")
        if path == b"/api":
            is_good = f"Authorization: Bearer {server.newest}\r\n".encode() in request
            return build_answer(b"{}", status="200 OK" if is_good else "401 Unauthorized")
        if is_refresh(request) and not server.refresh.pass_through():
            return Last()
        # Made before the gate: that is when the OP issues the ID token.
        with lock:
            octets = answer_request(op, request)
        return Last() if path == b"/token" and not server.token.pass_through() else octets

    with serve_op(server.op, answer):
        server.op.metadata["revocation_endpoint"] = f"{server.op.issuer}/revoke"
        yield server


def is_refresh(request: bytes) -> bool:
    return ("grant_type", "refresh_token") in parse_qsl(request.rpartition(b"\r\n\r\n")[2].decode())
