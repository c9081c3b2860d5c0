"""Keeping a session renewed: by which way, and what a request gets when there is none.

The session itself asks, when a request loads it (`session_guard`): a request that does
not use its session costs nothing, and one whose session is not due a comparison.
A session with a refresh token is renewed there and then. One without is sent to the OP
for a silent login, after the view, and only on a top-level navigation by GET.

A session that is due and cannot be renewed now goes on for OIDC_RP_RENEWAL_TOLERANCE
seconds: the OP may be down, another request may be renewing it, a POST cannot be sent to
the OP. After that it is withheld: the request is that of nobody, and the stored session
is left as it is, so that it can be renewed later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from .conf import app_settings
from .flows.refresh import Extra, Held, renew_tokens
from .models import OIDCSession
from .protocol.errors import OIDCError, RenewalError, SessionEndedError
from .provider import Provider
from .providers import UnknownProviderError, providers
from .refresh_cookie import (
    RefreshToken,
    delete_refresh_token,
    get_session_age,
    load_refresh_token,
    read_generation,
    save_refresh_token,
)
from .refresh_rows import SessionStore
from .renewal_policy import compute_due, is_due, is_tolerable
from .responses import error_response
from .revocation import revoke_later
from .scripts import REDIRECTS, answer_login_redirect, is_page_visit
from .session_data import AuthenticationContext, parse_context
from .session_guard import SESSION_KEY, GuardedSession
from .shortcuts import renew_at_op
from .signals import session_renewed

logger = logging.getLogger("oidc_rp")

# How long a request waits for another that is renewing, where it cannot do without: less than the 30 seconds after
# which gunicorn kills a worker.
PATIENCE_SECONDS = 20

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


def renewal_exempt(view: ViewT) -> ViewT:
    """Decorate a view for which no session is renewed: it ends the session, or begins another."""
    view.oidc_renewal_exempt = True  # type: ignore[attr-defined]  # on the view, as Django's csrf_exempt does it
    return view


class Renewal:
    """One request's part in keeping its session renewed, and the refresh token that its response is to carry."""

    def __init__(self, request: HttpRequest, session: GuardedSession) -> None:
        self._request = request
        self._session = session
        self._rotated: tuple[RefreshToken, AuthenticationContext] | None = None
        self._silent: AuthenticationContext | None = None

    @staticmethod
    def find_due(request: HttpRequest, data: dict[str, Any]) -> AuthenticationContext | None:
        """The context of a session, as loaded, that something is to be done about; None for most. No I/O."""
        stored = data.get(SESSION_KEY)
        if stored is None:
            return None
        try:
            # Each request that uses its session comes here, so the rest of the context is not read yet.
            expires_at, renewed_at, generation = stored["expires_at"], stored["renewed_at"], stored["generation"]
        except (KeyError, TypeError):
            return None  # written by another version of this package, and read as no context by all
        now = time.time()
        due = compute_due(expires_at, renewed_at, generation)
        if (due is None or now < due) and not _is_behind(request, generation, renewed_at, now):
            return None
        return None if _is_exempt(request) else parse_context(stored)

    def renew_on_load(
        self, data: dict[str, Any], context: AuthenticationContext
    ) -> Generator[float, None, dict[str, Any]]:
        """The data of a session that `find_due` has picked, as the request is to see them."""
        tolerable = is_tolerable(context, time.time())
        try:
            held, saves = yield from self._renew(
                context,
                lambda held: is_due(_update(context, held), time.time()),
                patience=lambda _: 0 if tolerable else PATIENCE_SECONDS,
            )
        except SessionEndedError as error:
            logger.info("session_ended: found at its renewal: %s", error.reason)
            return self._session.drop()
        except UnknownProviderError as error:
            # Also an alias that is another OP's now, which must not see this session's ID token as a hint either.
            logger.warning("renewal_failed: %r", error)
        except RenewalError:
            if is_due(context, time.time()) and is_page_visit(self._request):
                self._silent = context
                return data
        except OIDCError as error:
            # That another request is renewing is no failure for one that can go on meanwhile.
            if not (tolerable and error.code == "renewal_busy"):
                logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)
        else:
            updated = _update(context, held)
            # A request that has only missed the new cookie has nothing to write, and would undo what others wrote.
            self._session.modified |= saves and updated != context
            return {**data, SESSION_KEY: asdict(updated)}
        return data if tolerable else self._session.withhold()

    def fetch(
        self,
        context: AuthenticationContext,
        is_stale: Callable[[AuthenticationContext, Held], bool],
        will_do: Callable[[Held], bool],
        extra: Extra | None = None,
    ) -> Generator[float, None, Held]:
        """The session's tokens, renewed first if `is_stale`; if that fails and they `will_do`, as they are.

        With `extra`, another access token is got, and these stay as they are.
        Raises SessionEndedError, RenewalError or another OIDCError.
        """
        seen: list[Held] = []

        def is_to_be_renewed(held: Held) -> bool:
            seen[:] = [held]
            # Once the response has begun, a rotated refresh token has no way to the browser any more.
            return is_stale(_update(context, held), held) and not self._session.response_begun

        try:
            held, saves = yield from self._renew(
                context,
                is_to_be_renewed,
                # Who has a token that will do need not wait for the one that another request is getting.
                patience=lambda held: 0 if will_do(held) else PATIENCE_SECONDS,
                extra=extra,
            )
        except SessionEndedError:
            logout(self._request)
            raise
        except UnknownProviderError as error:
            raise RenewalError("the session's provider is not configured any more") from error
        except OIDCError as error:
            if not (seen and will_do(seen[0])):
                raise
            if error.code != "renewal_busy":
                logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)
            return seen[0]
        updated = _update(context, held)
        if updated != context:
            modified = self._session.modified or saves
            self._session[SESSION_KEY] = asdict(updated)
            self._session.modified = modified
        return held

    def finish(self, response: HttpResponseBase) -> HttpResponseBase:
        """The response as the browser is to get it: maybe a silent login instead, and with its refresh token."""
        # A step-up, or another trip to the OP that the view has begun, confirms the session as well.
        if self._silent is not None and response.status_code < 500 and not _leads_away(self._request, response):
            response = self._begin_silent_login(self._silent, response)
        elif response.status_code in REDIRECTS:
            response = answer_login_redirect(self._request, response)
        request, session = self._request, self._session
        if session.is_over:
            if read_generation(request) is not None:
                delete_refresh_token(request, response)
        elif self._rotated is not None:
            refresh_token, context = self._rotated
            save_refresh_token(request, response, refresh_token, context, get_session_age(session))
        return response

    @property
    def is_silent(self) -> bool:
        """Whether the response is to be a silent login, for which `finish` may ask the OP and the database."""
        return self._silent is not None

    def _renew(
        self,
        context: AuthenticationContext,
        is_due: Callable[[Held], bool],
        *,
        patience: Callable[[Held], float],
        extra: Extra | None = None,
    ) -> Generator[float, None, tuple[Held, bool]]:
        """The tokens, and whether this request is to write to the session what has become of them."""
        now = time.time()
        provider = _find_provider(context)
        cookie = load_refresh_token(self._request, context, now)
        store = SessionStore(context, provider.config.client_id, cookie, now)
        try:
            held = yield from renew_tokens(
                provider, store, is_due=is_due, patience=patience, clock=time.time, extra=extra
            )
        except SessionEndedError:
            if (orphans := store.orphans) is not None:
                # Whatever ended the session knew only the tokens before these.
                revoke_later(provider, refresh_token=orphans.refresh_token, access_token=orphans.tokens.access_token)
            raise
        if cookie is not None and held.refresh_token is not None and cookie.generation != held.generation:
            refresh_token = RefreshToken(held.refresh_token, held.generation, int(now))
            self._rotated = refresh_token, _update(context, held)
        if held.unexpected_scopes:
            logger.warning("unexpected_scope: provider %r granted %s", provider.alias, held.unexpected_scopes)
        if store.renewed:
            row = OIDCSession.objects.get(pk=context.id)
            session_renewed.send_robust(sender=OIDCSession, session=row, request=self._request)
        # Of many that have waited for the same renewal, only the one that made it.
        return held, store.renewed or store.loads == 1

    def _begin_silent_login(self, context: AuthenticationContext, response: HttpResponseBase) -> HttpResponseBase:
        try:
            redirect = renew_at_op(self._request, context)
        except OIDCError as error:
            if not is_tolerable(context, time.time()):
                return error_response(self._request, error)
            logger.warning("renewal_failed: %s: %s %s", error.code, error, error.evidence)
            return response
        return redirect


