"""A site's own table of providers."""

from django.db import models


class Tenant(models.Model):
    slug = models.CharField(max_length=50, unique=True)
    issuer = models.CharField(max_length=200)
    client_id = models.CharField(max_length=100)
    client_secret = models.CharField(max_length=200)
    scopes = models.CharField(max_length=200, default="openid email")
    enabled = models.BooleanField(default=True)

    class Meta:
        app_label = "multitenant"

    def __str__(self) -> str:
        return self.slug
