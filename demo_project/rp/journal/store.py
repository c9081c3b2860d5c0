"""The journal in the database: which trip a leg belongs to, and how much is kept."""

from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from demo_project.rp.journal.kinds import TripKind
from demo_project.rp.journal.legs import Leg
from demo_project.rp.models import Message, Trip

TRIPS_PER_BROWSER = 8
TRIPS_IN_ALL = 500
MESSAGES_PER_TRIP = 60
LIFETIME = timedelta(days=1)
# What the OP tells the sites while a browser is away to sign out belongs to that sign-out.
SIGN_OUT_TIME = timedelta(seconds=60)


def find_browser(leg: Leg) -> str | None:
    """Whose journal a leg without a cookie belongs in, if that can be told.

    A response by form_post is a POST from the OP's site, without SameSite=Lax cookies; a logout token comes from
    the OP itself.
    """
    if leg.told_sid:
        trip = Trip.objects.filter(sid=leg.told_sid).first()
    else:
        trip = Trip.objects.filter(key=_key(leg.state)).first() if leg.state else None
    return trip.browser if trip else None


@transaction.atomic
def store(browser: str, leg: Leg) -> Trip:
    """Adds the leg to its trip, or to a new one."""
    trip = _find_trip(browser, leg)
    if trip is None:
        key = _key(leg.state) if leg.state else None
        # A response that another browser has brought here must not join, nor clash with, the trip of its owner.
        if Trip.objects.filter(key=key).exists():
            key = None
        trip = Trip.objects.create(browser=browser, key=key, kind=leg.kind, created=leg.messages[0].at)
        prune(browser)
    room = max(0, MESSAGES_PER_TRIP - trip.messages.count())
    for message in leg.messages[:room]:
        Message.objects.create(
            trip=trip,
            kind=message.kind,
            endpoint=message.endpoint[:32],
            label=message.label[:300],
            parameters=message.parameters,
            failed=message.failed,
            created=message.at,
        )
    trip.updated = timezone.now()
    trip.sid = leg.started_sid or trip.sid
    trip.save(update_fields=["updated", "sid"])
    return trip


def prune(browser: str) -> None:
    """Keeps the newest few trips of this browser and a bounded number in all."""
    Trip.objects.filter(updated__lt=timezone.now() - LIFETIME).delete()
    for trips, kept in ((Trip.objects.filter(browser=browser), TRIPS_PER_BROWSER), (Trip.objects.all(), TRIPS_IN_ALL)):
        beyond = list(trips.values_list("pk", flat=True)[kept : kept + 1])
        trips.filter(pk__lte=max(beyond, default=0)).delete()


def _find_trip(browser: str, leg: Leg) -> Trip | None:
    own = Trip.objects.filter(browser=browser)
    if leg.told_sid:
        recently = timezone.now() - SIGN_OUT_TIME
        newest = own.first()
        return newest if newest and newest.kind == TripKind.SIGN_OUT and newest.updated > recently else None
    if leg.state:
        return own.filter(key=_key(leg.state)).first()
    return own.first() if leg.continues else None


def _key(state: str) -> str:
    return sha256(state.encode()).hexdigest()
