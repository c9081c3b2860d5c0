"""The Django app `demo_op`."""

from django.apps import AppConfig


class DemoOPConfig(AppConfig):
    name = "demo_project.op"
    label = "demo_op"
    verbose_name = "Demo OpenID Provider"
    default_auto_field = "django.db.models.BigAutoField"
