"""Tokens made useless at the OP when a session ends here (RFC 7009): off the user's path, and as well as it goes.

A few threads of this process make the calls. A process that is killed loses those that
have not been made; one that ends in an orderly way makes them first. Nothing here depends
on them: the session is over in any case, and the tokens end by themselves. While the OP is
down, its circuit breaker keeps those that wait from each waiting for a timeout.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from django.db import connections

from .protocol.errors import OIDCError
from .protocol.revocation import TokenTypeHint
from .provider import Provider

logger = logging.getLogger("oidc_rp")

WORKERS = 4
# So that no storm of logouts fills the memory while the OP is slow.
MAX_WAITING = 1_000


class RevocationQueue:
    """The calls that are waiting or under way in this process. Threads are started at the first."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; for a fork's child, which has the state of its parent and none of its threads."""
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="oidc_rp-revocation")
        self._waiting: set[Future[None]] = set()

    def add(self, provider: Provider, token: str, hint: TokenTypeHint) -> None:
        """Have a token revoked, unless too many are waiting or the process is ending."""
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                _report(provider, hint, "too many are waiting")
                return
            try:
                future = self._pool.submit(self._revoke, provider, token, hint)
            except RuntimeError:
                # The only thing that says so, and a request may well be served while it is.
                _report(provider, hint, "the process is ending")
                return
            self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)

    def flush(self, timeout: float | None) -> bool:
        """Wait for the calls that are known now; whether they have all been made within `timeout` seconds."""
        with self._lock:
            waiting = set(self._waiting)
        return not wait(waiting, timeout).not_done

    @staticmethod
    def _revoke(provider: Provider, token: str, hint: TokenTypeHint) -> None:
        try:
            provider.revoke_token(token, hint)
        except OIDCError as error:
            _report(provider, hint, error)
        except Exception:
            # Nobody waits for this future, and would see it there.
            logger.exception("revocation_failed: %s of provider %r", hint, provider.alias)
        finally:
            # Receivers of op_called, or a cache in the database, may have opened some; here no request's end does it.
            connections.close_all()


_queue = RevocationQueue()
os.register_at_fork(after_in_child=_queue.clear)


def revoke_later(provider: Provider, *, refresh_token: str | None = None, access_token: str | None = None) -> None:
    """Have tokens revoked at the OP, in a thread: returns at once and raises nothing.

    An OP without `revocation_endpoint`, or one that does not revoke a kind of token, is
    let be. A failure is logged as `revocation_failed`, and each call is sent with the
    signal `op_called`.
    """
    # The refresh token first: for most OPs the access tokens end with it (RFC 7009 section 2.1).
    if refresh_token is not None:
        _queue.add(provider, refresh_token, "refresh_token")
    if access_token is not None:
        _queue.add(provider, access_token, "access_token")


def flush_revocations(timeout: float | None = None) -> bool:
    """Wait for what `revoke_later` has begun in this process; False if it takes longer than `timeout` seconds.

    For tests, and for processes that are about to be killed.
    """
    return _queue.flush(timeout)


def _report(provider: Provider, hint: TokenTypeHint, why: object) -> None:
    logger.warning("revocation_failed: %s of provider %r: %r", hint, provider.alias, why)
