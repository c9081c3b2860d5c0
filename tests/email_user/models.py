"""A user model that is keyed by e-mail and has none of Django's other fields."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Account(AbstractBaseUser):
    email = models.EmailField(unique=True, max_length=60)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager["Account"]()

    USERNAME_FIELD = "email"

    class Meta:
        app_label = "email_user"

    def __str__(self) -> str:
        return self.email
