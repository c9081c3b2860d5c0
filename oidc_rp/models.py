"""What is kept in the database: who is who at which OP, and which logins are alive."""

from __future__ import annotations

import uuid
from hashlib import sha256
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def digest(*parts: str) -> str:
    """A fixed-length key for a tuple of strings, such as (issuer, sub).

    Identifiers of an OP are compared octet by octet and may be long. A hash is exact
    under every collation (MySQL's default ones would take `Alice` for `alice`) and fits
    every index. Lengths go in, so that no two tuples run together.
    """
    hashed = sha256()
    for part in parts:
        data = part.encode()
        hashed.update(len(data).to_bytes(4, "big") + data)
    return hashed.hexdigest()


class OIDCIdentity(models.Model):
    """A subject at an issuer, and the user that it is here. The pair (issuer, sub) is the only key to a user."""

    key = models.CharField(max_length=64, unique=True, editable=False)
    issuer = models.CharField(_("issuer"), max_length=500)
    sub = models.CharField(_("subject"), max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oidc_identities", verbose_name=_("user")
    )
    # Whether the OP vouched for the e-mail address at the last login. One that it did not vouch for may be in the
    # account all the same, and must not attract the real owner's identity from another OP (LINK_BY_EMAIL).
    email_verified = models.BooleanField(_("e-mail verified"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("OpenID Connect identity")
        verbose_name_plural = _("OpenID Connect identities")

    def __str__(self) -> str:
        return f"{self.sub} at {self.issuer}"

    @staticmethod
    def make_key(issuer: str, sub: str) -> str:
        """The value of `key` for a subject."""
        return digest(issuer, sub)


class TokenHolder(models.Model):
    """Tokens of an OP under seal, who is renewing them just now, and whether they are over. Times are Unix seconds."""

    # Sealed for this row.
    sealed_tokens = models.TextField(editable=False, blank=True)
    # How often the tokens have been renewed. A refresh token belongs to one generation.
    generation = models.BigIntegerField(default=0, editable=False)
    access_expires_at = models.BigIntegerField(null=True, editable=False)
    # Whoever wrote its own mark here renews the tokens; after `leased_until` another may.
    lease = models.CharField(max_length=32, blank=True, editable=False)
    leased_until = models.FloatField(default=0, editable=False)
    # The OP could not be reached: nobody tries again before.
    retry_at = models.FloatField(default=0, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, db_index=True)
    end_reason = models.CharField(_("why it ended"), max_length=50, blank=True)

    class Meta:
        abstract = True


class OIDCSession(TokenHolder):
    """The OP's session as seen by this RP: one row for each login here. The row decides whether it is alive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # A hash of the login's `state`. Unique, so that one authentication response starts one session, ever.
    login_key = models.CharField(max_length=64, unique=True, editable=False)
    alias = models.CharField(_("provider"), max_length=100)
    issuer = models.CharField(_("issuer"), max_length=500)
    client_id = models.CharField(_("client id"), max_length=500)
    sub = models.CharField(_("subject"), max_length=255)
    sid = models.CharField(_("session id at the provider"), max_length=1024, blank=True)
    sub_key = models.CharField(max_length=64, db_index=True, editable=False)
    sid_key = models.CharField(max_length=64, db_index=True, editable=False, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oidc_sessions", verbose_name=_("user")
    )
    session_key = models.CharField(max_length=255, db_index=True, blank=True, editable=False)
    acr = models.CharField(_("authentication context class"), max_length=255, blank=True)
    amr: models.JSONField[list[str], list[str]] = models.JSONField(_("authentication methods"), default=list)
    auth_time = models.DateTimeField(_("authenticated at"), null=True)
    # The ID token's `iat`. A logout of all of a subject's sessions means those that are not newer than itself.
    issued_at = models.BigIntegerField(_("iat"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    renewed_at = models.DateTimeField(_("last renewed"), default=timezone.now)
    # When Django's session would end by itself; that of the last save.
    expires_at = models.DateTimeField(_("expires"), null=True)
    # How requests that still carry an earlier refresh token come to the newest (`oidc_rp.handover`).
    handover = models.TextField(editable=False, blank=True)

    SEAL_PURPOSE: ClassVar[str] = "session tokens"

    class Meta:
        verbose_name = _("OpenID Connect session")
        verbose_name_plural = _("OpenID Connect sessions")

    def __str__(self) -> str:
        return f"{self.sub} at {self.issuer}, since {self.created_at:%Y-%m-%d %H:%M}"


class OfflineGrant(TokenHolder):
    """Access that a user has granted for work in the background, after the session is gone (Core 1.0 section 11)."""

    # A hash of the login's `state`. Unique, so that one authentication response makes one grant, ever.
    login_key = models.CharField(max_length=64, unique=True, editable=False)
    alias = models.CharField(_("provider"), max_length=100)
    issuer = models.CharField(_("issuer"), max_length=500)
    client_id = models.CharField(_("client id"), max_length=500)
    sub = models.CharField(_("subject"), max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oidc_offline_grants", verbose_name=_("user")
    )
    scopes: models.JSONField[list[str], list[str]] = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    renewed_at = models.DateTimeField(_("last renewed"), default=timezone.now)
    # To the minute.
    last_used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("offline grant")
        verbose_name_plural = _("offline grants")

    def __str__(self) -> str:
        return f"{self.sub} at {self.issuer}, since {self.created_at:%Y-%m-%d %H:%M}"


class LogoutReceipt(models.Model):
    """A logout token that has arrived. Its `jti` works once; and a login that it overtook finds it here."""

    key = models.CharField(max_length=64, unique=True, editable=False)
    # The session that it ends, or, if the token has no `sid`, the subject: as in OIDCSession.
    sid_key = models.CharField(max_length=64, db_index=True, blank=True, editable=False)
    sub_key = models.CharField(max_length=64, db_index=True, blank=True, editable=False)
    issued_at = models.BigIntegerField(_("iat"))
    # When the sessions had ended; until then the OP may try again.
    settled_at = models.DateTimeField(_("settled"), null=True)
    created_at = models.DateTimeField(_("received"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("logout receipt")
        verbose_name_plural = _("logout receipts")

    def __str__(self) -> str:
        return f"logout token received {self.created_at:%Y-%m-%d %H:%M:%S}"
