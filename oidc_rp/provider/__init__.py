"""Floor 2: one OP as we see it. Metadata, keys, HTTP endpoints, client authentication."""

from .config import ProviderConfig
from .http import Exchange
from .provider import Provider

__all__ = ["Exchange", "Provider", "ProviderConfig"]
