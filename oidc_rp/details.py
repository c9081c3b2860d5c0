"""`request.oidc`: the signed-in session, read when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from .audience_tokens import Target, fetch_token_for, read_target
from .conf import app_settings
from .flows.refresh import Held, SessionTokens
from .policies import PolicyLike, find_policy
from .protocol.errors import RenewalError
from .protocol.tokens import Names
from .renewal import Renewal
from .renewal_policy import is_expiring
from .session_data import AuthenticationContext, load_tokens, read_context
from .session_guard import SESSION_KEY, guard
from .step_up import find_missing
from .steps import arun, run
from .user_tokens import UserAuth, fetch_tokens, renew_now


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

    _held: Held | None = None

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

    def meets(self, policy: PolicyLike) -> bool:
        """Whether the login is as strong and as recent as `policy` demands, now.

        `policy` is the name of one in OIDC_RP_STEP_UP, or a Requirement. False for anonymous
        users, and for who signed in otherwise. Raises ConfigurationError for an unknown name.
        """
        return find_missing(self._context, find_policy(policy)) is None

    async def ameets(self, policy: PolicyLike) -> bool:
        """`meets`, for async code: loads what it needs without blocking the event loop."""
        await self.aload()
        # Only a site's own loader of providers may do I/O here.
        return self.meets(policy) if app_settings.provider_loader is None else await sync_to_async(self.meets)(policy)

    @property
    def access_token(self) -> str | None:
        """The user's access token, renewed first if it is about to expire; None without a session of an OP.

        The first use costs a query, a renewal one call to the OP. Keep it out of
        `transaction.atomic()` and ask for it before a streaming response begins. Raises
        SessionEndedError, RenewalError, OPUnavailableError or another OIDCError if there is
        no access token that is still valid; what is not caught ends in an error page.
        """
        return None if self._context is None else run(self._fetch_access_token())

    async def aaccess_token(self) -> str | None:
        """`access_token`, for async code."""
        await self.aload()
        return None if self._context is None else await arun(self._fetch_access_token())

    def get_token(self, *, resource: Names = (), audience: Names = (), scope: Names = ()) -> str | None:
        """An access token of the user for certain APIs only, or with less scope; None without a session of an OP.

        `resource` has URIs of APIs (RFC 8707), `audience` names that the OP knows them by, for
        a token exchange (RFC 8693); not both. Each is text, with spaces between several, or a
        list. It costs a query; a call to the OP only if there is no fresh one in the cache.
        The rest is as for `access_token`; ValueError for what cannot be asked for.
        """
        target = read_target(resource, audience, scope)
        return None if self._context is None else run(self._fetch_token_for(target))

    async def aget_token(self, *, resource: Names = (), audience: Names = (), scope: Names = ()) -> str | None:
        """`get_token`, for async code."""
        target = read_target(resource, audience, scope)
        await self.aload()
        return None if self._context is None else await arun(self._fetch_token_for(target))

    def auth_for(self, *, resource: Names = (), audience: Names = (), scope: Names = ()) -> UserAuth:
        """`auth`, with the access token that `get_token` has for the same arguments."""
        return UserAuth(self.provider, partial(self._fetch_token_for, read_target(resource, audience, scope)))

    def renew(self) -> None:
        """Have the OP confirm the session now, and renew its tokens. Raises as `access_token` does."""
        if self._context is not None:
            self._hold(run(renew_now(self._get_renewal(), self._context)))

    @property
    def auth(self) -> UserAuth:
        """`auth=` for requests: sends the user's access token to the provider's API_ORIGINS, and renews it on a 401."""
        return UserAuth(self.provider, self._fetch_access_token)

    @property
    def is_renewable(self) -> bool:
        """Whether the session was given a refresh token."""
        return self._context is not None and self._context.generation is not None

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

    def _fetch_access_token(self, *, rejected: str | None = None) -> Generator[float, None, str]:
        context, held = self._get_context(), self._held
        if held is None or held.tokens.access_token == rejected or is_expiring(context, time.time()):
            held = self._hold((yield from fetch_tokens(self._get_renewal(), context, rejected=rejected)))
        return held.tokens.access_token

    def _fetch_token_for(self, target: Target, *, rejected: str | None = None) -> Generator[float, None, str]:
        token = yield from fetch_token_for(self._get_renewal(), self._get_context(), target, rejected=rejected)
        # It may have renewed the session on the way.
        self._forget()
        return token

    def _hold(self, held: Held) -> Held:
        """Keep what has been fetched, and forget what was read of the session before."""
        self._forget()
        self._held = held
        return held

    def _forget(self) -> None:
        self._held = None
        for name in ("_context", "tokens", "claims"):
            self.__dict__.pop(name, None)

    def _get_context(self) -> AuthenticationContext:
        if self._context is None:
            raise RenewalError("nobody is signed in through an OP")
        return self._context

    def _get_renewal(self) -> Renewal:
        return cast(Renewal, guard(self._request.session).get_renewer())

    @cached_property
    def _context(self) -> AuthenticationContext | None:
        # The session alone is not enough: its user may have been deleted or made inactive since.
        if not self._request.user.is_authenticated:
            return None
        return read_context(self._request.session)
