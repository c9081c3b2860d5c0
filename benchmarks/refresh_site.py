"""A site in a process of its own whose users send many requests at once: the child of benchmark (g)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command

from .browser import Browser
from .processes import serve
from .settings import CALLBACK_PATH, LOGIN_PATH, OP
from .stub_op import build_code


class Site:
    """The commands of the driver."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()
        self._users: dict[str, Browser] = {}

    def prepare(self) -> None:
        """Make the tables."""
        call_command("migrate", run_syncdb=True, verbosity=0)

    def sign_in(self, users: int) -> None:
        """Sign so many users in."""
        for number in range(users):
            self._users[f"user-{number}"] = self._sign_in(f"user-{number}")

    def race(self, at_once: int) -> int:
        """Let each user send so many requests at once; how many were refused."""
        return sum(self._race(name, at_once) for name in self._users)

    def count_lost(self) -> int:
        """How many of them are not signed in any more."""
        return sum(not _is_signed_in(browser) for browser in self._users.values())

    def _sign_in(self, subject: str) -> Browser:
        browser = Browser(self._handler)
        url = browser.get(LOGIN_PATH, {"next": "/user/", "fail": "/nothing/"})["Location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = {"code": build_code(subject, asked.get("nonce", "")), "state": asked.get("state", ""), "iss": OP}
        landed = browser.get(CALLBACK_PATH, {name: value for name, value in answer.items() if value})
        if landed.status_code != 302 or landed["Location"] != "/user/":
            raise AssertionError(f"the login ended with {landed.status_code}, {landed.headers}")
        return browser

    def _race(self, name: str, at_once: int) -> int:
        """From tabs that share cookies, as a browser's do: the last of the answers to set one has it."""
        start = Barrier(at_once)

        def visit(_: int) -> bool:
            tab = Browser(self._handler)
            tab.cookies = dict(self._users[name].cookies)
            start.wait()
            signed_in = _is_signed_in(tab)
            self._users[name].cookies |= tab.cookies
            return signed_in

        with ThreadPoolExecutor(at_once) as pool:
            return at_once - sum(pool.map(visit, range(at_once)))


def _is_signed_in(browser: Browser) -> bool:
    answer = browser.get("/user/")
    # An anonymous user has no name, and whoever is refused gets no page.
    return answer.status_code == 200 and bool(answer.getvalue())


def main() -> None:
    """Serve the driver."""
    # Whatever goes wrong in a race is an answer with 500 here, and counts as a request that was refused.
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    site = Site()
    serve({"prepare": site.prepare, "sign_in": site.sign_in, "race": site.race, "count_lost": site.count_lost})


if __name__ == "__main__":
    django.setup()
    main()
