"""Takes down what happens while one request is answered, in the order in which it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.signals import user_logged_in, user_logged_out

from demo_project.rp.journal.kinds import MessageKind
from demo_project.rp.journal.masking import mask
from oidc_rp.provider import Exchange
from oidc_rp.signals import op_called


@dataclass
class Recorded:
    """A message before it is stored."""

    kind: MessageKind
    label: str
    parameters: list[list[str]] = field(default_factory=list)
    endpoint: str = ""
    failed: bool = False


_current: ContextVar[list[Recorded] | None] = ContextVar("journal", default=None)


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """What is recorded in this context, by whichever receiver."""
    messages: list[Recorded] = []
    token = _current.set(messages)
    try:
        yield messages
    finally:
        _current.reset(token)


def connect() -> None:
    op_called.connect(_record_exchange, dispatch_uid="demo_rp.journal")
    user_logged_in.connect(_record_login, dispatch_uid="demo_rp.journal")
    user_logged_out.connect(_record_logout, dispatch_uid="demo_rp.journal")


def describe_status(status: int) -> str:
    """For example "302 Found"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _record(message: Recorded) -> None:
    messages = _current.get()
    if messages is not None:
        messages.append(message)


def _record_exchange(exchange: Exchange, **_: Any) -> None:
    path = urlsplit(exchange.url).path
    status = "no answer" if exchange.status is None else describe_status(exchange.status)
    facts = [("duration", f"{exchange.duration * 1000:.0f} ms")]
    if exchange.error is not None:
        facts.append(("error", exchange.error))
    failed = exchange.error is not None or exchange.status is None or exchange.status >= 400
    _record(
        Recorded(
            MessageKind.CALL, f"{exchange.method} {path}", mask(exchange.params.items()), endpoint=exchange.endpoint
        )
    )
    _record(Recorded(MessageKind.ANSWER, status, mask(facts), endpoint=exchange.endpoint, failed=failed))


def _record_login(user: Any, **_: Any) -> None:
    _record(Recorded(MessageKind.SESSION_STARTED, f"Session established for {user}"))


def _record_logout(user: Any, **_: Any) -> None:
    # The signal is also sent for a visitor who was not signed in.
    if user is not None:
        _record(Recorded(MessageKind.SESSION_ENDED, f"Session of {user} ended"))
