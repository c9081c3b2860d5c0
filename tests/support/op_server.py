"""A fake OP over real HTTP: the answers that requests through a socket get."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

from .fake_op import FakeOP
from .loopback import Octets, build_answer, serve_loopback

OP = TypeVar("OP", bound=FakeOP)


def answer_request(op: FakeOP, request: bytes) -> bytes:
    """The answer to one whole HTTP request. A path that no OP has is kept in `calls` as it is, and not found."""
    head, _, body = request.decode().partition("\r\n\r\n")
    request_line, *lines = head.split("\r\n")
    method, target, _ = request_line.split(" ")
    name = op.find_endpoint(method, target.partition("?")[0])
    if name is None:
        op.calls.append(target)
        return build_answer(b"", status="404 Not Found")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    status, members, content = op.answer(name, headers, body)
    return build_answer(
        content.encode() if isinstance(content, str) else content,
        *(f"{name}: {value}" for name, value in members.items()),
        status=f"{status} {HTTPStatus(status).phrase}",
    )


@contextmanager
def serve_op(
    op: OP,
    answer: Callable[[OP, bytes], Octets] = answer_request,
    *,
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> Iterator[None]:
    """Let `op` answer on loopback, which becomes its issuer; `port` and `context` are those of `serve_loopback`."""
    with serve_loopback(lambda request: answer(op, request), port=port, context=context) as loopback:
        op.issuer = loopback.url.removesuffix("/token")
        yield
