"""Logout tokens that have arrived: each works once, and none is missed by a login that it overtook.

A back-channel logout writes its receipt and then reads the rows; a login writes its row
and then reads the receipts. Each write is committed by itself before the read, so
whatever the order, one of the two sees the other: this needs no more than READ COMMITTED,
or autocommit, which makes a transaction of each statement.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from .models import LogoutReceipt, OIDCSession, digest
from .protocol.logout_token import LogoutToken


class DatabaseReceipts:
    """Implements `oidc_rp.flows.backchannel.Receipts` for one client of one OP."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def record(self, token: LogoutToken) -> bool:
        """Write the receipt; False if there is one, by a unique key, and it is settled."""
        try:
            with transaction.atomic():
                LogoutReceipt.objects.create(
                    key=self._key(token),
                    sid_key=digest(token.iss, self._client_id, token.sid) if token.sid else "",
                    sub_key=digest(token.iss, self._client_id, token.sub) if token.sub and not token.sid else "",
                    issued_at=int(token.iat),
                )
        except IntegrityError:
            return LogoutReceipt.objects.filter(key=self._key(token), settled_at=None).exists()
        return True

    def settle(self, token: LogoutToken) -> bool:
        """Use the token up. One UPDATE with `settled_at IS NULL` in its condition: it has one winner."""
        return bool(
            LogoutReceipt.objects.filter(key=self._key(token), settled_at=None).update(settled_at=timezone.now())
        )

    def _key(self, token: LogoutToken) -> str:
        return digest(token.iss, self._client_id, token.jti)


def was_logged_out(row: OIDCSession) -> bool:
    """Whether a logout token for a login that is just being completed has arrived before its row.

    By `sid` whenever it came; for all of the subject's sessions if it was issued when the
    ID token was, or later. The same rule as in `ClientSessions`, read from the other side.
    """
    condition = Q(sub_key=row.sub_key, issued_at__gte=row.issued_at)
    if row.sid_key:
        condition |= Q(sid_key=row.sid_key)
    return LogoutReceipt.objects.filter(condition).exists()
