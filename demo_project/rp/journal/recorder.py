"""Takes down what happens while one request is answered, in the order in which it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils import timezone

from demo_project.rp.journal.kinds import MessageKind
from demo_project.rp.journal.masking import mask
from oidc_rp.provider import Exchange
from oidc_rp.signals import op_called, session_ended, session_renewed, session_started

if TYPE_CHECKING:
    from oidc_rp.models import OIDCSession


@dataclass
class Recorded:
    """A message before it is stored."""

    kind: MessageKind
    label: str
    parameters: list[list[str]] = field(default_factory=list)
    endpoint: str = ""
    failed: bool = False
    # The OP's name for the session that has begun.
    sid: str = ""
    at: datetime = field(default_factory=timezone.now)


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
    session_started.connect(_record_start, dispatch_uid="demo_rp.journal")
    session_renewed.connect(_record_renewal, dispatch_uid="demo_rp.journal")
    session_ended.connect(_record_end, dispatch_uid="demo_rp.journal")


def describe_status(status: int) -> str:
    """For example "302 Found"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def record_api_call(method: str, path: str, status: int) -> None:
    """A call of an API with the user's access token, and its answer."""
    shown = mask([("access_token", "in the Authorization header")])
    _record(Recorded(MessageKind.CALL, f"{method} {path}", shown, endpoint="api"))
    _record(Recorded(MessageKind.ANSWER, describe_status(status), endpoint="api", failed=status >= 400))


def _record(message: Recorded) -> None:
    messages = _current.get()
    if messages is not None:
        messages.append(message)


def _record_exchange(exchange: Exchange, **_: Any) -> None:
    path = urlsplit(exchange.url).path
    status = "No usable answer" if exchange.status is None else describe_status(exchange.status)
    error = [] if exchange.error is None else [("error", exchange.error)]
    failed = exchange.error is not None or exchange.status is None or exchange.status >= 400
    _record(
        Recorded(
            MessageKind.CALL,
            f"{exchange.method} {path}",
            mask(exchange.params.items()),
            endpoint=exchange.endpoint,
            at=timezone.now() - timedelta(seconds=exchange.duration),
        )
    )
    _record(Recorded(MessageKind.ANSWER, status, mask(error), endpoint=exchange.endpoint, failed=failed))


def _record_start(session: "OIDCSession", **_: Any) -> None:
    facts = {
        "iss": session.issuer,
        "sub": session.sub,
        "sid": session.sid,
        "acr": session.acr,
        "amr": " ".join(session.amr),
        "auth_time": session.auth_time.isoformat(" ", "seconds") if session.auth_time else "",
    }
    shown = mask((name, value) for name, value in facts.items() if value)
    label = f"Session established for {session.user}"
    _record(Recorded(MessageKind.SESSION_STARTED, label, shown, sid=session.sid))


def _record_renewal(session: "OIDCSession", **_: Any) -> None:
    # A login that takes the place of another session is a renewal too, and has said so already.
    if session.generation:
        shown = mask([("renewals", str(session.generation)), ("acr", session.acr)])
        _record(Recorded(MessageKind.SESSION_RENEWED, f"Session renewed for {session.user}", shown))


def _record_end(session: "OIDCSession", reason: str, **_: Any) -> None:
    # Not who the user is: that would be a query for each of the sessions that one logout may end.
    _record(Recorded(MessageKind.SESSION_ENDED, "Session ended here", mask([("sub", session.sub), ("reason", reason)])))
