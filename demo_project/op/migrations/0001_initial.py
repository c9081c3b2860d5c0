import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import demo_project.op.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        # Not swappable_dependency(): that needs django-oauth-toolkit's settings for swapped models, which are
        # not there unless one swaps them.
        ("oauth2_provider", "0022_refreshtoken_token_family_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="Behaviour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ignore_step_up", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("email_verified", models.BooleanField(default=False)),
                ("totp_secret", models.CharField(blank=True, default="", max_length=64)),
                ("totp_last_step", models.BigIntegerField(default=0)),
                ("totp_failures", models.PositiveSmallIntegerField(default=0)),
                ("totp_locked_until", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="demo_op_account",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LogoutChannel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("backchannel_uri", models.URLField(blank=True, default="")),
                ("frontchannel_uri", models.URLField(blank=True, default="")),
                (
                    "application",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="logout_channel",
                        to="oauth2_provider.application",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OPSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sid",
                    models.CharField(
                        default=demo_project.op.models.new_sid, editable=False, max_length=64, unique=True
                    ),
                ),
                (
                    "acr",
                    models.CharField(
                        choices=[("pwd", "Password"), ("mfa", "Password and one-time code")],
                        default="pwd",
                        max_length=8,
                    ),
                ),
                ("auth_time", models.DateTimeField(default=django.utils.timezone.now)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("ended", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="op_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RPLogin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "acr",
                    models.CharField(
                        choices=[("pwd", "Password"), ("mfa", "Password and one-time code")], max_length=8
                    ),
                ),
                ("auth_time", models.DateTimeField()),
                ("offline", models.BooleanField(default=False, help_text="Its tokens outlive the session.")),
                ("token_family", models.UUIDField(null=True, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="op_logins",
                        to="oauth2_provider.application",
                    ),
                ),
                (
                    "grant",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="op_login",
                        to="oauth2_provider.grant",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="logins", to="demo_op.opsession"
                    ),
                ),
            ],
        ),
    ]
