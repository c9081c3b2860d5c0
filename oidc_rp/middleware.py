"""`request.oidc`, the guard on the session, and its renewal. What nobody asks for is not loaded and costs nothing."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .details import OIDCDetails
from .protocol.errors import OIDCError
from .refresh_cookie import read_generation
from .renewal import Renewal
from .responses import error_response
from .scripts import REDIRECTS
from .session_guard import GuardedSession, guard

logger = logging.getLogger("oidc_rp")

GetResponse = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def OIDCMiddleware(get_response: Any) -> GetResponse:  # noqa: N802 -- named like Django's own
    """Set `request.oidc` (an OIDCDetails) and keep the session renewed.

    Goes after SessionMiddleware and AuthenticationMiddleware.
    """
    if iscoroutinefunction(get_response):

        async def amiddleware(request: HttpRequest) -> HttpResponseBase:
            session = _attach(request)
            if session.is_loaded and not await session.arenew_loaded():
                request.user = AnonymousUser()
            response: HttpResponseBase = await get_response(request)
            renewal = _find_renewal(session, response)
            if renewal is None:
                return response
            # Only a silent login asks the OP or the database.
            return await sync_to_async(renewal.finish)(response) if renewal.is_silent else renewal.finish(response)

        middleware: Any = amiddleware
    else:

        def smiddleware(request: HttpRequest) -> HttpResponseBase:
            session = _attach(request)
            if session.is_loaded and not session.renew_loaded():
                request.user = AnonymousUser()
            response: HttpResponseBase = get_response(request)
            renewal = _find_renewal(session, response)
            return response if renewal is None else renewal.finish(response)

        middleware = smiddleware
    middleware.process_exception = answer_error
    if any(database["ATOMIC_REQUESTS"] for database in connections.settings.values()):
        middleware.process_view = renew_before_transaction
    result: GetResponse = middleware
    return result


def renew_before_transaction(request: HttpRequest, *_: object) -> None:
    """With ATOMIC_REQUESTS, renew what the view may want: in its transaction, a rotation could be rolled back.

    Only for a browser that has a refresh token, whose session is loaded for that.
    """
    if read_generation(request) is not None:
        try:
            request.oidc.access_token  # type: ignore[attr-defined]  # noqa: B018 -- for what it does
        except OIDCError as error:
            # The view gets the same error if it asks for the access token, and is none the worse if it does not.
            logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)


def answer_error(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The error page, or JSON, for what `request.oidc` raises in a view: the OP is down, the session is over."""
    return error_response(request, exception) if isinstance(exception, OIDCError) else None


def _attach(request: HttpRequest) -> GuardedSession:
    session = guard(request.session)
    session.request = request
    session.renewer_type = Renewal
    request.oidc = OIDCDetails(request)  # type: ignore[attr-defined]
    return session


def _find_renewal(session: GuardedSession, response: HttpResponseBase) -> Renewal | None:
    """What has something to do with this response; None for most."""
    session.response_begun = True
    if session.renewer is None and response.status_code not in REDIRECTS and not session.is_over:
        return None
    return cast(Renewal, session.get_renewer())
