"""What makes site A and site B two sites: everything else is the same code."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

FRESH_SECONDS = 60
PORTS = {"a": 8001, "b": 8002}
SCOPES = {"a": ["openid", "profile", "email"], "b": ["openid", "profile", "email", "groups", "api"]}


@dataclass(frozen=True)
class Site:
    """One of the two sites. `other_url` is empty where the other does not run: against an OP of the user's."""

    letter: str
    url: str
    other_url: str
    # Site B's /fresh/ page wants a login that is not older than this, in seconds.
    fresh_seconds: int | None
    # Where site B calls the demo's API; empty where it does not.
    api_url: str

    @property
    def name(self) -> str:
        return f"Site {self.letter.upper()}"

    @property
    def other_name(self) -> str:
        return "Site B" if self.letter == "a" else "Site A"


def current_site() -> Site:
    """The setting DEMO_SITE; site A where there is none."""
    site: Site = getattr(settings, "DEMO_SITE", None) or read_site({})
    return site


def read_site(environ: Mapping[str, str]) -> Site:
    letter = environ.get("DEMO_SITE", "a")
    if letter not in PORTS:
        raise ImproperlyConfigured(f"DEMO_SITE is {letter!r}; the demo has the sites a and b.")
    return Site(
        letter=letter,
        url=_url(environ, letter),
        other_url="" if environ.get("OIDC_PROVIDERS") else _url(environ, "b" if letter == "a" else "a"),
        fresh_seconds=FRESH_SECONDS if letter == "b" else None,
        api_url=f"{read_op_url(environ)}/api/account/" if letter == "b" and not environ.get("OIDC_PROVIDERS") else "",
    )


def read_op_url(environ: Mapping[str, str]) -> str:
    return environ.get("DEMO_OP_URL", "http://localhost:8000").rstrip("/")


def _url(environ: Mapping[str, str], letter: str) -> str:
    return environ.get(f"DEMO_SITE_{letter.upper()}_URL", f"http://localhost:{PORTS[letter]}").rstrip("/")
