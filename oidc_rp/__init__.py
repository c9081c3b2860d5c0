"""OpenID Connect relying party for Django."""

__version__ = "0.1.0"
