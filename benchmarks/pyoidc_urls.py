"""URLs of django-pyoidc, which makes them for each of its providers."""

from __future__ import annotations

from django_pyoidc.helper import OIDCHelper

urlpatterns = OIDCHelper(op_name="op").get_urlpatterns()
