"""The fake OP over real HTTP, with gates at which a request waits until the test lets it through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Semaphore

from tests.support.fake_op import Answer, FakeOP
from tests.support.loopback import build_answer
from tests.support.op_server import answer_request, serve_op
from tests.support.rotating_op import RotatingOP

# Only to end a test that is stuck.
TIMEOUT = 60


@dataclass
class Gate:
    """Open, unless a test closes it."""

    open: Event = field(default_factory=Event)
    reached: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.open.set()

    def close(self) -> None:
        self.reached.clear()
        self.open.clear()

    def await_arrival(self) -> None:
        assert self.reached.wait(TIMEOUT), "nobody came to the gate"

    def pass_through(self) -> None:
        self.reached.set()
        assert self.open.wait(TIMEOUT), "the gate was left closed"


@dataclass
class OPServer:
    """A fake OP and the gates in front of its endpoints, and an API that takes the newest access token."""

    op: FakeOP
    token: Gate = field(default_factory=Gate)
    slow: Gate = field(default_factory=Gate)
    refuses_client: bool = False
    token_calls: int = 0
    newest: str = ""
    started: Semaphore = field(default_factory=lambda: Semaphore(0))
    # If there is one, it answers what comes after a login.
    rotating: RotatingOP | None = None

    def issue(self) -> Answer:
        """What the token endpoint answers: another access token each time."""
        form = self.op.forms[-1]
        if self.rotating is not None and form["grant_type"] != "authorization_code":
            return self.rotating.answer(form)
        self.token_calls += 1
        if self.refuses_client:
            return 401, {}, json.dumps({"error": "invalid_client"})
        self.newest = f"access-token-{self.token_calls}"
        return (
            200,
            {},
            json.dumps({**self.op.build_token_answer(), "access_token": self.newest, **self.op.token_answer}),
        )


@contextmanager
def serve_gated_op() -> Iterator[OPServer]:
    """Listen on a free port of loopback."""
    server, lock = OPServer(FakeOP()), Lock()
    server.op.overrides["token"] = server.issue

    def answer(op: FakeOP, request: bytes) -> bytes:
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
        # Made before the gate: that is when the OP issues the ID token.
        with lock:
            octets = answer_request(op, request)
        if path == b"/token":
            server.token.pass_through()
        return octets

    with serve_op(server.op, answer):
        yield server
