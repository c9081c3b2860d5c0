"""Logout that comes from the OP: back-channel from its server, front-channel from a frame on its page."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import Error as AnyDatabaseError
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from .flows.backchannel import complete_backchannel_logout
from .logout_receipts import DatabaseReceipts
from .models import digest
from .protocol.errors import OIDCError, TokenError
from .protocol.logout_token import LogoutToken
from .provider import Provider
from .renewal import renewal_exempt
from .responses import protect
from .session_data import read_context
from .session_rows import end_rows
from .views import get_provider

logger = logging.getLogger("oidc_rp")


class ClientSessions:
    """Implements `oidc_rp.flows.backchannel.Sessions` for one client of one OP."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def end(self, token: LogoutToken) -> int:
        """End the session that `sid` names, or all of the subject's if there is no `sid`.

        Not those that were begun after the token was issued, by the OP's clock both: it may
        come late, after the OP could not reach this site, and the subject have signed in again.
        """
        if token.sid is not None:
            condition = Q(sid_key=digest(token.iss, self._client_id, token.sid))
        else:
            sub_key = digest(token.iss, self._client_id, token.sub or "")
            condition = Q(sub_key=sub_key, issued_at__lte=int(token.iat))
        return end_rows(condition, "backchannel_logout")


@login_not_required
@renewal_exempt
@csrf_exempt  # the OP's server has no cookie of ours; the token's signature is the protection
@transaction.non_atomic_requests  # what is written must be visible before what is read next, see logout_receipts
@protect
@require_POST
def backchannel_logout(request: HttpRequest, alias: str) -> HttpResponse:
    """End the sessions that a logout token names (Back-Channel Logout 1.0 sections 2.5 to 2.8).

    200 if that is done or there is none left, 400 with a JSON reason for what is not a
    valid logout token, 5xx if it could not be done now and should be tried again.
    """
    try:
        provider = get_provider(alias)
        client_id = provider.config.client_id
        token = _read_logout_token(request)
        ended = complete_backchannel_logout(provider, token, DatabaseReceipts(client_id), ClientSessions(client_id))
    except (TokenError, BadRequest, SuspiciousOperation, UnreadablePostError) as error:
        code = error.code if isinstance(error, OIDCError) else "request_malformed"
        evidence = error.evidence if isinstance(error, OIDCError) else {}
        logger.warning("%s: back-channel logout from %r refused: %s %s", code, alias, error, evidence)
        return JsonResponse({"error": "invalid_request", "error_description": f"{code}: {error}"}, status=400)
    except (OIDCError, AnyDatabaseError) as error:
        # The keys cannot be had, or the database cannot be used: nothing that the logout token could help.
        logger.error("backchannel_logout_failed: from %r, to be tried again: %r", alias, error)
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    logger.info("backchannel_logout: %r ended %d sessions", alias, ended)
    return HttpResponse(status=200)


@login_not_required
@renewal_exempt
@transaction.non_atomic_requests  # the rows must be seen to have ended before the sessions are deleted
@protect
@xframe_options_exempt
@require_GET
def frontchannel_logout(request: HttpRequest, alias: str) -> HttpResponse:
    """End the session that a frame on the OP's page names (Front-Channel Logout 1.0 section 2).

    From `iss` and `sid` alone, because browsers send no cookies of ours into that frame.
    Anybody can make this request, so it ends the session here and revokes no token.
    """
    provider = get_provider(alias)
    iss, sid = request.GET.getlist("iss"), request.GET.getlist("sid")
    if (iss, sid) == ([], []):
        _end_session_of_this_browser(request, alias)
    elif iss == [provider.config.issuer] and len(sid) == 1 and sid[0]:
        end_rows(Q(sid_key=digest(iss[0], provider.config.client_id, sid[0])), "frontchannel_logout")
    else:
        logger.warning("frontchannel_logout: from %r refused: iss and sid must both be there and fit", alias)
        return _frame(provider, status=400)
    return _frame(provider, status=200)


def _read_logout_token(request: HttpRequest) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        raise BadRequest("the content type must be application/x-www-form-urlencoded")
    tokens = request.POST.getlist("logout_token")
    if len(tokens) != 1:
        raise BadRequest("there must be exactly one logout_token")
    return tokens[0]


def _end_session_of_this_browser(request: HttpRequest, alias: str) -> None:
    """Without `iss` and `sid` the cookie decides; in a frame only, so that a link cannot log anybody out."""
    context = read_context(request.session)
    if context is not None and context.provider == alias and request.headers.get("Sec-Fetch-Dest") == "iframe":
        end_rows(Q(pk=context.id), "frontchannel_logout")
        request.session.flush()


def _frame(provider: Provider, status: int) -> HttpResponse:
    response = HttpResponse("<!doctype html><title>Logout</title>", status=status)
    # The OP's pages may frame this answer, nobody else's. Its logout page may be on another host than its issuer.
    urls = [provider.config.issuer]
    try:
        urls.append(provider.metadata.authorization_endpoint)
        urls.append(provider.metadata.end_session_endpoint or "")
    except OIDCError as error:
        logger.warning("frontchannel_logout: metadata not at hand: %r", error)
    origins = dict.fromkeys(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, urls) if parts.netloc)
    response["Content-Security-Policy"] = f"default-src 'none'; frame-ancestors {' '.join(origins)}"
    return response
