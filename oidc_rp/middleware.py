"""`request.oidc`, and the guard on the session. Nothing is loaded here: what nobody asks for costs nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .details import OIDCDetails
from .session_guard import guard

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def OIDCMiddleware(get_response: Any) -> GetResponse:  # noqa: N802 -- named like Django's own
    """Set `request.oidc` (an OIDCDetails). Goes after SessionMiddleware and AuthenticationMiddleware."""
    if iscoroutinefunction(get_response):

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            _attach(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return amiddleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        _attach(request)
        response: HttpResponseBase = get_response(request)
        return response

    return middleware


def _attach(request: HttpRequest) -> None:
    guard(request.session)
    request.oidc = OIDCDetails(request)  # type: ignore[attr-defined]
