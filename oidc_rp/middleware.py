"""`request.oidc` on every request. Nothing is loaded here: what nobody asks for costs nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .details import OIDCDetails

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def OIDCMiddleware(get_response: Any) -> GetResponse:  # noqa: N802 -- named like Django's own
    """Set `request.oidc` (an OIDCDetails). Goes after SessionMiddleware and AuthenticationMiddleware."""
    if iscoroutinefunction(get_response):

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            request.oidc = OIDCDetails(request)  # type: ignore[attr-defined]
            response: HttpResponseBase = await get_response(request)
            return response

        return amiddleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.oidc = OIDCDetails(request)  # type: ignore[attr-defined]
        response: HttpResponseBase = get_response(request)
        return response

    return middleware
