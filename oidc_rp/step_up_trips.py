"""The trip to the OP that a step-up takes: begun where a view demands more, ended at the callback.

There is never a second one by itself. What comes back is compared with what was demanded;
if it falls short, or if the page still is not satisfied right after a trip, the user gets a
page that says why, with a link to try once more by hand.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from .cookies import cookie_name, set_cookie
from .flows.login import Login, Wishes
from .flows.transaction import Transaction
from .kept_forms import keep_form
from .policies import Policy, PolicyLike, build_policy, find_policy
from .protocol.errors import AuthenticationResponseError, ConfigurationError, OIDCError, OPError, RequirementError
from .protocol.step_up import Authentication, Reached, Requirement, build_challenge
from .providers import DEFAULT_ALIAS, UnknownProviderError, providers
from .responses import error_response
from .scripts import find_page, is_page_visit, is_script, unauthorized
from .sealing import SealError, open_sealed, seal
from .session_data import AuthenticationContext, read_context
from .shortcuts import send_to_op
from .signals import step_up_demanded, step_up_met, step_up_refused
from .site_urls import login_redirect_url, safe_next
from .step_up import NOTHING, find_missing
from .step_up_wording import describe_demands, describe_reached

logger = logging.getLogger("oidc_rp")

# What an OP answers that could not, or was not allowed to, authenticate the user as was asked.
REFUSALS = frozenset({"unmet_authentication_requirements", "access_denied"})
# Long enough for the way from the callback to the page.
RETURN_SECONDS = 10
_PURPOSE = "step-up demand"
_SIGNALS = {
    "step_up_demanded": step_up_demanded,
    "step_up_met": step_up_met,
    "step_up_refused": step_up_refused,
}


def demand(request: HttpRequest, policies: Sequence[PolicyLike], *, keeps_form: bool = False) -> HttpResponse:
    """What a request gets whose login does not meet each of `policies`. Raises ConfigurationError.

    A visit to a page: a redirect to the OP, with all that is demanded, and back to the page.
    A script: a 401 that says where to go (RFC 9470). Anything else, such as a form: a page
    with a link there, because a body is never sent along, and a redirect would lose it. With
    `keeps_form`, a form is kept for the page to take up afterwards (`kept_forms`).
    """
    context = _read_context(request)
    policy = _combine([find_policy(policy) for policy in policies], context)
    missing = find_missing(context, policy)
    alias = _choose_alias(policy, context)
    word = missing.missing if missing else ""
    _announce("step_up_demanded", request, policy.requirement, alias, context or NOTHING, missing=word)
    if is_page_visit(request):
        page = safe_next(request, request.get_full_path(), default=login_redirect_url())
        if missing is not None and request.COOKIES.get(cookie_name("step_up")) == _mark(page):
            return refuse(request, missing, Policy(policy.requirement, alias), page)
        return begin(request, policy, page)
    kept = keeps_form and context is not None and keep_form(request, context)
    page = find_page(request)
    url = build_url(policy, safe_next(request, request.get_full_path(), default=page) if kept else page)
    if is_script(request):
        return _challenge(request, policy.requirement, url, authenticated=context is not None)
    values = {"demands": describe_demands(policy.requirement), "step_up_url": url, "kept": kept}
    response = render(request, "oidc_rp/step_up.html", values, status=403)
    add_never_cache_headers(response)
    return response


def begin(request: HttpRequest, policy: Policy, next_url: str) -> HttpResponse:
    """The redirect to the OP. Whoever is signed in at it here is the only one who may come back."""
    context = _read_context(request)
    alias = _choose_alias(policy, context)
    requirement = policy.requirement
    wishes = Wishes(
        max_age=requirement.max_age,
        acr_values=requirement.acr_values,
        amr=requirement.amr,
        step_up=True,
        sub=context.sub if context is not None and _find_alias(context) == alias else None,
    )
    return send_to_op(request, alias, next_url, wishes)


def complete(request: HttpRequest, response: HttpResponse, login: Login) -> None:
    """After a login that met its demands: say so, and let the page know that it was just now."""
    transaction = login.transaction
    _announce("step_up_met", request, transaction.requirement, transaction.alias, login.id_token)
    set_cookie(response, cookie_name("step_up"), _mark(transaction.next), max_age=RETURN_SECONDS)


def fail(request: HttpRequest, error: OIDCError, transaction: Transaction) -> HttpResponse:
    """The page after a trip that failed; the session is what it was before."""
    if isinstance(error, RequirementError) or (isinstance(error, OPError) and error.error in REFUSALS):
        return refuse(request, error, Policy(transaction.requirement, transaction.alias), transaction.next)
    return error_response(request, error, next_url=transaction.next)


def refuse(request: HttpRequest, error: RequirementError | OPError, policy: Policy, next_url: str) -> HttpResponse:
    """A 403 page: what was demanded, what came, and a link to try once more.

    Template: `oidc_rp/step_up_refused.html`, with what `oidc_rp/error.html` gets, and
    `demands`, `reached` and `is_other_user`.
    """
    requirement, alias = policy.requirement, policy.provider or DEFAULT_ALIAS
    word = error.missing if isinstance(error, RequirementError) else error.error
    reached: Reached = error.reached if isinstance(error, RequirementError) else NOTHING
    _announce("step_up_refused", request, requirement, alias, reached, missing=word)
    context: dict[str, object] = {
        "title": _("A stronger sign-in is needed"),
        "message": _("Your provider did not confirm the sign-in that this page needs."),
        "demands": describe_demands(requirement),
        "reached": describe_reached(requirement, reached, now=time.time()),
        "is_other_user": word == "sub",
        "retry_url": build_url(policy, next_url),
    }
    if word == "sub":
        context["title"] = _("Another account")
        context["message"] = _(
            "Somebody else has signed in at your provider than is signed in here. Nothing was changed here."
        )
    return error_response(request, error, template="oidc_rp/step_up_refused.html", context=context)


def build_url(policy: Policy, next_url: str) -> str:
    """The URL on this site that begins the trip: for a link, or for a script to go to."""
    text = json.dumps({**_list_members(policy.requirement), "provider": policy.provider}, separators=(",", ":"))
    query = urlencode({"demand": seal(text.encode(), _PURPOSE), "next": next_url})
    return f"{reverse('oidc_rp:step_up')}?{query}"


def read_url(request: HttpRequest) -> tuple[Policy, str]:
    """The policy and the page in such a URL. Raises AuthenticationResponseError if it was not made here."""
    try:
        policy = build_policy(**json.loads(open_sealed(request.GET.get("demand", ""), _PURPOSE)))
    except (SealError, TypeError, ValueError):
        raise AuthenticationResponseError("the link to a step-up was not made here", code="step_up_link") from None
    return policy, safe_next(request, request.GET.get("next"), default=login_redirect_url())


def _challenge(request: HttpRequest, requirement: Requirement, url: str, *, authenticated: bool) -> HttpResponse:
    return unauthorized(
        request,
        url,
        error="insufficient_user_authentication" if authenticated else "login_required",
        details=_list_members(requirement),
        challenge=build_challenge(requirement, authenticated=authenticated),
    )


def _read_context(request: HttpRequest) -> AuthenticationContext | None:
    return read_context(request.session) if request.user.is_authenticated else None


def _choose_alias(policy: Policy, context: AuthenticationContext | None) -> str:
    """The policy's provider, or the one where the user signed in, or the default one."""
    return policy.provider or (_find_alias(context) if context is not None else None) or DEFAULT_ALIAS


