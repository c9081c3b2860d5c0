"""What the OP takes from Django's settings.

`OAUTH2_PROVIDER` is django-oauth-toolkit's own; `oauth2_provider_settings()` builds it, for the OP's settings
module and for any other settings under which the OP runs in process. The app's own settings have defaults:

- `DEMO_OP_CLIENTS`: what `seed_demo_op` registers, a sequence of `Client`.
- `DEMO_OP_LOGOUT_DELIVERY`: dotted path of the callable that sends a sequence of logout messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from demo_project.op.backchannel import LogoutMessage

SCOPES = {
    "openid": "Sign you in",
    "profile": "Your name and user name",
    "email": "Your e-mail address",
    "groups": "The groups that you are in",
    "api": "Call the demo's API for you",
    "offline_access": "Stay connected after you have signed out",
}


@dataclass(frozen=True)
class Client:
    """A relying party of the demo; its URIs follow from the base URL of the site."""

    client_id: str
    name: str
    url: str
    secret: str | None
    logout_channel: Literal["back", "front"] = "back"


def oauth2_provider_settings(
    *,
    rsa_private_key: str,
    issuer: str = "",
    access_token_seconds: int = 300,
    client_secret_hasher: str = "default",
) -> dict[str, Any]:
    """The value of `OAUTH2_PROVIDER`. Without `issuer` it is the URL under which the OP is called."""
    return {
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": issuer,
        "OIDC_RSA_PRIVATE_KEY": rsa_private_key,
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
        "OAUTH2_VALIDATOR_CLASS": "demo_project.op.validator.DemoOPValidator",
        "CLIENT_SECRET_HASHER": client_secret_hasher,
        "SCOPES": SCOPES,
        "DEFAULT_SCOPES": ["openid"],
        "ACCESS_TOKEN_EXPIRE_SECONDS": access_token_seconds,
        "ID_TOKEN_EXPIRE_SECONDS": 600,
        "REFRESH_TOKEN_EXPIRE_SECONDS": 24 * 60 * 60,
        "ROTATE_REFRESH_TOKEN": True,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
        "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
        "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
        "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
        "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    }


def clients() -> Sequence[Client]:
    configured: Sequence[Client] = getattr(settings, "DEMO_OP_CLIENTS", ())
    return configured


def logout_delivery() -> "Callable[[Sequence[LogoutMessage]], None]":
    path = getattr(settings, "DEMO_OP_LOGOUT_DELIVERY", "demo_project.op.backchannel.deliver")
    delivery: Callable[[Sequence[LogoutMessage]], None] = import_string(path)
    return delivery
