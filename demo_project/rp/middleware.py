"""The Content-Security-Policy of the sites: nothing but their own stylesheet."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from oidc_rp.details import OIDCDetails
from oidc_rp.protocol.errors import OIDCError
from oidc_rp.providers import providers

HEADER = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware:
    """Adds the policy to every page. Those of oidc_rp bring one of their own about frames, which stays in force."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        policy = [
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self' data:",
            # Browsers hold the redirects that follow a form to this list, and signing out leads to the OP.
            " ".join(["form-action 'self'", *sorted(set(op_origins(request)))]),
            "base-uri 'none'",
        ]
        own = response.get(HEADER)
        # Of two policies, divided by a comma, browsers enforce both.
        frames = [own] if own else ["frame-ancestors 'none'"]
        response[HEADER] = ", ".join(["; ".join(policy), *frames])
        return response


def op_origins(request: HttpRequest) -> Iterator[str]:
    """Where the OPs are: their issuers, and the end_session endpoint of the signed-in user's, if it is elsewhere."""
    own = OIDCDetails(request).provider if hasattr(request, "user") else None
    for alias in providers:
        try:
            provider = providers[alias]
            yield from _origin(provider.config.issuer)
            if alias == own:
                yield from _origin(provider.metadata.end_session_endpoint or "")
        except OIDCError:
            # Wrongly configured or out of reach: nobody can be sent there now.
            continue


def _origin(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.netloc:
        yield f"{parts.scheme}://{parts.netloc}"
