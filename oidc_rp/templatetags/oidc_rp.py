"""`{% load oidc_rp %}`: asking without enforcing."""

from __future__ import annotations

from django import template
from django.http import HttpRequest

from ..details import OIDCDetails
from ..policies import PolicyLike

register = template.Library()


@register.filter
def meets(request: HttpRequest, policy: PolicyLike) -> bool:
    """`{% if request|meets:"payment" %}`: whether the login is as strong and as recent as the policy demands."""
    details: OIDCDetails = request.oidc  # type: ignore[attr-defined]
    return details.meets(policy)
