"""`manage.py oidc_cleanup`: delete what nobody needs any more."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Q, QuerySet
from django.utils import timezone

from oidc_rp.models import LogoutReceipt, OfflineGrant, OIDCSession
from oidc_rp.session_rows import end_rows

BATCH = 500
# A logout token is accepted for about ten minutes after its `iat`, and a login that it overtook is pending for
# ten more; a day leaves room for clocks.
RECEIPT_LIFETIME = timedelta(days=1)
UNFINISHED_LIFETIME = timedelta(days=1)


class Command(BaseCommand):
    """Ends the rows of expired sessions, and deletes ended rows, of offline grants too, and logout receipts."""

    help = (
        "Ends expired OpenID Connect sessions; deletes ended ones, ended offline grants and logout receipts. "
        "Safe to run at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keep-days",
            type=_days,
            default=30,
            help="how many days ended sessions and offline grants are kept for the admin (default: 30)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        expired = _end_expired(now)
        sessions = _delete(OIDCSession.objects.filter(ended_at__lt=now - timedelta(days=options["keep_days"])))
        grants = _delete(OfflineGrant.objects.filter(ended_at__lt=now - timedelta(days=options["keep_days"])))
        receipts = _delete(LogoutReceipt.objects.filter(created_at__lt=now - RECEIPT_LIFETIME))
        self.stdout.write(
            f"{expired} sessions had expired; "
            f"deleted {sessions} ended sessions, {grants} ended offline grants, {receipts} receipts."
        )


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ArgumentTypeError("not a number of days")
    return int(text)


def _end_expired(now: datetime) -> int:
    # A row without `expires_at` is that of a login which was cut off before it had a session.
    condition = Q(expires_at__lt=now) | Q(expires_at=None, created_at__lt=now - UNFINISHED_LIFETIME)
    ended = 0
    while keys := list(OIDCSession.objects.filter(condition, ended_at=None).values_list("pk", flat=True)[:BATCH]):
        # The condition again: one of them may have been used, and so prolonged, meanwhile.
        ended += end_rows(condition & Q(pk__in=keys), "expired")
    return ended


def _delete(queryset: QuerySet[Any]) -> int:
    """Delete in batches, so that no statement holds locks for long."""
    deleted = 0
    while keys := list(queryset.values_list("pk", flat=True)[:BATCH]):
        # Of this model: rows of other apps that refer to them are deleted with them.
        _, counts = queryset.model._default_manager.filter(pk__in=keys).delete()
        deleted += counts.get(queryset.model._meta.label, 0)
    return deleted
