"""An HTTP server of a few lines on 127.0.0.1, for what only a real socket shows."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

Octets = bytes | list[bytes]
"""An answer as it goes over the wire, or its parts, to be sent one at a time."""


class Last(list[bytes]):
    """Parts with which the connection ends."""


@dataclass
class Loopback:
    """Answers each request with what `answer` makes of it, and keeps the requests.

    The parts of an answer are sent at `pace` seconds each.
    """

    answer: Callable[[bytes], Octets]
    pace: float = 0.02
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        """Answer on one connection until the other side closes it."""
        self.connections += 1
        with connection:
            try:
                while request := _receive(connection):
                    self.requests.append(request)
                    answer = self.answer(request)
                    self._send(connection, answer)
                    if isinstance(answer, Last):
                        return
            except OSError:  # the client has had enough
                return

    def _send(self, connection: socket.socket, answer: Octets) -> None:
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return
        for part in answer:
            connection.sendall(part)
            if self.stopped.wait(self.pace):
                return


def run_loopback(*answers: Octets, context: ssl.SSLContext | None = None) -> AbstractContextManager[Loopback]:
    """Serve each of `answers` in turn, the last of them for ever, while the block runs."""
    left = list(answers)
    return serve_loopback(lambda request: left.pop(0) if len(left) > 1 else left[0], context=context)


@contextmanager
def serve_loopback(
    answer: Callable[[bytes], Octets], *, port: int = 0, context: ssl.SSLContext | None = None
) -> Iterator[Loopback]:
    """Serve what `answer` makes of each request while the block runs, over TLS with `context`.

    `port` is one that the caller has reserved with SO_REUSEPORT; without it, any that is free.
    """
    loopback = Loopback(answer)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port), reuse_port=port != 0))
        loopback.url = f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}/token"
        thread = threading.Thread(target=_accept, args=(listener, loopback.serve, context))
        thread.start()
        stack.callback(thread.join)
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        stack.callback(loopback.stopped.set)
        yield loopback


def _receive(connection: socket.socket) -> bytes:
    """One whole request, which may come in several pieces; empty at the end."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    while length is not None and len(body) < int(length[1]):
        body += connection.recv(65_536)
    while b"transfer-encoding: chunked" in head.lower() and not body.endswith(b"0\r\n\r\n"):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None], context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # the test is over
            return
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
        except OSError:  # the client does not trust us
            connection.close()
            continue
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def build_answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
