"""The Django app `demo_rp`."""

from importlib import import_module

from django.apps import AppConfig

from demo_project.rp.journal import recorder


class DemoRPConfig(AppConfig):
    name = "demo_project.rp"
    label = "demo_rp"
    verbose_name = "Demo relying party"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # It needs the models, which are there only now.
        import_module("demo_project.rp.devices").connect()
        recorder.connect()
