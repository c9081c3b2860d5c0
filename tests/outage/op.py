"""An OP that can be stopped and started again on its port, and be slow."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.support.fake_op import FakeOP
from tests.support.loopback import Last, Octets, build_answer
from tests.support.op_server import answer_request, serve_op

ENDPOINTS = ("metadata", "jwks", "token")
PAGE = "<!doctype html><title>Back soon</title>"
# The site's, in seconds.
TIMEOUT = 1.0


@dataclass
class Outage:
    """What the OP does wrong. Each method begins one outage; `end` ends any."""

    op: FakeOP
    port: int
    delay: float = 0.0
    flaps: bool = False
    running: ExitStack = field(default_factory=ExitStack)
    stopped: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Right again."""
        self.close()
        self.op.overrides.clear()
        self.delay, self.flaps = 0.0, False
        self.stopped.clear()
        self.running.enter_context(serve_op(self.op, self._answer, port=self.port))

    def close(self) -> None:
        """Down: connections are refused."""
        self.stopped.set()
        self.running.close()

    def answer_after(self, seconds: float) -> None:
        """Slow."""
        self.delay = seconds

    def flap(self) -> None:
        """Every other call fails, the next one first."""
        self.op.calls.clear()
        self.flaps = True

    def answer_with(self, status: int, content_type: str = "text/plain", body: str = "") -> None:
        """The same answer from every endpoint."""
        self.op.overrides.update(dict.fromkeys(ENDPOINTS, (status, {"Content-Type": content_type}, body)))

    def _answer(self, op: FakeOP, request: bytes) -> Octets:
        answer = answer_request(op, request)
        self.stopped.wait(self.delay)
        if self.flaps and len(op.calls) % 2:
            answer = build_answer(b"", "Retry-After: 7", status="503 Service Unavailable")
        # No connection survives the end of the listener.
        return Last([answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)])


@contextmanager
def run_op() -> Iterator[Outage]:
    """An OP that is up. Nobody else gets its port while it is down."""
    with ExitStack() as stack:
        reserved = stack.enter_context(socket.socket())
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        # Without refresh tokens, so that sessions are renewed only where a test is about that.
        outage = Outage(FakeOP(token_answer={"refresh_token": None}), reserved.getsockname()[1])
        stack.callback(outage.close)
        outage.end()
        yield outage


Begin = Callable[[Outage], None]
# How each begins, and the code of a call in it.
OUTAGES: Mapping[str, tuple[Begin, str]] = {
    "down": (Outage.close, "op_unreachable"),
    "just_too_slow": (lambda outage: outage.answer_after(TIMEOUT + 0.05), "op_timeout"),
    "internal_error": (lambda outage: outage.answer_with(500), "op_unavailable"),
    "too_many_requests": (lambda outage: outage.answer_with(429), "op_unavailable"),
    "maintenance_page_with_200": (lambda outage: outage.answer_with(200, "text/html", PAGE), "op_web_page"),
}
