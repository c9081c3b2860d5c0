"""`manage.py runserver`, for a site on its own: nothing has to be done before."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import runserver
from django.db import connection
from django.utils.encoding import force_str

from demo_project.op.keys import read_or_create


class Command(runserver.Command):
    help = f"{runserver.Command.help} Makes the demo site's database first, or brings it up to date."

    def handle(self, *args: Any, **options: Any) -> None:
        # The key is made up at each start; a reload, which runs this command anew, must not sign everybody out.
        os.environ.setdefault("DEMO_SITE_SECRET_KEY", force_str(settings.SECRET_KEY))
        super().handle(*args, **options)

    def inner_run(self, *args: Any, **options: Any) -> None:
        folder = Path(connection.settings_dict["NAME"]).parent
        # Nothing in a folder that is made for the database may ever be committed.
        if not folder.exists():
            read_or_create(folder / ".gitignore", lambda: "*\n")
        call_command("migrate", interactive=False, verbosity=0)
        super().inner_run(*args, **options)
