"""For the site's own views: send the user to the OP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from .cookies import save_transaction
from .flows.login import Wishes, begin_login
from .flows.logout import MAX_HINT_LENGTH
from .protocol.errors import AuthenticationResponseError, OIDCError
from .protocol.tokens import Names, read_names
from .providers import DEFAULT_ALIAS, providers
from .responses import error_response
from .session_data import AuthenticationContext, load_tokens, read_context
from .site_urls import build_redirect_uri, login_redirect_url, safe_next


def redirect_to_op(
    request: HttpRequest,
    provider: str = DEFAULT_ALIAS,
    *,
    next: str | None = None,  # noqa: A002 -- the name that Django developers look for
    prompt: str | None = None,
    max_age: int | None = None,
    acr_values: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Begin a login: a redirect to the OP, which will bring the user back to `next` (default: this page).

    A `next` that leads elsewhere, or is too long for a cookie, is replaced by LOGIN_REDIRECT_URL.
    `max_age` (seconds) and `acr_values` are demands: what comes back is checked against
    them, and a login that does not meet them ends on a 403 page, never in a second trip.
    `params` are further parameters of the authentication request; they are sent as they
    are, so do not fill them from a URL. If the OP cannot be reached, returns the error page.
    Raises UnknownProviderError.
    """
    wishes = Wishes(prompt=prompt, max_age=max_age, acr_values=acr_values, params=params or {})
    return send_to_op(request, provider, request.get_full_path() if next is None else next, wishes)


def send_to_op(request: HttpRequest, alias: str, next_url: str, wishes: Wishes) -> HttpResponse:
    """The same with whatever wishes."""
    try:
        return _begin(request, alias, next_url, wishes)
    except OIDCError as error:
        return error_response(request, error)


def request_offline_access(
    request: HttpRequest,
    provider: str = DEFAULT_ALIAS,
    *,
    next: str | None = None,  # noqa: A002 -- as above
    scope: Names = "offline_access",
    params: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Ask the signed-in user at the OP for access in the background (Core 1.0 section 11), and come back to `next`.

    The OP is told to ask for consent. What it then issues is kept for `oidc_rp.offline_grants`;
    the session stays as it is. `provider` may be another client at the OP that the user is
    signed in at. `scope` is asked for beside SCOPES, as text or a list; `params` as for
    `redirect_to_op`. Returns an error page for a user who is not signed in there, or if the OP
    cannot be reached. Raises UnknownProviderError.
    """
    context = read_context(request.session) if request.user.is_authenticated else None
    if context is None or context.iss != providers[provider].config.issuer:
        error = AuthenticationResponseError("nobody is signed in at this OP", code="offline_session")
        return error_response(request, error)
    wishes = Wishes(prompt="consent", params=params or {}, extra_scopes=read_names(scope), offline_for=context.id)
    return send_to_op(request, provider, request.get_full_path() if next is None else next, wishes)


def renew_at_op(request: HttpRequest, context: AuthenticationContext) -> HttpResponse:
    """A redirect to the OP that confirms a session without a word, and comes back to this page.

    If the OP would have to ask the user, the session is over (`views.callback`). Raises
    OIDCError if the OP cannot be asked, UnknownProviderError if it is not configured any more.
    """
    tokens = load_tokens(context.id)
    # Core section 3.1.2.1: with prompt=none, the hint says whose session it has to be.
    hint = tokens.id_token if tokens is not None and len(tokens.id_token) <= MAX_HINT_LENGTH else ""
    wishes = Wishes(prompt="none", params={"id_token_hint": hint}, renews=context.id)
    return _begin(request, context.provider, request.get_full_path(), wishes)


def _begin(request: HttpRequest, alias: str, next_url: str, wishes: Wishes) -> HttpResponse:
    op = providers[alias]
    url, transaction = begin_login(
        op,
        redirect_uri=build_redirect_uri(request, alias),
        # A `next` that is refused is no reason to come back to the page that began the login: that may be a loop.
        next_url=safe_next(request, next_url, default=login_redirect_url()),
        wishes=wishes,
        now=time.time(),
    )
    response = HttpResponseRedirect(url)
    save_transaction(request, response, transaction, cross_site=op.config.response_mode == "form_post")
    return response
