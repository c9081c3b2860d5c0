"""From validated claims to a user. Users are found by (issuer, sub), never by e-mail alone.

The mapping hooks are those of mozilla-django-oidc's backend, which this one extends for
exactly that, so that customisations written for it carry over: `verify_claims`,
`filter_users_by_claims`, `create_user`, `update_user`, `get_username`. They are given the
ID token's and the userinfo claims together. Its protocol code is never reached.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from .claims_mapping import apply_mapping, get_claim, sync_groups
from .flows.login import Login
from .models import OIDCIdentity
from .protocol.errors import UserRefusedError
from .provider import Provider

Claims = Mapping[str, Any]


class OIDCBackend(OIDCAuthenticationBackend):  # that package has no types
    """Authenticates completed logins. During `authenticate`, the hooks find here:

    `request`, `oidc_login` (an `oidc_rp.flows.login.Login`) and `oidc_provider`.
    """

    request: HttpRequest | None
    oidc_login: Login
    oidc_provider: Provider

    def __init__(self) -> None:
        # Django builds every backend anew for each permission check, so this must cost nothing;
        # that of the base class reads six settings and demands endpoints.
        pass

    @property
    def UserModel(self) -> Any:  # noqa: N802 -- the base class's name
        """The project's user model."""
        return get_user_model()

    def authenticate(
        self,
        request: HttpRequest | None,
        oidc_login: Login | None = None,
        oidc_provider: Provider | None = None,
        **credentials: Any,
    ) -> Any:
        """The user of a completed login; None if these are other credentials.

        Raises UserRefusedError, with a code that says why, instead of returning None:
        an operator must be able to tell the reasons apart.
        """
        if oidc_login is None or oidc_provider is None:
            return None
        self.request, self.oidc_login, self.oidc_provider = request, oidc_login, oidc_provider
        claims = oidc_login.claims
        if not self.verify_claims(claims):
            raise UserRefusedError("verify_claims refused the claims", code="claims_refused")
        try:
            return self._get_or_create_user(claims)
        except IntegrityError:
            # Two first logins of one subject at once: the other has made the user by now.
            return self._get_or_create_user_again(claims)

    def get_user(self, user_id: Any) -> Any:
        """The user of a session; None if they are gone or inactive (the base class lets inactive ones stay)."""
        return ModelBackend.get_user(self, user_id)

    def verify_claims(self, claims: Claims) -> bool:
        """Hook: whether these claims may sign in here at all. All may."""
        return True

    def filter_users_by_claims(self, claims: Claims) -> models.QuerySet[Any]:
        """Hook: existing accounts that a subject without an identity may be linked to.

        None, unless the provider has LINK_BY_EMAIL and the OP says `email_verified: true`.
        """
        users: models.Manager[Any] = self.UserModel._default_manager
        email = claims.get("email")
        if (
            not self.oidc_provider.config.link_by_email
            or not isinstance(email, str)
            or not email
            or claims.get("email_verified") is not True
        ):
            return users.none()
        field = self.UserModel.get_email_field_name()
        found = users.filter(**{f"{field}__iexact": email})
        same = [user.pk for user in found if _is_same_email(getattr(user, field), email)]
        return found if len(same) == len(found) else users.filter(pk__in=same)

    def create_user(self, claims: Claims) -> Any:
        """Hook: make the account of a new subject, from CLAIMS_MAPPING, without a usable password."""
        name_field = self.UserModel._meta.get_field(self.UserModel.USERNAME_FIELD)
        name = self.get_username(claims)
        if name_field.max_length is not None and len(name) > name_field.max_length:
            # Cut, it might be somebody else's.
            raise UserRefusedError("the user name is longer than its field", code="username_too_long")
        user = self.UserModel(**{name_field.name: name})
        user.set_unusable_password()
        apply_mapping(user, claims, self.oidc_provider.config.claims_mapping)
        user.save()
        sync_groups(user, claims, self.oidc_provider.config.claims_mapping)
        return user

    def update_user(self, user: Any, claims: Claims) -> Any:
        """Hook: bring a known user up to date at each login, from CLAIMS_MAPPING; saves only what changed."""
        changed = apply_mapping(user, claims, self.oidc_provider.config.claims_mapping)
        if changed:
            user.save(update_fields=changed)
        sync_groups(user, claims, self.oidc_provider.config.claims_mapping)
        return user

    def get_username(self, claims: Claims) -> str:
        """Hook: the new account's name.

        The claim that CLAIMS_MAPPING gives for it; else what OIDC_USERNAME_ALGO computes; else
        30 characters made from issuer and subject, which nobody at the OP can choose.
        """
        field = self.UserModel.USERNAME_FIELD
        mapping = self.oidc_provider.config.claims_mapping or {}
        if field in mapping or field == self.UserModel.get_email_field_name():
            name = get_claim(claims, mapping.get(field, "email"))
            if not isinstance(name, str) or not name:
                raise UserRefusedError("the claim that gives the user name is missing", code="username_missing")
            return name
        if getattr(settings, "OIDC_USERNAME_ALGO", None):
            return str(super().get_username(claims))
        key = OIDCIdentity.make_key(claims["iss"], claims["sub"])
        return urlsafe_b64encode(bytes.fromhex(key)).decode()[:30]

    def _get_or_create_user_again(self, claims: Claims) -> Any:
        try:
            return self._get_or_create_user(claims)
        except IntegrityError as error:
            raise UserRefusedError("another account has this user name or e-mail", code="user_conflict") from error

    def _get_or_create_user(self, claims: Claims) -> Any:
        key = OIDCIdentity.make_key(claims["iss"], claims["sub"])
        with transaction.atomic():
            identity = OIDCIdentity.objects.select_related("user").filter(key=key).first()
            user = self._link_or_create(key, claims) if identity is None else self._recognise(identity, claims)
        # Outside the transaction, and after the mapping: if that has just made the account inactive, it stays so.
        if not self.user_can_authenticate(user):
            raise UserRefusedError("the account is not active", code="user_inactive")
        return user

    def _recognise(self, identity: OIDCIdentity, claims: Claims) -> Any:
        verified = claims.get("email_verified") is True
        if identity.email_verified != verified:
            identity.email_verified = verified
            identity.save(update_fields=["email_verified"])
        return self.update_user(identity.user, claims)

    def _link_or_create(self, key: str, claims: Claims) -> Any:
        users = list(self.filter_users_by_claims(claims)[:2])
        if len(users) > 1:
            raise UserRefusedError("several accounts have this e-mail", code="user_ambiguous")
        if users:
            if not self.user_can_authenticate(users[0]):
                raise UserRefusedError("the account is not active", code="user_inactive")
            user = self.update_user(_check_linkable(users[0], claims), claims)
        elif self.oidc_provider.config.create_users:
            user = self.create_user(claims)
        else:
            raise UserRefusedError("no account is linked and CREATE_USERS is off", code="user_unknown")
        OIDCIdentity.objects.create(
            key=key,
            issuer=claims["iss"],
            sub=claims["sub"],
            user=user,
            email_verified=claims.get("email_verified") is True,
        )
        return user


def _check_linkable(user: Any, claims: Claims) -> Any:
    """`user`, unless linking a new subject to this account could hand it over to somebody else."""
    linked = OIDCIdentity.objects.filter(user=user).values_list("issuer", "email_verified")
    for issuer, email_verified in linked:
        if issuer == claims["iss"]:
            # An address that the OP has given to somebody else must not bring their predecessor's account along.
            raise UserRefusedError("the account is linked to another subject of this OP", code="user_linked")
        if not email_verified:
            # Whoever made this account may have claimed an address that is not theirs, to wait for its owner.
            raise UserRefusedError("the account's e-mail is not verified by its own OP", code="user_unverified")
    return user


def _is_same_email(left: str, right: str) -> bool:
    """Whether two addresses differ in case only.

    A database may take more for a difference of case than a mail server does, such as the
    dotless "\u0131" for "i" (CVE-2019-19844), and let the owner of one address have the other's account.
    """
    return normalize("NFKC", left).casefold() == normalize("NFKC", right).casefold()
