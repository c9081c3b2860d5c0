"""The Django app `demo_rp`."""

from django.apps import AppConfig

from demo_project.rp.journal.recorder import connect


class DemoRPConfig(AppConfig):
    name = "demo_project.rp"
    label = "demo_rp"
    verbose_name = "Demo relying party"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connect()
