"""For the site's own views: send the user to the OP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from .cookies import save_transaction
from .flows.login import Wishes, begin_login
from .protocol.errors import OIDCError
from .providers import DEFAULT_ALIAS, providers
from .responses import error_response
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
    # A `next` that is refused is no reason to come back to the page that began the login: that may be a loop.
    default = login_redirect_url()
    try:
        op = providers[provider]
        url, transaction = begin_login(
            op,
            redirect_uri=build_redirect_uri(request, provider),
            next_url=safe_next(request, request.get_full_path() if next is None else next, default=default),
            wishes=Wishes(prompt=prompt, max_age=max_age, acr_values=acr_values, params=params or {}),
            now=time.time(),
        )
    except OIDCError as error:
        return error_response(request, error)
    response = HttpResponseRedirect(url)
    save_transaction(request, response, transaction, cross_site=op.config.response_mode == "form_post")
    return response
