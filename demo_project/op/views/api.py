"""A small API of the demo, for which the sites send their user's access token (RFC 6750)."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from oauth2_provider.models import AccessToken
from oauth2_provider.views.mixins import OAuthLibMixin

SCOPE = "api"


@method_decorator([login_not_required, never_cache], name="dispatch")
class AccountView(OAuthLibMixin, View):
    """The account of whoever the access token stands for. It makes one up, always the same for the same user."""

    def get(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        is_valid, verified = self.verify_request(request)
        if not is_valid:
            return _refuse("invalid_token", 401)
        token: AccessToken = verified.access_token
        if not token.allow_scopes([SCOPE]):
            return _refuse("insufficient_scope", 403)
        user = verified.user
        return JsonResponse(
            {
                "owner": user.get_full_name(),
                "number": f"DEMO-{user.pk:06}",
                "balance": f"{1_000 + 37 * user.pk}.00 EUR",
                "token_expires_in": int((token.expires - timezone.now()).total_seconds()),
            }
        )


def _refuse(error: str, status: int) -> HttpResponse:
    """RFC 6750 section 3.1."""
    response = JsonResponse({"error": error}, status=status)
    response["WWW-Authenticate"] = f'Bearer realm="demo", error="{error}", scope="{SCOPE}"'
    return response
