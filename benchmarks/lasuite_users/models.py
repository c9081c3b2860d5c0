from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models


def _make_username() -> str:
    return uuid4().hex


class User(AbstractUser):
    sub = models.CharField(max_length=255, unique=True)
    # A login there gives an account this, and no username.
    name = models.CharField(max_length=255, blank=True)
    username = models.CharField(max_length=150, unique=True, default=_make_username)

    class Meta:
        app_label = "lasuite_users"
