"""A site in a process of its own whose views demand a step-up: the child of benchmark (e)."""

from __future__ import annotations

from functools import partial

import django
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test.utils import override_settings
from django.urls import resolve

from .browser import Browser
from .common import interleave
from .login_site import sign_in
from .processes import serve

VIEWS = ("bare", "inline", "named")
# What the stub OP's ID tokens meet.
POLICY = {"acr_values": ["1"], "max_age": 3_600}


def prepare() -> None:
    """Make the tables."""
    call_command("migrate", verbosity=0)


def measure(rounds: int, calls: int) -> dict[str, float]:
    """Median seconds of a call of each view, with the request of a signed-in browser."""
    with override_settings(ROOT_URLCONF="benchmarks.step_up_urls", OIDC_RP_STEP_UP={"payment": POLICY}):
        browser = Browser(WSGIHandler())
        sign_in(browser, "alice")
        request = browser.get("/keep/").wsgi_request  # type: ignore[attr-defined]  # set by that view
        views = {name: resolve(f"/{name}/").func for name in VIEWS}
        for name, view in views.items():
            if view(request).status_code != 200:
                raise AssertionError(f"{name}: the request was not let in")
        return interleave({name: partial(view, request) for name, view in views.items()}, rounds, calls)


if __name__ == "__main__":
    django.setup()
    serve({"prepare": prepare, "measure": measure})
