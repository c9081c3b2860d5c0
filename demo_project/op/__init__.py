"""The demo's OpenID Provider: django-oauth-toolkit and the OpenID Connect features that it lacks."""
