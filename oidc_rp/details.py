"""`request.oidc`: the signed-in session, read when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from .session_guard import SESSION_KEY
from .sessions import AuthenticationContext, SessionTokens, load_tokens, read_context


class OIDCRequest(HttpRequest):
    """For annotations: `def view(request: OIDCRequest)` makes `request.oidc` known to type checkers."""

    oidc: OIDCDetails


_NO_CLAIMS: Mapping[str, Any] = MappingProxyType({})


class OIDCDetails:
    """The session that OpenID Connect started for this request's user, if it did.

    Safe for anonymous users and for users who signed in otherwise: everything is then
    None or empty. Building it costs nothing; the session is loaded at the first access.
    In async code, `await request.oidc.aload()` before the first access.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    async def aload(self) -> None:
        """Load the session and the user without blocking the event loop."""
        await self._request.session.aget(SESSION_KEY)
        # Django keeps what auser() loads apart from request.user; the lazy object would query again.
        self._request.user = await self._request.auser()

    async def aclaims(self) -> Mapping[str, Any]:
        """`claims`, for async code: loads what it needs without blocking the event loop."""
        await self.aload()
        return await sync_to_async(lambda: self.claims)()

    @property
    def is_authenticated(self) -> bool:
        """Whether the request's user is signed in, through an OP."""
        return self._context is not None

    @property
    def provider(self) -> str | None:
        """The alias of the provider."""
        return self._context.provider if self._context else None

    @property
    def iss(self) -> str | None:
        """The OP's issuer identifier."""
        return self._context.iss if self._context else None

    @property
    def sub(self) -> str | None:
        """The user's subject identifier at the OP."""
        return self._context.sub if self._context else None

    @property
    def sid(self) -> str | None:
        """The id of the session at the OP."""
        return self._context.sid if self._context else None

    @property
    def acr(self) -> str | None:
        """The authentication context class that was reached."""
        return self._context.acr if self._context else None

    @property
    def amr(self) -> tuple[str, ...]:
        """The authentication methods that were used."""
        return self._context.amr if self._context else ()

    @property
    def auth_time(self) -> int | None:
        """When the user last authenticated at the OP, in Unix seconds."""
        return self._context.auth_time if self._context else None

    @property
    def expires_at(self) -> int | None:
        """When the access token expires, in Unix seconds; None if the OP did not say."""
        return self._context.expires_at if self._context else None

    @cached_property
    def claims(self) -> Mapping[str, Any]:
        """The validated claims of the ID token and of userinfo together. The first access costs a query."""
        tokens = self.tokens
        if tokens is None:
            return _NO_CLAIMS
        return MappingProxyType({**tokens.userinfo, **tokens.id_token_claims})

    @cached_property
    def tokens(self) -> SessionTokens | None:
        """The tokens of the login. The first access costs a query."""
        return load_tokens(self._context.id) if self._context else None

    @cached_property
    def _context(self) -> AuthenticationContext | None:
        # The session alone is not enough: its user may have been deleted or made inactive since.
        if not self._request.user.is_authenticated:
            return None
        return read_context(self._request.session)
