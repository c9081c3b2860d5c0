"""What OIDC_RP_PROVIDER_LOADER names: from a row to a provider's settings."""

from __future__ import annotations

from typing import Any

from .models import Tenant


def load_tenant(alias: str) -> dict[str, Any] | None:
    tenant = Tenant.objects.filter(slug=alias, enabled=True).first()
    if tenant is None:
        return None
    return {
        "ISSUER": tenant.issuer,
        "CLIENT_ID": tenant.client_id,
        "CLIENT_SECRET": tenant.client_secret,
        "SCOPES": tenant.scopes.split(),
    }
