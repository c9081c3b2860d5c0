"""The row of a session as the store of its tokens, from which one request at a time renews them.

The lease is taken by one UPDATE whose condition says that nobody has it and that the
tokens are still those that the caller has seen. It has one winner on every database and
at every isolation level: at READ COMMITTED a second UPDATE waits for the first and then
finds its condition false (PostgreSQL, MySQL and MariaDB look at the row again; SQLite
has one writer at a time); at REPEATABLE READ it fails or finds nothing to change. It is
committed before the OP is called, so it must not be part of a longer transaction.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.db import router, transaction
from django.db.models import Q

from .conf import app_settings
from .flows.refresh import Held
from .models import OIDCSession, digest
from .protocol.errors import ConfigurationError, RenewalError, SessionEndedError
from .refresh_cookie import RefreshToken
from .sealing import SealError, open_sealed_under, seal_under
from .session_data import AuthenticationContext, open_tokens, seal_tokens
from .session_rows import end_rows

_HANDOVER = "refresh token handover"
_COLUMNS = (
    "ended_at", "end_reason", "sealed_tokens", "generation", "access_expires_at", "leased_until", "retry_at",
    "handover", "handover_until", "renewed_at",
)  # fmt: skip


class SessionStore:
    """Implements `oidc_rp.flows.refresh.RefreshStore` for one session, as one request sees it.

    `refresh_token` is the one in this request's cookie, None if there is none. `renewed`
    becomes True when this request has renewed the tokens, and `loads` counts queries.
    """

    def __init__(
        self, context: AuthenticationContext, client_id: str, refresh_token: RefreshToken | None, now: float
    ) -> None:
        self._context = context
        self._client_id = client_id
        self._refresh_token = refresh_token
        # The one that `load` has found usable, which may be the next.
        self._usable: str | None = None
        self._now = now
        self._lease = uuid4().hex
        self.renewed = False
        self.loads = 0

    def load(self) -> Held:
        """One query. Raises SessionEndedError."""
        self.loads += 1
        row = OIDCSession.objects.filter(pk=self._context.id).values(*_COLUMNS).first()
        if row is None or row["ended_at"] is not None:
            raise SessionEndedError(row["end_reason"] if row else "deleted")
        tokens = open_tokens(row["sealed_tokens"], self._context.id)
        if tokens is None:
            raise RenewalError("the tokens cannot be opened: they were sealed under a key that is gone")
        self._usable = self._find_refresh_token(row)
        return Held(
            generation=row["generation"],
            tokens=tokens,
            expires_at=row["access_expires_at"],
            renewed_at=row["renewed_at"].timestamp(),
            refresh_token=self._usable,
            leased_until=row["leased_until"],
            retry_at=row["retry_at"],
        )

    def take_lease(self, generation: int, now: float, until: float) -> bool:
        """One UPDATE, committed at once. Raises ConfigurationError inside a transaction."""
        free = Q(leased_until__lte=now)
        try:
            # Were it to be rolled back with the caller's transaction, the OP's rotation would still have happened.
            with transaction.atomic(using=router.db_for_write(OIDCSession), durable=True):
                return self._update(Q(generation=generation) & free, lease=self._lease, leased_until=until)
        except RuntimeError:
            raise ConfigurationError(
                "tokens cannot be renewed inside transaction.atomic(): ask for the access token before it",
                code="renewal_in_transaction",
            ) from None

    def save(self, held: Held) -> bool:
        """One UPDATE, if the lease is still ours and the session alive."""
        claims, context = held.tokens.id_token_claims, self._context
        now_there = AuthenticationContext.from_claims(
            claims,
            id=context.id,
            provider=context.provider,
            expires_at=held.expires_at,
            renewed_at=int(held.renewed_at),
            generation=held.generation,
        )
        self.renewed = self._update(
            Q(lease=self._lease),
            sealed_tokens=seal_tokens(held.tokens, context.id),
            generation=held.generation,
            access_expires_at=held.expires_at,
            renewed_at=datetime.fromtimestamp(held.renewed_at, UTC),
            acr=(now_there.acr or "")[:255],
            amr=list(now_there.amr),
            sid=now_there.sid or "",
            sid_key=digest(now_there.iss, self._client_id, now_there.sid) if now_there.sid else "",
            handover=self._seal_handover(held),
            handover_until=held.renewed_at + app_settings.refresh_grace,
            lease="",
            leased_until=0,
            retry_at=0,
        )
        return self.renewed

    def release(self, retry_at: float) -> None:
        """One UPDATE."""
        self._update(Q(lease=self._lease), lease="", leased_until=0, retry_at=retry_at)

    def end(self, reason: str) -> bool:
        """End the session, if the lease is still ours."""
        return end_rows(Q(pk=self._context.id, lease=self._lease), reason) > 0

    def _update(self, condition: Q, **values: Any) -> bool:
        return OIDCSession.objects.filter(condition, pk=self._context.id, ended_at=None).update(**values) > 0

    def _find_refresh_token(self, row: dict[str, Any]) -> str | None:
        if self._refresh_token is None:
            return None
        behind = row["generation"] - self._refresh_token.generation
        if behind <= 0:
            # Negative where the database was restored from a backup: the cookie is the newer one, under our seal.
            return self._refresh_token.token
        if behind > 1 or self._now >= row["handover_until"]:
            return None
        try:
            handover = open_sealed_under(self._refresh_token.token, row["handover"], _HANDOVER, self._context.id)
        except SealError:
            return None
        token: str = json.loads(handover)
        return token

    def _seal_handover(self, held: Held) -> str:
        if self._usable is None:
            return ""
        return seal_under(self._usable, json.dumps(held.refresh_token).encode(), _HANDOVER, self._context.id)
