"""OIDCMiddleware sets `request.oidc` and touches nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from oidc_rp.details import OIDCDetails
from oidc_rp.middleware import OIDCMiddleware


def build_request(rf: RequestFactory) -> HttpRequest:
    request: HttpRequest = rf.get("/")
    request.session = SessionStore("no-such-session")
    request.user = AnonymousUser()
    return request


def test_middleware_attaches_details(rf: RequestFactory) -> None:
    seen: list[Any] = []
    answer = HttpResponse("answer")

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.oidc)  # type: ignore[attr-defined]  # what is tested here
        return answer

    middleware = OIDCMiddleware(view)
    request = build_request(rf)
    assert not iscoroutinefunction(middleware)
    assert middleware(request) is answer
    (details,) = seen
    assert isinstance(details, OIDCDetails)
    assert not request.session.accessed, "nobody has asked"


def test_middleware_is_async_around_async_views(rf: RequestFactory) -> None:
    answer = HttpResponse("answer")

    async def view(request: HttpRequest) -> HttpResponse:
        assert isinstance(request.oidc, OIDCDetails)  # type: ignore[attr-defined]  # what is tested here
        return answer

    middleware: Any = OIDCMiddleware(view)
    assert iscoroutinefunction(middleware)
    assert asyncio.run(middleware(build_request(rf))) is answer
