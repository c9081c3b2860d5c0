"""The fake OP over real HTTP, with gates at which a request waits until the test lets it through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Semaphore, Thread
from typing import Any

from tests.support.fake_op import FakeOP

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

    def issue(self) -> tuple[int, dict[str, Any]]:
        """What the token endpoint answers: another access token each time."""
        self.token_calls += 1
        if self.refuses_client:
            return 401, {"error": "invalid_client"}
        self.newest = f"access-token-{self.token_calls}"
        return 200, {**self.op.build_token_answer(), "access_token": self.newest, **self.op.token_answer}


@contextmanager
def serve_op() -> Iterator[OPServer]:
    """Listen on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/slow":
                server.slow.pass_through()
                self.answer({})
            elif self.path == "/started":
                server.started.release()
                self.answer({})
            elif self.path == "/jwks":
                self.answer({"keys": server.op.keys})
            elif self.path == "/api":
                is_good = self.headers.get("Authorization") == f"Bearer {server.newest}"
                self.answer({}, 200 if is_good else 401)
            else:
                self.answer(server.op.build_metadata())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            # Made before the gate: that is when the OP issues the ID token.
            with lock:
                status, tokens = server.issue()
            server.token.pass_through()
            self.answer(tokens, status)

        def answer(self, document: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        lock = Lock()
        server = OPServer(FakeOP(issuer=f"http://127.0.0.1:{listener.server_port}"))
        thread = Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
