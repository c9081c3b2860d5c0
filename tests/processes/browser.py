"""A browser that knows sites by their cookies only: it sends Secure cookies over http too, as browsers do on loopback.

Python's cookie jars do not; and ports do not separate cookies, so two processes of a site share them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import requests

TIMEOUT = 60


@dataclass
class Browser:
    cookies: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, url: str, params: Mapping[str, str] | None = None) -> requests.Response:
        """One request; redirects are for the caller to follow."""
        response = requests.get(
            url,
            params,
            headers={**self.headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        for header in response.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return response
