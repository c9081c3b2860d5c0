"""Which URLs of an OP may be used at all."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

# Python's URL functions and a browser's disagree about these; an OP's URL has no use for them.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\#]")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by name or address, so that http to it stays inside."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_acceptable_url(url: object) -> bool:
    """Whether `url` is an absolute https URL, or http on loopback, with no fragment and no credentials."""
    if not isinstance(url, str) or _FORBIDDEN.search(url):
        return False
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        return False
    if parts.username is not None or not parts.hostname or not port_is_fine:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
