"""The rows of offline grants: how one begins, holds its tokens, and ends.

There is no cookie: the refresh token is in the row, sealed for it. That is what a job needs
whose user is away, and why a grant is only made when its user has been asked.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from .flows.login import Login
from .flows.refresh import Held, SessionTokens
from .leases import LeasedRow
from .models import OfflineGrant, digest
from .protocol.errors import (
    AuthenticationResponseError,
    GrantEndedError,
    OPResponseError,
    RenewalError,
    UserRefusedError,
)
from .provider import Provider
from .providers import UnknownProviderError, providers
from .revocation import revoke_later
from .sealing import SealError, open_sealed, seal
from .session_data import read_context

_PURPOSE = "offline grant"
# Not revoked at the OP, which may keep one grant for a user and a client, and end the new one with the old.
REPLACED = "replaced"


class GrantStore(LeasedRow):
    """Implements `oidc_rp.flows.refresh.RefreshStore` for one grant, as one job sees it.

    `row` is the row as it was last loaded.
    """

    def __init__(self, row: OfflineGrant) -> None:
        super().__init__(OfflineGrant, row.pk)
        self.row = row

    def load(self) -> Held:
        """One query. Raises GrantEndedError; UserRefusedError if the user may not sign in any more."""
        row = OfflineGrant.objects.select_related("user").filter(pk=self.row.pk).first()
        if row is None or row.ended_at is not None:
            raise GrantEndedError(row.end_reason if row else "deleted")
        if not row.user.is_active:
            raise UserRefusedError("the account is not active", code="user_inactive")
        opened = _open(row)
        if opened is None:
            raise RenewalError("the grant cannot be opened: it was sealed under a key that is gone")
        self.row = row
        tokens, refresh_token = opened
        return Held(
            generation=row.generation,
            tokens=tokens,
            expires_at=row.access_expires_at,
            renewed_at=row.renewed_at.timestamp(),
            refresh_token=refresh_token,
            leased_until=row.leased_until,
            retry_at=row.retry_at,
        )

    def save(self, held: Held) -> bool:
        """One UPDATE, if the lease is still ours and the grant alive."""
        saved = self.write(
            sealed_tokens=_seal(held.tokens, held.refresh_token, self.row.login_key),
            generation=held.generation,
            access_expires_at=held.expires_at,
            renewed_at=datetime.fromtimestamp(held.renewed_at, UTC),
        )
        if not saved and self._is_revoked():
            # While the OP was rotating; what has come of that must not outlive it.
            _revoke(self.row, held.refresh_token, held.tokens.access_token)
        return saved

    def end(self, reason: str) -> bool:
        """End the grant, if the lease is still ours."""
        return end_grants(self.is_ours, reason) > 0

    def _is_revoked(self) -> bool:
        reason = OfflineGrant.objects.filter(pk=self.row.pk).values_list("end_reason", flat=True).first()
        return reason not in ("", REPLACED)


def start_grant(request: HttpRequest, provider: Provider, login: Login) -> OfflineGrant:
    """Keep what a completed login of `shortcuts.request_offline_access` has brought, for the signed-in user.

    It takes the place of the same user's grant before, of the same provider. Neither the
    session nor its tokens are touched. Raises AuthenticationResponseError if the session that
    asked is gone, the subject is another, or the response has been used already;
    OPResponseError if there is no refresh token.
    """
    context = read_context(request.session)
    if context is None or not request.user.is_authenticated or context.id != login.transaction.offline_for:
        raise AuthenticationResponseError("the session that asked for offline access is gone", code="offline_session")
    id_token, config = login.id_token, provider.config
    if (context.iss, context.sub) != (id_token.iss, id_token.sub):
        # The browser may have another user at the OP by now, whose data are not for this one's jobs.
        raise AuthenticationResponseError("another subject than the session's has consented", code="offline_subject")
    if login.tokens.refresh_token is None:
        raise OPResponseError("the OP issued no refresh token", endpoint="token", code="offline_refresh_token_missing")
    login_key = digest(login.transaction.state)
    tokens = SessionTokens(
        id_token=id_token.raw,
        access_token=login.tokens.access_token,
        id_token_claims=id_token.claims,
        userinfo={},
    )
    row = OfflineGrant(
        login_key=login_key,
        alias=provider.alias,
        issuer=id_token.iss,
        client_id=config.client_id,
        sub=id_token.sub,
        user_id=request.user.pk,
        # Without `scope` in its answer, the OP has granted what was asked (RFC 6749 section 5.1).
        scopes=(login.tokens.scope or " ".join((*config.scopes, *login.transaction.extra_scopes))).split(),
        sealed_tokens=_seal(tokens, login.tokens.refresh_token, login_key),
        access_expires_at=login.expires_at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise AuthenticationResponseError("this response has been used already", code="state_replayed") from None
    # Written first, read second: of two at once, the later one sees both, and the newest stays.
    same = Q(user_id=row.user_id, alias=row.alias)
    newest = OfflineGrant.objects.filter(same, ended_at=None).order_by("-pk").values_list("pk", flat=True).first()
    end_grants(same & Q(pk__lt=newest or row.pk), REPLACED)
    return row


def end_grants(condition: Q, reason: str) -> int:
    """End every live grant that `condition` selects, by one UPDATE; how many there were."""
    return OfflineGrant.objects.filter(condition, ended_at=None).update(
        ended_at=timezone.now(), end_reason=reason, sealed_tokens=""
    )


def revoke_grants(condition: Q, reason: str) -> int:
    """End every live grant that `condition` selects, and have their tokens revoked at the OP (RFC 7009), later.

    Returns how many there were. Here they are over at once, whatever the OP does.
    """
    keys = OfflineGrant.objects.filter(condition, ended_at=None).values_list("pk", flat=True)
    return sum(_end_and_revoke(key, reason) for key in list(keys))


def _end_and_revoke(key: int, reason: str) -> bool:
    while row := OfflineGrant.objects.filter(pk=key, ended_at=None).first():
        # Only as it was read: a job may be renewing it, and the newest tokens are those to revoke.
        if end_grants(Q(pk=key, generation=row.generation), reason):
            opened = _open(row)
            if opened is not None:
                tokens, refresh_token = opened
                _revoke(row, refresh_token, tokens.access_token)
            return True
    return False


def mark_used(row: OfflineGrant) -> None:
    """Remember that a grant is in use: one UPDATE a minute at most."""
    now = timezone.now()
    if row.last_used_at is None or (now - row.last_used_at).total_seconds() >= 60:
        OfflineGrant.objects.filter(pk=row.pk).update(last_used_at=now)


def find_provider(row: OfflineGrant) -> Provider:
    """The provider that a grant is of. Raises UnknownProviderError if its alias is not, or is another client's now."""
    provider = providers[row.alias]
    if (provider.config.issuer, provider.config.client_id) != (row.issuer, row.client_id):
        raise UnknownProviderError(row.alias)
    return provider


def _revoke(row: OfflineGrant, refresh_token: str | None, access_token: str) -> None:
    try:
        provider = find_provider(row)
    except UnknownProviderError:
        return  # there is nobody to ask
    revoke_later(provider, refresh_token=refresh_token, access_token=access_token)


def _seal(tokens: SessionTokens, refresh_token: str | None, login_key: str) -> str:
    return seal(json.dumps([asdict(tokens), refresh_token]).encode(), _PURPOSE, login_key)


def _open(row: OfflineGrant) -> tuple[SessionTokens, str | None] | None:
    try:
        tokens, refresh_token = json.loads(open_sealed(row.sealed_tokens, _PURPOSE, row.login_key))
        return SessionTokens(**tokens), refresh_token
    except (SealError, TypeError, ValueError):
        return None  # under another key, or of another version of this package
