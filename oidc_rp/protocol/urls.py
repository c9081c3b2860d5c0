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


def read_origin(url: object) -> str | None:
    """The origin of an acceptable URL (RFC 6454 section 4) in its one spelling: lower case, no default port.

    None for what `is_acceptable_url` does not accept.
    """
    if not isinstance(url, str) or not is_acceptable_url(url):
        return None
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")
