"""A site in a process of its own to which logout tokens are sent: the benchmark (d)'s child, with any of the packages.

What differs between the packages, namely what they keep of a login, is in `logout_data_*`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from random import Random
from typing import Any

import django
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from .browser import build_form_environ, send
from .common import TRANSACTION_CONTROL
from .logout_data import Data, SignedIn
from .processes import serve
from .settings import AUTHENTICATION_BACKENDS, BACKCHANNEL_LOGOUT_PATH, SITE

BATCH = 5_000
FILL_CACHE = -500_000  # in KiB, as SQLite has it
LIFETIME = timedelta(days=14)


class Site:
    """The commands of the driver."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._handler = WSGIHandler()
        self._sessions = SessionStore().get_model_class()
        self._random = Random(1)
        self._others = 0

    def prepare(self) -> None:
        """Make the tables."""
        call_command("migrate", run_syncdb=True, verbosity=0)

    def fill(self, others: int) -> None:
        """Sign this number of other subjects in."""
        with connection.cursor() as cursor:
            # Rows with random keys, by the hundred thousand: in a small cache each would be written many times.
            cursor.execute(f"PRAGMA cache_size={FILL_CACHE}")
        for start in range(0, others, BATCH):
            names = [f"other {number}" for number in range(start, min(start + BATCH, others))]
            self._store([(name, f"session of {name}") for name in names])
        self._others = others
        # Measured is a new connection, with SQLite's own settings and an empty log.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def sign_in(self, subject: str, sids: list[str]) -> None:
        """Give `subject` a session for each of the OP's sessions."""
        self._store([(subject, sid) for sid in sids])

    def log_out(self, token: str) -> float:
        """Receive a logout token; the seconds of CPU time it took. All but the others must be signed out then."""
        environ = build_form_environ(BACKCHANNEL_LOGOUT_PATH, {"logout_token": token})
        started = time.process_time()
        response = send(self._handler, environ)
        seconds = time.process_time() - started
        if response.status_code not in {200, 204}:
            raise AssertionError(f"the logout token was answered with {response.status_code}")
        if (left := self._sessions.objects.count()) != self._others:
            raise AssertionError(f"{left} sessions are left of {self._others} that should be")
        return seconds

    def count_queries(self, token: str) -> int:
        """How many queries that makes; where transactions begin and end is not counted."""
        with CaptureQueriesContext(connection) as queries:
            self.log_out(token)
        of_the_check = 1
        return sum(not query["sql"].startswith(TRANSACTION_CONTROL) for query in queries) - of_the_check

    def _store(self, logins: Sequence[tuple[str, str]]) -> None:
        users = get_user_model().objects.bulk_create(
            self._data.build_user(subject) for subject in dict.fromkeys(subject for subject, _ in logins)
        )
        ids = {user.get_username(): user.pk for user in users}
        signed_in = [SignedIn(ids[subject], subject, sid, secrets.token_hex(16)) for subject, sid in logins]
        store, now = SessionStore(), timezone.now()
        self._sessions.objects.bulk_create(
            self._sessions(
                session_key=login.session_key,
                session_data=store.encode({**_build_django_data(login), **data}),
                # They began at any time in the days before, so that an ended one is anywhere among the others.
                expire_date=now + LIFETIME * self._random.uniform(0.1, 1),
            )
            for login, data in zip(signed_in, self._data.keep(signed_in), strict=True)
        )


def _build_django_data(login: SignedIn) -> dict[str, str]:
    return {
        "_auth_user_id": str(login.user_id),
        "_auth_user_backend": AUTHENTICATION_BACKENDS[0],
        "_auth_user_hash": secrets.token_hex(32),
    }


def main() -> None:
    """Serve the driver."""
    # Models can be imported only where their app is installed.
    data: Any = import_module(f".logout_data_{SITE}", __package__)
    site = Site(data)
    serve(
        {
            "prepare": site.prepare,
            "fill": site.fill,
            "sign_in": site.sign_in,
            "log_out": site.log_out,
            "count_queries": site.count_queries,
        }
    )


if __name__ == "__main__":
    django.setup()
    main()
