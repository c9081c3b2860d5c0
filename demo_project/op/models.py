"""What the OP has to remember beyond django-oauth-toolkit's tables."""

import secrets
import uuid

import pyotp
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone


def new_sid() -> str:
    return secrets.token_urlsafe(24)


class ACR(models.TextChoices):
    """The authentication context classes of the OP, weakest first."""

    PWD = "pwd", "Password"
    MFA = "mfa", "Password and one-time code"

    @property
    def amr(self) -> list[str]:
        return ["pwd", "otp"] if self is ACR.MFA else ["pwd"]


class Account(models.Model):
    """What the OP knows of a user beyond Django's user model."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="demo_op_account")
    subject = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email_verified = models.BooleanField(default=False)
    totp_secret = models.CharField(max_length=64, blank=True, default="")
    totp_last_step = models.BigIntegerField(default=0)
    totp_failures = models.PositiveSmallIntegerField(default=0)
    totp_locked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.user)

    @classmethod
    def of(cls, user: AbstractBaseUser) -> "Account":
        account, _ = cls.objects.get_or_create(user_id=user.pk)
        return account

    @property
    def totp(self) -> pyotp.TOTP:
        return pyotp.TOTP(self.totp_secret)

    @property
    def provisioning_uri(self) -> str:
        return self.totp.provisioning_uri(name=str(self.user), issuer_name="oidc_rp demo")


class OPSession(models.Model):
    """One login at the OP in one browser. The browser's Django session holds the `sid`; this row decides."""

    sid = models.CharField(max_length=64, unique=True, default=new_sid, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="op_sessions")
    acr = models.CharField(max_length=8, choices=ACR.choices, default=ACR.PWD)
    auth_time = models.DateTimeField(default=timezone.now)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} since {self.created:%Y-%m-%d %H:%M}"

    @property
    def amr(self) -> list[str]:
        return ACR(self.acr).amr


class RPLogin(models.Model):
    """One login of one relying party in one OP session.

    A code, the tokens issued for it and their successors all lead back to this row. It keeps the authentication
    as it was when the code was issued: a refreshed ID token must state the original one (Core 1.0 section 12.2),
    whatever has happened in the session since.
    """

    session = models.ForeignKey(OPSession, on_delete=models.CASCADE, related_name="logins")
    application = models.ForeignKey("oauth2_provider.Application", on_delete=models.CASCADE, related_name="op_logins")
    acr = models.CharField(max_length=8, choices=ACR.choices)
    auth_time = models.DateTimeField()
    offline = models.BooleanField(default=False, help_text="Its tokens outlive the session.")
    grant = models.OneToOneField("oauth2_provider.Grant", on_delete=models.SET_NULL, null=True, related_name="op_login")
    token_family = models.UUIDField(null=True, unique=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.application} in {self.session}"

    @property
    def amr(self) -> list[str]:
        return ACR(self.acr).amr


class LogoutChannel(models.Model):
    """Where a relying party wants to hear of a logout. The front channel serves those without a back channel."""

    application = models.OneToOneField(
        "oauth2_provider.Application", on_delete=models.CASCADE, related_name="logout_channel"
    )
    backchannel_uri = models.URLField(blank=True, default="")
    frontchannel_uri = models.URLField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.application}: {self.backchannel_uri or self.frontchannel_uri}"


class Behaviour(models.Model):
    """How the OP is to misbehave, in one row: a relying party must cope with OPs that do."""

    ignore_step_up = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "ignores step-up requests" if self.ignore_step_up else "as specified"

    @classmethod
    def current(cls) -> "Behaviour":
        behaviour, _ = cls.objects.get_or_create(pk=1)
        return behaviour
