"""OpenID Connect RP-Initiated Logout 1.0, for one OP session.

django-oauth-toolkit's own view deletes the user's tokens for all applications, those of other browsers among them.
"""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator
from oauth2_provider.exceptions import (
    ClientIdMissmatch,
    InvalidIDTokenError,
    InvalidOIDCClientError,
    OIDCError,
)
from oauth2_provider.models import Application
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import RPInitiatedLogoutView
from oauthlib.common import add_params_to_uri

from demo_project.op.models import OPSession
from demo_project.op.sessions import current_session, end_session, sign_out
from demo_project.op.tokens import IDTokenHint, read_id_token_hint
from demo_project.op.views.page import PageMixin, render_frontchannel_logout

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True)
class LogoutRequest:
    """A logout request that has been found valid."""

    application: Application | None
    hint: IDTokenHint | None
    destination: str

    def names(self, session: OPSession) -> bool:
        return self.hint is not None and self.hint.sid == session.sid


@method_decorator(login_not_required, name="dispatch")
class EndSessionView(PageMixin, RPInitiatedLogoutView):
    """The end_session endpoint. Relying parties send users here by GET or POST (section 2)."""

    template_name = "demo_op/confirm_logout.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.handle(request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.handle(request.POST)

    def handle(self, parameters: QueryDict) -> HttpResponse:
        try:
            logout = self.read(parameters)
        except OIDCError as error:
            return self.error_response(error)
        session = current_session(self.request)
        if session and not logout.names(session):
            # Section 2: ask, unless the hint shows that the request is about the session of this browser.
            carried = {name: parameters[name] for name in PARAMETERS if name in parameters}
            return self.render_to_response({"application": logout.application, "session": session, "carried": carried})
        return self.finish(logout)

    def read(self, parameters: QueryDict) -> LogoutRequest:
        token, client_id = parameters.get("id_token_hint"), parameters.get("client_id")
        hint = read_id_token_hint(token, oauth2_settings.oidc_issuer(self.request)) if token else None
        if token and hint is None:
            raise InvalidIDTokenError
        if hint and client_id and client_id != hint.client_id:
            raise ClientIdMissmatch
        client_id = client_id or (hint.client_id if hint else None)
        application = Application.objects.filter(client_id=client_id).first()
        if client_id and application is None:
            raise InvalidOIDCClientError
        return LogoutRequest(application, hint, self.destination(application, parameters))

    def destination(self, application: Application | None, parameters: QueryDict) -> str:
        uri = parameters.get("post_logout_redirect_uri")
        if not uri:
            return resolve_url("demo_op:home")
        self.validate_post_logout_redirect_uri(application, uri)
        state = parameters.get("state")
        return str(add_params_to_uri(uri, [("state", state)]) if state else uri)

    def finish(self, logout: LogoutRequest) -> HttpResponse:
        urls = sign_out(self.request)
        # The session of the hint may be without a browser: the OP's cookie is gone, the relying parties are not.
        named = OPSession.objects.filter(sid=logout.hint.sid, ended=None).first() if logout.hint else None
        if named:
            urls += end_session(named, issuer=oauth2_settings.oidc_issuer(self.request))
        if urls:
            return render_frontchannel_logout(self.request, urls, logout.destination)
        return HttpResponseRedirect(logout.destination)

    def error_response(self, error: OIDCError) -> HttpResponse:
        self.template_name = "demo_op/error.html"
        return self.render_to_response({"error": error}, status=error.status_code)


class ConfirmLogoutView(EndSessionView):
    """The user's answer on the confirmation page; CSRF-protected, which the endpoint itself cannot be."""

    http_method_names = ["post"]

    def handle(self, parameters: QueryDict) -> HttpResponse:
        try:
            return self.finish(self.read(parameters))
        except OIDCError as error:
            return self.error_response(error)
