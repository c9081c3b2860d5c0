"""From a request and its response to the messages that they were."""

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from demo_project.rp.journal.kinds import MessageKind, TripKind
from demo_project.rp.journal.masking import mask
from demo_project.rp.journal.recorder import Recorded, describe_status

# What the browser, or the OP itself, brings to oidc_rp's views.
ARRIVALS = {
    "oidc_rp:callback": MessageKind.AUTHENTICATION_RESPONSE,
    "oidc_rp:logout_callback": MessageKind.LOGOUT_RESPONSE,
    "oidc_rp:backchannel_logout": MessageKind.BACKCHANNEL_REQUEST,
    "oidc_rp:frontchannel_logout": MessageKind.PAGE_REQUEST,
}
BACKCHANNEL = "oidc_rp:backchannel_logout"
LOGOUT = "oidc_rp:logout"
# What an authentication request has if it asks for more than a login.
DEMANDS = frozenset({"acr_values", "claims", "max_age"})
# Of a logout token, what is worth showing. It has not been verified here: the answer's status tells that.
LOGOUT_TOKEN_CLAIMS = ("iss", "sub", "sid", "jti", "iat", "exp")


@dataclass(frozen=True)
class Leg:
    """The messages of one request, and what tells which trip they belong to."""

    messages: list[Recorded]
    kind: TripKind
    state: str
    # Only where the OP itself speaks: there is no cookie then that says whose session it is about.
    told_sid: str = ""
    # The session that has begun here.
    started_sid: str = ""
    # Whether a leg without `state` continues the trip before.
    continues: bool = False


def read_leg(
    request: HttpRequest, response: HttpResponseBase, recorded: list[Recorded], arrived_at: datetime
) -> Leg | None:
    """None if the request has nothing to do with the protocol."""
    view = request.resolver_match.view_name if request.resolver_match else ""
    redirect = _read_redirect_to_op(request, response)
    if redirect is None and not recorded and view not in ARRIVALS:
        return None
    received = request.POST if request.method == "POST" else request.GET
    arrived = {name: str(value) for name, value in received.items()}
    told = _read_logout_token(arrived.get("logout_token", "")) if view == BACKCHANNEL else {}
    arrival = _describe_arrival(request, view, arrived, told)
    arrival.at = arrived_at
    departure = _describe_departure(view, response, redirect)
    state = dict(redirect or {}).get("state") or arrived.get("state", "")
    return Leg(
        messages=[arrival, *recorded, departure],
        kind=_choose_kind(view, departure.kind, dict(redirect or {}), recorded),
        state=state,
        told_sid=str(told.get("sid", "")),
        started_sid=next((message.sid for message in recorded if message.sid), ""),
        continues=view in ARRIVALS,
    )


def _read_redirect_to_op(request: HttpRequest, response: HttpResponseBase) -> list[tuple[str, str]] | None:
    """The parameters of a redirect that carries a request to an OP: elsewhere, and with our client_id."""
    location = urlsplit(response.get("Location", ""))
    if not location.netloc or location.netloc == request.get_host():
        return None
    parameters = parse_qsl(location.query, keep_blank_values=True)
    return parameters if "client_id" in dict(parameters) else None


def _describe_arrival(
    request: HttpRequest, view: str, parameters: Mapping[str, str], told: Mapping[str, Any]
) -> Recorded:
    shown = [(name, value) for name, value in parameters.items() if name != "csrfmiddlewaretoken"]
    shown += [(f"logout_token.{name}", str(told[name])) for name in LOGOUT_TOKEN_CLAIMS if name in told]
    return Recorded(
        ARRIVALS.get(view, MessageKind.PAGE_REQUEST),
        f"{request.method} {request.path}",
        mask(shown),
        failed="error" in parameters and view in ARRIVALS,
    )


def _describe_departure(view: str, response: HttpResponseBase, redirect: list[tuple[str, str]] | None) -> Recorded:
    status = describe_status(response.status_code)
    if redirect is not None:
        kind = MessageKind.LOGOUT_REQUEST if view == LOGOUT else MessageKind.AUTHENTICATION_REQUEST
        location = urlsplit(response["Location"])
        target = f"{location.scheme}://{location.netloc}{location.path}"
        return Recorded(kind, status, [["Location", target], *mask(redirect)])
    kind = MessageKind.BACKCHANNEL_ANSWER if view == BACKCHANNEL else MessageKind.PAGE_ANSWER
    location = urlsplit(response.get("Location", ""))
    parameters = [("Location", location.path)] if location.path else []
    return Recorded(kind, status, mask(parameters), failed=response.status_code >= 400)


def _choose_kind(view: str, departure: MessageKind, redirect: Mapping[str, str], recorded: list[Recorded]) -> TripKind:
    choices = (
        (view == BACKCHANNEL, TripKind.OP_SIGN_OUT),
        (view == LOGOUT or departure is MessageKind.LOGOUT_REQUEST, TripKind.SIGN_OUT),
        (redirect.get("prompt") == "none", TripKind.SILENT),
        (bool(DEMANDS & redirect.keys()), TripKind.DEMANDING),
        (any(message.kind is MessageKind.SESSION_RENEWED for message in recorded), TripKind.RENEWAL),
        (departure is MessageKind.AUTHENTICATION_REQUEST or view.startswith("oidc_rp:"), TripKind.SIGN_IN),
    )
    return next((kind for applies, kind in choices if applies), TripKind.OTHER)


def _read_logout_token(token: str) -> Mapping[str, Any]:
    """The claims as they stand, for showing only."""
    try:
        segment = token[:20_000].split(".")[1]
        claims = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
