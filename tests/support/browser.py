"""The browser's part of a login, on Django's test client."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import Morsel
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from django.http import HttpResponse
from django.test import Client

from oidc_rp.cookies import cookie_name

from .fake_op import FakeOP

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

    Response = _MonkeyPatchedWSGIResponse
else:
    Response = HttpResponse

CALLBACK = "/oidc/callback/default/"
JSON = {"accept": "application/json"}


def begin(client: Client, next_url: str | None = None, *, alias: str = "default", **params: str) -> Response:
    """Ask for a login; the answer should be a redirect to the OP."""
    asked = params if next_url is None else {"next": next_url, **params}
    return client.get(f"/oidc/login/{alias}/", asked)


def complete(client: Client, response: Mapping[str, Any], *, alias: str = "default", **extra: Any) -> Response:
    """Bring an authentication response to the callback."""
    return client.get(f"/oidc/callback/{alias}/", response, **extra)


def sign_in(client: Client, op: FakeOP, next_url: str | None = None, *, alias: str = "default") -> Response:
    """A whole login; the answer should be a redirect to `next_url`."""
    begun = begin(client, next_url, alias=alias)
    assert begun.status_code == 302, begun.content
    return complete(client, op.authorize(begun["Location"]), alias=alias)


def query(location: str) -> dict[str, str]:
    """The parameters of a URL, each once."""
    values = parse_qs(urlsplit(location).query, keep_blank_values=True)
    assert all(len(members) == 1 for members in values.values())
    return {name: members[0] for name, members in values.items()}


def pending(client: Client) -> dict[str, Morsel[str]]:
    """The cookies of pending logins that a browser would still hold."""
    return {
        name: morsel for name, morsel in client.cookies.items() if name.startswith(cookie_name("tx.")) and morsel.value
    }


def get_error(response: Response) -> tuple[int, str]:
    """Status and code of an answer that was asked for as JSON."""
    return response.status_code, response.json()["error"]
