"""django-oauth-toolkit as the OP, in the same process as the RP: told apart by host, joined by HTTP in name only."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
import responses
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import get_urlconf, set_urlconf

OP_HOST = "localhost:8000"
OP_URL = f"http://{OP_HOST}"


def op_by_host(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: the OP's URLs for the OP's host."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.get_host() == OP_HOST:
            request.urlconf = "demo_project.op.urls"
        return get_response(request)

    return middleware


def install(mock: responses.RequestsMock) -> list[str]:
    """Carry what the RP sends to the OP into Django; returns the list of paths that fills as it does."""
    calls: list[str] = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        path = str(request.path_url)
        calls.append(path)
        headers = {name: str(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        # The RP's own request is under way in this thread, and goes on with its own URLs afterwards.
        urlconf = get_urlconf()
        try:
            response = Client().generic(
                str(request.method),
                path,
                body,
                content_type=headers.pop("Content-Type", "application/octet-stream"),
                headers={**headers, "host": OP_HOST},
            )
        finally:
            set_urlconf(urlconf)
        return response.status_code, dict(response.headers), response.content

    for method in ("GET", "POST"):
        mock.add_callback(method, re.compile(re.escape(OP_URL) + "/"), callback=answer)
    return calls
