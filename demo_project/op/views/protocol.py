"""The endpoints of django-oauth-toolkit that need more than it gives: authorization, discovery, introspection."""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.generic import View
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.models import RefreshToken
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import ConnectDiscoveryInfoView, IntrospectTokenView
from oauth2_provider.views.base import BaseAuthorizationView
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import AccessDeniedError, InvalidRequestError, OAuth2Error
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error
from oauthlib.openid.connect.core.exceptions import InteractionRequired, LoginRequired

from demo_project.op.models import ACR, Account, Behaviour, OPSession, RPLogin
from demo_project.op.requirements import Requirement, Step
from demo_project.op.sessions import current_session, is_fresh_login, use_up_fresh_login
from demo_project.op.tokens import read_id_token_hint
from demo_project.op.views.page import PageMixin

CANCELLED = "cancelled"


@method_decorator(login_not_required, name="dispatch")
class AuthorizeView(PageMixin, BaseAuthorizationView):
    """The authorization endpoint. There is no consent screen, for the relying parties belong to the house."""

    template_name = "demo_op/error.html"
    session: OPSession | None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.session = current_session(request)
        # django-oauth-toolkit takes the owner of the code from here.
        request.user = self.session.user if self.session else AnonymousUser()
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def handle_no_permission(self) -> HttpResponseBase:
        """An anonymous visitor is one of the cases that get() tells apart."""
        return View.dispatch(self, self.request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Core 1.0 section 3.1.2.1 wants POST too. As a GET the request can be returned to after a login."""
        return HttpResponseRedirect(f"{request.path}?{request.POST.urlencode()}", status=303)

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            scopes, credentials = self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return self.error_response(error, application=None)
        try:
            step = self.next_step(credentials)
        except OAuth2Error as error:
            return self.refuse(credentials, error)
        return self.issue_code(scopes, credentials) if step is Step.ISSUE_CODE else self.interact(step)

    def next_step(self, credentials: dict[str, Any]) -> Step:
        """Raises OAuth2Error where nothing that happens at the OP can help."""
        if credentials["request"].response_mode not in {None, "query"}:
            raise InvalidRequestError(description="Only response_mode=query works.")
        if CANCELLED in self.request.GET:
            raise AccessDeniedError(description="The user has cancelled.")
        requirement = self.read_requirement(credentials)
        account = Account.of(self.session.user) if self.session else Account()
        step = requirement.next_step(
            self.session,
            subject=str(account.subject),
            has_second_factor=bool(account.totp_secret),
            is_fresh=is_fresh_login(self.request, self.request.get_full_path()),
            now=timezone.now(),
        )
        if error := _error_at(step, is_silent=requirement.is_silent):
            raise error
        return step

    def read_requirement(self, credentials: dict[str, Any]) -> Requirement:
        subject = None
        if token := credentials.get("id_token_hint"):
            hint = read_id_token_hint(token, oauth2_settings.oidc_issuer(self.request))
            if hint is None:
                raise InvalidRequestError(description="id_token_hint is not an ID token of this OP.")
            subject = hint.subject
        try:
            requirement = Requirement.from_parameters(self.request.GET, credentials.get("claims"), subject)
        except ValueError as error:
            raise InvalidRequestError(description=str(error)) from error
        return requirement.without_step_up() if Behaviour.current().ignore_step_up else requirement

    def interact(self, step: Step) -> HttpResponse:
        query = {"next": self.request.get_full_path()}
        if step is Step.LOGIN and (hint := self.request.GET.get("login_hint")):
            query["login_hint"] = hint
        page = "demo_op:login" if step is Step.LOGIN else "demo_op:second-factor"
        return HttpResponseRedirect(f"{resolve_url(page)}?{urlencode(query)}")

    def issue_code(self, scopes: list[str], credentials: dict[str, Any]) -> HttpResponse:
        use_up_fresh_login(self.request)
        handed_over = {
            "redirect_uri": credentials["redirect_uri"],
            "state": credentials["state"],
            "op_session": self.session,
        }
        try:
            uri, *_ = self.create_authorization_response(self.request, " ".join(scopes), handed_over, allow=True)
        except OAuthToolkitError as error:
            return self.error_response(error, application=credentials["request"].client)
        response: HttpResponse = self.redirect(uri, credentials["request"].client)
        return response

    def refuse(self, credentials: dict[str, Any], error: OAuth2Error) -> HttpResponse:
        error.state = credentials["state"]
        return self.error_response(
            OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"]),
            application=credentials["request"].client,
        )

    def error_response(self, error: OAuthToolkitError, application: Any, **kwargs: Any) -> HttpResponse:
        """RFC 9207 section 2 wants `iss` on error responses too."""
        if not error.oauthlib_error.redirect_uri:
            # oauthlib forgets it when the claims parameter is not JSON; a page is better than no answer.
            error = FatalClientError(error=error.oauthlib_error)
        response: HttpResponse = super().error_response(error, application, **kwargs)
        if isinstance(response, OAuth2ResponseRedirect):
            issuer = oauth2_settings.oidc_issuer(self.request)
            response["Location"] = add_params_to_uri(response["Location"], [("iss", issuer)])
        return response


def _error_at(step: Step, *, is_silent: bool) -> OAuth2Error | None:
    if step is Step.UNMET:
        # OpenID Connect Core Error Code unmet_authentication_requirements 1.0
        return CustomOAuth2Error(
            error="unmet_authentication_requirements",
            description="The requested authentication context is out of reach for this user.",
        )
    if step is Step.WRONG_USER:
        return LoginRequired(description="Another user has signed in.")
    if step is Step.LOGIN and is_silent:
        return LoginRequired(description="Nobody is signed in, or not recently enough.")
    if step is Step.SECOND_FACTOR and is_silent:
        return InteractionRequired(description="The second factor is needed.")
    return None


class DiscoveryView(ConnectDiscoveryInfoView):
    """Says what this OP does, no more and no less."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        inherited = super().get(request, *args, **kwargs)
        metadata = json.loads(inherited.content)
        secret_methods = oauth2_settings.OIDC_TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED
        metadata |= {
            "id_token_signing_alg_values_supported": ["RS256"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "response_modes_supported": ["query"],
            "acr_values_supported": list(ACR.values),
            "claims_supported": sorted(metadata["claims_supported"]),
            "claims_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "frontchannel_logout_supported": True,
            "frontchannel_logout_session_supported": True,
            "revocation_endpoint": self._get_endpoint_url(request, "revoke-token", required=True),
            "revocation_endpoint_auth_methods_supported": secret_methods,
            "introspection_endpoint": self._get_endpoint_url(request, "introspect", required=True),
            "introspection_endpoint_auth_methods_supported": secret_methods,
        }
        response = JsonResponse(metadata)
        response["Access-Control-Allow-Origin"] = inherited["Access-Control-Allow-Origin"]
        return response


class IntrospectView(IntrospectTokenView):
    """Adds what a resource server needs to ask for a step-up: RFC 7662 section 2.2 and RFC 9470 section 6.2."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        inherited: HttpResponse = super().post(request, *args, **kwargs)
        login = _login_behind(request.POST.get("token", ""))
        if login is None or not json.loads(inherited.content).get("active"):
            return inherited
        return JsonResponse(
            json.loads(inherited.content)
            | {
                "iss": oauth2_settings.oidc_issuer(request),
                "token_type": "Bearer",
                "sub": str(Account.of(login.session.user).subject),
                "sid": login.session.sid,
                "acr": login.acr,
                "amr": login.amr,
                "auth_time": int(login.auth_time.timestamp()),
            }
        )


def _login_behind(access_token: str) -> RPLogin | None:
    checksum = sha256(access_token.encode()).hexdigest()
    families = RefreshToken.objects.filter(access_token__token_checksum=checksum).values("token_family")
    return RPLogin.objects.filter(token_family__in=families).select_related("session__user").first()
