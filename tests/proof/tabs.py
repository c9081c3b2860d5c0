"""Browsers with several tabs each: one set of cookies, many requests at once, and a tab may be closed at any time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from random import Random
from threading import Event, Lock, Thread
from typing import Any

TIMEOUT = 120
# Of a hundred requests, so many are given up: the tab does not wait for the response.
ABORTED_PERCENT = 8
# A tab pauses now and then, for up to so many seconds; longer than an access token lives.
LONGEST_PAUSE = 4.0
PAUSED_PERCENT = 10


@dataclass
class Seen:
    """What came of the requests of all tabs, and everything that the site sent to the browsers."""

    target: int
    requests: Counter[str] = field(default_factory=Counter)
    aborted: int = 0
    # Answers that were those of nobody, and those that were no success.
    lost: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    # For how many seconds access tokens had expired when the view looked at them.
    overdue: list[float] = field(default_factory=list)
    access_tokens: set[str] = field(default_factory=set)
    set_cookies: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    done: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def count(self, path: str) -> None:
        with self._lock:
            self.requests[path] += 1
            if self.requests.total() >= self.target:
                self.done.set()

    def abort(self) -> None:
        with self._lock:
            self.aborted += 1

    def note(self, path: str, status: int, body: str, set_cookies: Sequence[str]) -> None:
        with self._lock:
            self.set_cookies.update(set_cookies)
            self.pages.add(body)
            if status != 200:
                self.failed.append(f"{path} {status} {body[:300]}")
            elif path != "/plain/":
                self._note_answer(path, json.loads(body))

    def _note_answer(self, path: str, answer: dict[str, Any]) -> None:
        if answer["sub"] is None:
            self.lost.append(path)
        elif "access_token" in answer:
            self.access_tokens.add(answer["access_token"])
            if answer["seconds_left"] is None:
                self.lost.append(f"{path} without an expiry")
            elif answer["seconds_left"] <= 0:
                self.overdue.append(-answer["seconds_left"])


@dataclass
class Browser:
    """One user's cookies, shared by the tabs."""

    host: str
    port: int
    cookies: dict[str, str]
    _lock: Lock = field(default_factory=Lock)

    def send(self, path: str) -> HTTPConnection:
        with self._lock:
            header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = HTTPConnection(self.host, self.port, timeout=TIMEOUT)
        connection.request("GET", path, headers={"Cookie": header, "Accept": "application/json"})
        return connection

    def receive(self, connection: HTTPConnection) -> tuple[int, str, list[str]]:
        """Status, body and Set-Cookie headers. The cookies are kept when the headers are there, as browsers do it."""
        response = connection.getresponse()
        set_cookies = response.headers.get_all("Set-Cookie", [])
        with self._lock:
            for name, morsel in SimpleCookie("\r\n".join(set_cookies)).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return response.status, response.read().decode(), set_cookies


@dataclass
class Tab(Thread):
    """Asks for one page after another, until enough has been seen. `paths` are what it may ask for."""

    browser: Browser
    paths: Sequence[str]
    seen: Seen
    random: Random

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = Thread.__hash__

    def run(self) -> None:
        while not self.seen.done.is_set():
            if self.random.randrange(100) < PAUSED_PERCENT:
                self.seen.done.wait(self.random.uniform(0, LONGEST_PAUSE))
            self.visit(self.random.choice(self.paths), gives_up=self.random.randrange(100) < ABORTED_PERCENT)

    def visit(self, path: str, *, gives_up: bool = False) -> None:
        self.seen.count(path)
        connection = self.browser.send(path)
        try:
            if gives_up:
                # Some while the site is at work, some before it has begun.
                self.seen.done.wait(self.random.uniform(0, 0.1))
                self.seen.abort()
            else:
                self.seen.note(path, *self.browser.receive(connection))
        finally:
            connection.close()
