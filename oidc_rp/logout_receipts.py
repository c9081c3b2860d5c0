"""Logout tokens that have arrived: each works once, and none is missed by a login that it overtook.

A back-channel logout writes its receipt and then reads the rows; a login writes its row
and then reads the receipts. Each write is committed by itself before the read, so
whatever the order, one of the two sees the other: this needs no more than READ COMMITTED,
or autocommit, which makes a transaction of each statement.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from .models import LogoutReceipt, OIDCSession, digest
from .protocol.logout_token import LogoutToken

# A claim that was never settled belongs to a process that died; the OP's next attempt may take over.
CLAIM_SECONDS = 10


class DatabaseReceipts:
    """Implements `oidc_rp.flows.backchannel.Receipts` for one client of one OP."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def claim(self, token: LogoutToken) -> bool:
        """Take a token for processing: True for one caller only, by a unique key; False if it has been used."""
        try:
            with transaction.atomic():
                LogoutReceipt.objects.create(
                    key=self._key(token),
                    sid_key=digest(token.iss, self._client_id, token.sid) if token.sid else "",
                    sub_key=digest(token.iss, self._client_id, token.sub) if token.sub and not token.sid else "",
                    issued_at=int(token.iat),
                )
        except IntegrityError:
            now = timezone.now()
            return bool(
                LogoutReceipt.objects.filter(
                    key=self._key(token), settled_at=None, claimed_at__lt=now - timedelta(seconds=CLAIM_SECONDS)
                ).update(claimed_at=now)
            )
        return True

    def settle(self, token: LogoutToken) -> None:
        """The sessions have ended: the token is used up."""
        LogoutReceipt.objects.filter(key=self._key(token)).update(settled_at=timezone.now())

    def release(self, token: LogoutToken) -> None:
        """Ending the sessions failed: let the OP's next attempt have the token at once."""
        LogoutReceipt.objects.filter(key=self._key(token)).delete()

    def _key(self, token: LogoutToken) -> str:
        return digest(token.iss, self._client_id, token.jti)


def was_logged_out(row: OIDCSession, issued_at: float) -> bool:
    """Whether a logout token for a login that is just being completed has arrived before its row.

    By `sid` whenever it came; for all of the subject's sessions if it was issued at or
    after `issued_at`, the ID token's `iat`: both times are by the OP's clock.
    """
    condition = Q(sub_key=row.sub_key, issued_at__gte=int(issued_at))
    if row.sid_key:
        condition |= Q(sid_key=row.sid_key)
    return LogoutReceipt.objects.filter(condition).exists()
