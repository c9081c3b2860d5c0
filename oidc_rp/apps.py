"""The app's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from .checks import register_checks


class OIDCRelyingPartyConfig(AppConfig):
    """Registers the system checks. Nothing is fetched and no provider is built at start-up."""

    name = "oidc_rp"
    verbose_name = _("OpenID Connect relying party")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        register_checks()
