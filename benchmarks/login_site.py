"""A site in a process of its own that signs users in: the benchmark (b)'s child, with either package."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import django
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from .browser import Browser
from .common import TRANSACTION_CONTROL
from .processes import serve
from .settings import CALLBACK_PATH, LOGIN_PATH, LOGIN_REDIRECT_URL, OP
from .stub_op import build_code


class Site:
    """The commands of the driver."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()

    def prepare(self) -> None:
        """Make the tables."""
        call_command("migrate", verbosity=0)

    def create_account(self, subject: str) -> None:
        """Make the account that a first login by `subject` is to be linked to by its e-mail."""
        get_user_model().objects.create_user(f"account of {subject}", email=f"{subject}@example.com")

    def log_in(self, subject: str, times: int) -> list[float]:
        """Sign `subject` in, each time in a new browser; the seconds that each login took."""
        return [sign_in(Browser(self._handler), subject) for _ in range(times)]

    def count_queries(self, subject: str) -> int:
        """How many queries one login by `subject` makes; where transactions begin and end is not counted."""
        with CaptureQueriesContext(connection) as queries:
            sign_in(Browser(self._handler), subject)
        return sum(not query["sql"].startswith(TRANSACTION_CONTROL) for query in queries)


def sign_in(browser: Browser, subject: str) -> float:
    """Both legs of a login; the seconds that the site took for them. Raises AssertionError if it failed."""
    started = time.perf_counter()
    request = browser.get(LOGIN_PATH)
    first_leg = time.perf_counter() - started
    asked = {name: values[0] for name, values in parse_qs(urlsplit(request["Location"]).query).items()}
    response = {"code": build_code(subject, asked["nonce"]), "state": asked["state"], "iss": OP}
    started = time.perf_counter()
    landed = browser.get(CALLBACK_PATH, response)
    second_leg = time.perf_counter() - started
    if landed.status_code != 302 or landed["Location"] != LOGIN_REDIRECT_URL:
        raise AssertionError(f"the login ended with {landed.status_code}, {landed.headers}")
    return first_leg + second_leg


def main() -> None:
    """Serve the driver."""
    site = Site()
    serve(
        {
            "prepare": site.prepare,
            "create_account": site.create_account,
            "log_in": site.log_in,
            "count_queries": site.count_queries,
        }
    )


if __name__ == "__main__":
    django.setup()
    main()
