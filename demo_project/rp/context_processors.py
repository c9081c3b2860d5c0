"""What every page of the sites knows."""

from typing import Any

from django.http import HttpRequest

from demo_project.rp.sites import current_site
from oidc_rp.providers import providers


def site(request: HttpRequest) -> dict[str, Any]:
    return {"site": current_site(), "aliases": list(providers)}
