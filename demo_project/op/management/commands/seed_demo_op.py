"""`manage.py seed_demo_op`."""

from typing import Any

from django.core.management.base import BaseCommand

from demo_project.op.conf import clients
from demo_project.op.seeding import PEOPLE, seed_client, seed_person


class Command(BaseCommand):
    help = "Creates or updates the demo's users and relying parties and prints what one needs to use them."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for person in PEOPLE:
            account = seed_person(person)
            self.stdout.write(
                f"{person.username} / {person.password}  TOTP secret {account.totp_secret}  {account.provisioning_uri}"
            )
        for client in clients():
            secret = seed_client(client)
            self.stdout.write(f"{client.client_id} at {client.url}" + (f"  secret {secret}" if secret else ""))
