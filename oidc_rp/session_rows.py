"""The rows behind the sessions: whether one is alive, and how one or many end.

Everything here is a handful of queries, whatever the number of other sessions, and
relies on single statements only: an UPDATE with `ended_at IS NULL` in its condition has
one winner on every database and at every isolation level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.cache import SessionStore as CacheStore
from django.contrib.sessions.backends.cached_db import SessionStore as CachedDBStore
from django.contrib.sessions.backends.db import SessionStore as DBStore
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookieStore
from django.core.cache import caches
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from .models import OIDCSession
from .signals import session_ended

# Below the number of parameters that any supported database takes in one statement.
BATCH = 500


def keep_session(session_id: str, session_key: str, expires_at: Any) -> bool:
    """Record under which key, and until when, Django keeps a session; False if its row has ended."""
    return bool(
        OIDCSession.objects.filter(pk=session_id, ended_at=None).update(session_key=session_key, expires_at=expires_at)
    )


def is_alive(session_id: str) -> bool:
    """Whether a login's row is there and has not ended: one query."""
    return OIDCSession.objects.filter(pk=session_id, ended_at=None).exists()


def end_row(session_id: str, reason: str) -> None:
    """End one session, under whichever key Django keeps it by now. One that has ended keeps its first reason."""
    end_rows(Q(pk=session_id), reason)


def end_rows(condition: Q, reason: str) -> int:
    """End every live session that `condition` selects, and the Django sessions behind them; how many there were.

    The rows first: a session that is being saved at this moment sees that, or is deleted
    after its save. A row whose `session_key` is still there is taken up again even if it
    has ended, in case the session store failed in an earlier attempt; what it raises
    passes through.
    """
    marks = _end(reason)
    ended = OIDCSession.objects.filter(condition, ended_at=None).update(**marks)
    # Not those that `condition` selects but that are alive: they have come since, and are not meant.
    rows = list(
        OIDCSession.objects.filter(condition, Q(**marks) | ~Q(session_key=""), ended_at__isnull=False).only(
            "pk", "alias", "issuer", "sub", "sid", "user_id", "session_key", "ended_at"
        )
    )
    kept = [row for row in rows if row.session_key]
    try:
        delete_django_sessions([row.session_key for row in kept])
        for batch in _batches([row.pk for row in kept]):
            OIDCSession.objects.filter(pk__in=batch).update(session_key="")
    finally:
        # Whatever the session store does, these rows have ended now, and no later attempt finds them alive.
        if ended:
            _announce((row for row in rows if row.ended_at == marks["ended_at"]), reason)
    return ended


def end_rows_by_id(session_ids: Sequence[Any], reason: str) -> int:
    """The same for the rows with these ids, however many."""
    return sum(end_rows(Q(pk__in=batch), reason) for batch in _batches(session_ids))


def delete_django_sessions(session_keys: Sequence[str]) -> None:
    """Delete sessions from the configured engine, in bulk where the engine allows it.

    Signed cookies cannot be deleted; for them the row is asked at each request (`session_guard`).
    """
    _delete_now(session_keys)
    if session_keys and transaction.get_connection().in_atomic_block:
        # Until the commit, others still see the session and the row alive, and may put the session back into a cache.
        transaction.on_commit(partial(_delete_now, session_keys), robust=True)


def _delete_now(session_keys: Sequence[str]) -> None:
    engine: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    if issubclass(engine, DBStore):
        for batch in _batches(session_keys):
            engine.get_model_class().objects.filter(session_key__in=batch).delete()
    if issubclass(engine, CachedDBStore | CacheStore):
        # After the database: the other way round, a reader could fill the cache from the row again.
        caches[settings.SESSION_CACHE_ALIAS].delete_many([engine.cache_key_prefix + key for key in session_keys])
    elif not issubclass(engine, DBStore | SignedCookieStore):
        for key in session_keys:
            engine(key).delete(key)


def _end(reason: str) -> dict[str, Any]:
    return {"ended_at": timezone.now(), "end_reason": reason, "sealed_tokens": "", "handover": ""}


def _announce(rows: Iterable[OIDCSession], reason: str) -> None:
    for row in rows:
        session_ended.send_robust(sender=OIDCSession, session=row, reason=reason)


def _batches(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
