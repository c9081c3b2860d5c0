"""As little of a browser as a login needs, on top of a WSGI handler in the same process.

`django.test.Client` would do more in Python than some of what is measured here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponseBase
from django.http.cookie import SimpleCookie

HOST = "rp.example"


def build_environ(path: str, query: Mapping[str, str], cookies: Mapping[str, str]) -> dict[str, Any]:
    """The WSGI environ of a GET as a browser sends it through a server that ends TLS."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(query),
        "SERVER_NAME": HOST,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def build_form_environ(path: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The WSGI environ of a form that another server posts."""
    body = urlencode(form).encode()
    return {
        **build_environ(path, {}, {}),
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


def send(handler: WSGIHandler, environ: dict[str, Any]) -> HttpResponseBase:
    """One request through the whole stack, closed as a server closes it. `environ` is used up."""
    response = handler(environ, _start_response)
    response.close()
    return response


class Browser:
    """A visitor with cookies."""

    def __init__(self, handler: WSGIHandler) -> None:
        self._handler = handler
        self.cookies: dict[str, str] = {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> HttpResponseBase:
        """GET `path`, and keep or drop the cookies that the answer sets or deletes."""
        response = send(self._handler, build_environ(path, query or {}, self.cookies))
        self._take(response.cookies)
        return response

    def _take(self, cookies: SimpleCookie) -> None:
        for name, morsel in cookies.items():
            if morsel["max-age"] == 0:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.coded_value


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
    return None
