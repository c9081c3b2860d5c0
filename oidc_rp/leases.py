"""The lease on a row with tokens: one request or job at a time renews them.

The lease is taken by one UPDATE whose condition says that nobody has it and that the
tokens are still those that the caller has seen. It has one winner on every database and
at every isolation level: at READ COMMITTED a second UPDATE waits for the first and then
finds its condition false (PostgreSQL, MySQL and MariaDB look at the row again; SQLite
has one writer at a time); at REPEATABLE READ it fails or finds nothing to change. It is
committed before the OP is called, so it must not be part of a longer transaction.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import router, transaction
from django.db.models import Q

from .models import TokenHolder
from .protocol.errors import ConfigurationError


class LeasedRow:
    """One row of a TokenHolder, as one request or job sees it: what every `flows.refresh.RefreshStore` has in common.

    A row that has ended is not written to.
    """

    def __init__(self, model: type[TokenHolder], pk: object) -> None:
        self._model = model
        self._pk = pk
        self._lease = uuid4().hex

    @property
    def is_ours(self) -> Q:
        """The row, while nobody has taken the lease over."""
        return Q(pk=self._pk, lease=self._lease)

    def take_lease(self, generation: int, now: float, until: float) -> bool:
        """One UPDATE, committed at once. Raises ConfigurationError inside a transaction."""
        free = Q(pk=self._pk, generation=generation, leased_until__lte=now)
        try:
            # Were it to be rolled back with the caller's transaction, the OP's rotation would still have happened.
            with transaction.atomic(using=router.db_for_write(self._model), durable=True):
                return self._update(free, lease=self._lease, leased_until=until)
        except RuntimeError:
            raise ConfigurationError(
                "tokens cannot be renewed inside transaction.atomic(): ask for the access token before it",
                code="renewal_in_transaction",
            ) from None

    def release(self, retry_at: float) -> None:
        """One UPDATE, if the lease is still ours."""
        self._update(self.is_ours, lease="", leased_until=0, retry_at=retry_at)

    def write(self, **values: Any) -> bool:
        """Store what has been renewed and give the lease back, by one UPDATE; False if it was lost meanwhile."""
        return self._update(self.is_ours, **values, lease="", leased_until=0, retry_at=0)

    def _update(self, condition: Q, **values: Any) -> bool:
        return self._model._default_manager.filter(condition, ended_at=None).update(**values) > 0