def _is_behind(request: HttpRequest, generation: int | None, renewed_at: int, now: float) -> bool:
    """Whether the browser missed a rotated refresh token, or the session its renewal, and can still have it."""
    if generation is None or now >= renewed_at + app_settings.refresh_grace:
        return False
    return read_generation(request) not in (None, generation)


def _is_exempt(request: HttpRequest) -> bool:
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info, getattr(request, "urlconf", None))
        except Resolver404:
            return False
    return getattr(match.func, "oidc_renewal_exempt", False)


def _leads_away(request: HttpRequest, response: HttpResponseBase) -> bool:
    host = urlsplit(response.headers.get("Location", "")).netloc
    return host not in ("", request.get_host())


def _find_provider(context: AuthenticationContext) -> Provider:
    provider = providers[context.provider]
    if provider.config.issuer != context.iss:
        # The alias has been given to another OP since, which must not see this session's tokens.
        raise UnknownProviderError(context.provider)
    return provider


def _update(context: AuthenticationContext, held: Held) -> AuthenticationContext:
    """The context after a renewal: what the newest ID token says, and how long the access token lives."""
    return AuthenticationContext.from_claims(
        held.tokens.id_token_claims,
        id=context.id,
        provider=context.provider,
        expires_at=held.expires_at,
        renewed_at=int(held.renewed_at),
        generation=None if context.generation is None else held.generation,
    )
