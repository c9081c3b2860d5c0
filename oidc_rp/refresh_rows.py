"""The row of a session as the store of its tokens, from which one request at a time renews them (`leases`)."""

from __future__ import annotations

from datetime import UTC, datetime

from . import handover
from .conf import app_settings
from .flows.refresh import Held
from .leases import LeasedRow
from .models import OIDCSession, digest
from .protocol.errors import RenewalError, SessionEndedError
from .refresh_cookie import RefreshToken
from .session_data import AuthenticationContext, open_tokens, seal_tokens
from .session_rows import end_rows

_COLUMNS = (
    "ended_at", "end_reason", "sealed_tokens", "generation", "access_expires_at", "leased_until", "retry_at",
    "handover", "renewed_at",
)  # fmt: skip


class SessionStore(LeasedRow):
    """Implements `oidc_rp.flows.refresh.RefreshStore` for one session, as one request sees it.

    `refresh_token` is the one in this request's cookie, None if there is none. `renewed`
    becomes True when this request has renewed the tokens, `orphans` are tokens that came for a
    session that had ended meanwhile or been renewed by another, and `loads` counts queries.
    """

    def __init__(
        self, context: AuthenticationContext, client_id: str, refresh_token: RefreshToken | None, now: float
    ) -> None:
        super().__init__(OIDCSession, context.id)
        self._context = context
        self._client_id = client_id
        self._refresh_token = refresh_token
        # What `load` has found: the refresh token that is usable, which may be a later one, and how it came to it.
        self._usable: str | None = None
        self._chain = ""
        self._now = now
        self.renewed = False
        self.orphans: Held | None = None
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
        self._chain = row["handover"]
        self._usable = self._find_refresh_token(row["generation"])
        return Held(
            generation=row["generation"],
            tokens=tokens,
            expires_at=row["access_expires_at"],
            renewed_at=row["renewed_at"].timestamp(),
            refresh_token=self._usable,
            leased_until=row["leased_until"],
            retry_at=row["retry_at"],
        )

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
        self.renewed = self.write(
            sealed_tokens=seal_tokens(held.tokens, context.id),
            generation=held.generation,
            access_expires_at=held.expires_at,
            renewed_at=datetime.fromtimestamp(held.renewed_at, UTC),
            acr=(now_there.acr or "")[:255],
            amr=list(now_there.amr),
            sid=now_there.sid or "",
            sid_key=digest(now_there.iss, self._client_id, now_there.sid) if now_there.sid else "",
            handover=self._extend_chain(held),
        )
        if not self.renewed:
            self.orphans = held
        return self.renewed

    def end(self, reason: str) -> bool:
        """End the session, if the lease is still ours."""
        return end_rows(self.is_ours, reason) > 0

    def _find_refresh_token(self, newest: int) -> str | None:
        cookie = self._refresh_token
        if cookie is None:
            return None
        return handover.follow(
            self._chain, cookie.token, cookie.generation, newest, owner=self._context.id, now=self._now
        )

    def _extend_chain(self, held: Held) -> str:
        if self._usable is None or held.refresh_token is None:
            return ""
        return handover.extend(
            self._chain,
            self._usable,
            held.refresh_token,
            held.generation - 1,
            until=held.renewed_at + app_settings.refresh_grace,
            owner=self._context.id,
            now=held.renewed_at,
        )
