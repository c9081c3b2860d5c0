"""The pages that people see: signing in, the second factor, home, and the demo authenticator."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView, View

from demo_project.op.forms import CodeForm, LoginForm
from demo_project.op.models import Account, Behaviour, OPSession
from demo_project.op.sessions import begin_session, current_session, raise_session, sign_out
from demo_project.op.totp import Outcome, check_code, code_at, current_step
from demo_project.op.views.page import PageMixin, local_path, render_frontchannel_logout
from demo_project.op.views.protocol import CANCELLED


def leave(request: HttpRequest, frontchannel_urls: list[str], destination: str) -> HttpResponse:
    """On to `destination`, by way of the iframes of a front-channel logout where there are any."""
    if frontchannel_urls:
        return render_frontchannel_logout(request, frontchannel_urls, destination)
    return HttpResponseRedirect(destination)


class StepMixin:
    """A page on the way of an authentication request, which `next` leads back to."""

    request: HttpRequest

    def return_to(self) -> str:
        wanted = self.request.POST.get("next") or self.request.GET.get("next")
        return local_path(self.request, wanted) or resolve_url("demo_op:home")

    def cancel_url(self) -> str | None:
        """Back to the relying party with access_denied, if a relying party has sent the user here."""
        return_to = self.return_to()
        if not return_to.startswith(f"{resolve_url('oauth2_provider:authorize')}?"):
            return None
        return f"{return_to}&{CANCELLED}=1"


@method_decorator([login_not_required, sensitive_post_parameters("password")], name="dispatch")
class LoginView(StepMixin, PageMixin, FormView):  # type: ignore[type-arg]
    template_name = "demo_op/login.html"
    form_class = LoginForm

    def get_initial(self) -> dict[str, Any]:
        session = current_session(self.request)
        username = session.user.get_username() if session else ""
        return {"username": self.request.GET.get("login_hint", username)}

    def form_valid(self, form: LoginForm) -> HttpResponse:
        # Not authenticate(): other backends of a shared process are for other logins.
        user = ModelBackend().authenticate(self.request, **form.cleaned_data)
        if user is None:
            form.add_error(None, "User name and password do not match.")
            return self.form_invalid(form)
        return_to = self.return_to()
        return leave(self.request, begin_session(self.request, user, return_to=return_to), return_to)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session=current_session(self.request),
            next=self.return_to(),
            cancel_url=self.cancel_url(),
            **kwargs,
        )


@method_decorator(login_not_required, name="dispatch")
class SecondFactorView(StepMixin, PageMixin, FormView):  # type: ignore[type-arg]
    template_name = "demo_op/second_factor.html"
    form_class = CodeForm
    session: OPSession

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        session = current_session(request)
        if session is None:
            return redirect(self.return_to())
        self.session = session
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        outcome = check_code(Account.of(self.session.user), form.cleaned_data["code"])
        if outcome is not Outcome.ACCEPTED:
            form.add_error("code", outcome.value)
            return self.form_invalid(form)
        raise_session(self.request, self.session)
        return HttpResponseRedirect(self.return_to())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session=self.session, next=self.return_to(), cancel_url=self.cancel_url(), **kwargs
        )


@method_decorator(login_not_required, name="dispatch")
class HomeView(PageMixin, TemplateView):
    template_name = "demo_op/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        session = current_session(self.request)
        return super().get_context_data(
            session=session,
            logins=session.logins.select_related("application").order_by("created") if session else [],
            behaviour=Behaviour.current(),
            **kwargs,
        )


@method_decorator(login_not_required, name="dispatch")
class SignOutView(View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        return leave(request, sign_out(request), resolve_url("demo_op:home"))


@method_decorator(login_not_required, name="dispatch")
class BehaviourView(View):
    """The switch on the home page; anyone may turn it, for this is a demo."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        behaviour = Behaviour.current()
        behaviour.ignore_step_up = request.POST.get("ignore_step_up") == "on"
        behaviour.save()
        return redirect("demo_op:home")


@method_decorator(login_not_required, name="dispatch")
class AuthenticatorView(PageMixin, TemplateView):
    """Shows the codes that a phone would show. It defeats the second factor and is there for the demo alone."""

    template_name = "demo_op/authenticator.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        accounts = Account.objects.exclude(totp_secret="").select_related("user").order_by("user__username")
        step_length = 30
        return super().get_context_data(
            codes=[self.codes_of(account) for account in accounts],
            seconds_left=step_length - int(timezone.now().timestamp()) % step_length,
            **kwargs,
        )

    def codes_of(self, account: Account) -> dict[str, Any]:
        step = current_step(account)
        return {
            "username": account.user.get_username(),
            "current": code_at(account, step),
            "current_is_used": account.totp_last_step >= step,
            "next": code_at(account, step + 1),
            "next_is_used": account.totp_last_step > step,
        }
