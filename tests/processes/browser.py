"""A browser that knows sites by their cookies only: it sends Secure cookies over http too, as browsers do on loopback.

Python's cookie jars do not; and ports do not separate cookies, so two processes of a site share them.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import requests

TIMEOUT = 60


@dataclass
class Browser:
    cookies: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(
        self, url: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """One request; redirects are for the caller to follow."""
        response = requests.get(
            url,
            params,
            headers={**self.headers, **(headers or {}), "Cookie": self.cookie_header},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        for header in response.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(header).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return response

    def send(self, url: str) -> socket.socket:
        """Send a request and wait for nothing: whoever closes the socket aborts the response."""
        parts = urlsplit(url)
        connection = socket.create_connection((str(parts.hostname), parts.port or 80), TIMEOUT)
        head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {self.cookie_header}\r\n\r\n"
        connection.sendall(head.encode())
        return connection

    def copy(self) -> Browser:
        """With the cookies of this moment."""
        return Browser(dict(self.cookies), self.headers)

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())
