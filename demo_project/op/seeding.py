"""The demo's users and relying parties. Doing it again changes nothing that is right already."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyotp
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from oauth2_provider.models import Application

from demo_project.op.conf import Client
from demo_project.op.models import Account, LogoutChannel

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True)
class Person:
    """A demo user, whose password is the user name and `-demo`."""

    username: str
    first_name: str
    last_name: str
    groups: tuple[str, ...] = ()

    @property
    def password(self) -> str:
        return f"{self.username}-demo"

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


PEOPLE = (
    Person("alice", "Alice", "Anderson"),
    Person("bob", "Bob", "Brown", groups=("staff",)),
)


@transaction.atomic
def seed_person(person: Person) -> Account:
    user: User
    user, _ = get_user_model().objects.update_or_create(
        username=person.username,
        defaults={"first_name": person.first_name, "last_name": person.last_name, "email": person.email},
    )
    if not user.check_password(person.password):
        user.set_password(person.password)
        user.save(update_fields=["password"])
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in person.groups])
    account = Account.of(user)
    account.email_verified = True
    account.totp_secret = account.totp_secret or pyotp.random_base32()
    account.save(update_fields=["email_verified", "totp_secret"])
    return account


@transaction.atomic
def seed_client(client: Client) -> str | None:
    """Registers a relying party. Returns its secret if one had to be made up, the only time it can be seen."""
    known = Application.objects.filter(client_id=client.client_id).first()
    made_up = secrets.token_urlsafe(32) if not (known or client.secret) else None
    secret = client.secret or made_up
    application, _ = Application.objects.update_or_create(
        client_id=client.client_id,
        defaults={
            "name": client.name,
            "client_type": Application.CLIENT_CONFIDENTIAL,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "algorithm": Application.RS256_ALGORITHM,
            "skip_authorization": True,
            "redirect_uris": f"{client.url}/oidc/callback/default/",
            "post_logout_redirect_uris": f"{client.url}/oidc/logout/callback/",
        }
        | ({"client_secret": secret} if secret else {}),
    )
    LogoutChannel.objects.update_or_create(
        application=application,
        defaults={
            f"{channel}channel_uri": f"{client.url}/oidc/{channel}channel-logout/default/"
            if channel == client.logout_channel
            else ""
            for channel in ("back", "front")
        },
    )
    return made_up
