"""What the sites keep: the journal's trips of a browser to the OP and back, their messages, and the devices."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from demo_project.rp.journal.kinds import MessageKind, TripKind


class Trip(models.Model):
    """One login or logout. Its messages belong together by `state`, of which `key` is a hash."""

    browser = models.CharField(max_length=64, db_index=True, help_text="The value of the journal's cookie.")
    key = models.CharField(max_length=64, unique=True, null=True)  # noqa: DJ001 -- many have no `state`
    kind = models.CharField(max_length=16, choices=TripKind.choices)
    sid = models.CharField(max_length=1024, blank=True, db_index=True, help_text="The OP session that it led to.")
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.created:%H:%M:%S}"


class Message(models.Model):
    """One message or event. Parameters are pairs of name and value, with every secret masked before it gets here."""

    trip = models.ForeignKey(Trip, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=32, choices=MessageKind.choices)
    endpoint = models.CharField(max_length=32, blank=True, help_text="Of a call to the OP, such as token.")
    label = models.CharField(max_length=300)
    parameters: models.JSONField[list[list[str]], list[list[str]]] = models.JSONField(default=list)
    failed = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.label}"


class Device(models.Model):
    """What a session was started with, for people to know it by."""

    session = models.OneToOneField("oidc_rp.OIDCSession", on_delete=models.CASCADE, primary_key=True)
    name = models.CharField(max_length=50)
    browser = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        help_text="The value of the journal's cookie, until that browser knows of the session's end.",
    )

    def __str__(self) -> str:
        return self.name