def _find_alias(context: AuthenticationContext) -> str | None:
    """The alias of the OP where the user signed in; None if it is not configured any more, or means another OP."""
    try:
        return context.provider if providers[context.provider].config.issuer == context.iss else None
    except (UnknownProviderError, ConfigurationError):
        return None


def _combine(policies: Sequence[Policy], context: AuthenticationContext | None) -> Policy:
    """All of them at once; of those that name different providers, the ones for the first that is not met."""
    first = next((policy for policy in policies if find_missing(context, policy) is not None), policies[0])
    provider = first.provider or next((policy.provider for policy in policies if policy.provider is not None), None)
    alias = _choose_alias(Policy(first.requirement, provider), context)
    levels = providers[alias].config.acr_levels if len(policies) > 1 else ()
    requirement = first.requirement
    for policy in policies:
        if policy.provider in (None, provider):
            requirement = requirement.combine(policy.requirement, levels=levels)
    return Policy(requirement, provider)


def _mark(page: str) -> str:
    return sha256(page.encode()).hexdigest()[:16]


def _list_members(requirement: Requirement) -> dict[str, Any]:
    """What is required, as JSON can hold it and `parse_requirement` takes it."""
    return {name: value for name, value in asdict(requirement).items() if value not in ((), None)}


def _announce(
    event: str, request: HttpRequest, requirement: Requirement, alias: str, actual: Authentication, *, missing: str = ""
) -> None:
    """An event for the audit: to the log, and to the receivers of its signal."""
    facts = {"acr": actual.acr, "amr": actual.amr, "auth_time": actual.auth_time}
    if event != "step_up_met":
        facts["missing"] = missing
    logger.info("%s: provider %r, %s, %s", event, alias, requirement, facts, extra={"oidc_code": event})
    _SIGNALS[event].send_robust(sender=Requirement, request=request, requirement=requirement, provider=alias, **facts)
