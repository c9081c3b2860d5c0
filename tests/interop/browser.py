"""A browser without scripts: it keeps cookies, follows redirects and submits forms, over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.cookies import RequestsCookieJar

TIMEOUT = 60
BUTTONS = {"submit", "image"}


@dataclass
class Form:
    """A form as it would be submitted untouched, with its first button."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list)
    has_button: bool = False


class Page:
    """What an answer shows: its forms, its frames, and where a link to continue leads."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.url = str(response.url)
        reader = _Reader(self.url)
        # Browsers take what has no type for HTML, if it looks like that.
        if "html" in response.headers.get("Content-Type", "html"):
            reader.feed(response.text)
        self.forms = reader.forms
        self.way_on = reader.way_on
        self.frames = reader.frames

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def form(self) -> Form:
        """The one with the password, else the first."""
        assert self.forms, f"no form on {self}"
        return next((form for form in self.forms if form.passwords), self.forms[0])

    @property
    def asks_for_password(self) -> bool:
        """Whether this is a login page."""
        return any(form.passwords for form in self.forms)

    def is_at(self, origin: str) -> bool:
        """Whether it came from there."""
        return urlsplit(self.url)[:2] == urlsplit(origin)[:2]

    def __str__(self) -> str:
        where = self.url.partition("?")[0]
        return f"{self.status} {where}: {' '.join(_Text.read(self.response.text).split())[:1000]}"


class Browser:
    """One user's browser. `passwords_given` counts the login pages that were filled in."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.cookies = _Cookies()
        self.passwords_given = 0

    def get(self, url: str, **parameters: str) -> Page:
        """Follow a link."""
        return Page(self._session.get(url, params=parameters, timeout=TIMEOUT))

    def forget(self, url: str) -> None:
        """Delete the cookies of the host of `url`."""
        self._session.cookies.clear(urlsplit(url).hostname)

    def submit(self, page: Page, values: Mapping[str, str] | None = None, *, follow: bool = True) -> Page:
        """Submit the page's form; of `values`, those that it has fields for are filled in."""
        form = page.form
        fields = {name: (values or {}).get(name, value) for name, value in form.fields.items()}
        self.passwords_given += bool(form.passwords)
        headers = {"Referer": page.url, "Origin": "{0.scheme}://{0.netloc}".format(urlsplit(page.url))}
        if form.method == "get":
            return self.get(form.action, **fields)
        return Page(self._session.post(form.action, fields, headers=headers, allow_redirects=follow, timeout=TIMEOUT))

    def request(self, method: str, url: str, content: Mapping[str, Any] | None = None) -> Page:
        """What a script on the page does: a call with JSON."""
        return Page(self._session.request(method, url, json=content, timeout=TIMEOUT))

    def copy(self) -> Browser:
        """A second one with the same cookies: another tab that is about to do something, or a thief."""
        twin = Browser()
        twin._session.cookies.update(self._session.cookies)
        return twin

    def load_frames(self, *urls: str) -> None:
        """As Chromium loads a frame of another site: without any of that site's cookies."""
        for url in urls:
            requests.get(url, timeout=TIMEOUT)


class _Cookies(RequestsCookieJar):
    """Sends Secure cookies over http too, as browsers do on loopback."""

    def set_cookie(self, cookie: Cookie, *args: object, **kwargs: object) -> None:
        cookie.secure = False
        super().set_cookie(cookie, *args, **kwargs)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self.forms: list[Form] = []
        self.frames: list[str] = []
        self.way_on: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            method = values.get("method", "get").lower()
            self._open = Form(urljoin(self._url, values.get("action", "")), method)
            self.forms.append(self._open)
            self._by_id[values.get("id", "")] = self._open
        elif tag in ("input", "button"):
            form = self._by_id.get(values["form"]) if "form" in values else self._open
            if form is not None:
                _add_field(form, values, default="text" if tag == "input" else "submit")
        elif tag == "iframe" and values.get("src"):
            self.frames.append(urljoin(self._url, values["src"]))
        elif tag == "a" and values.get("id") == "continue":
            self.way_on = urljoin(self._url, values["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def _add_field(form: Form, values: dict[str, str], default: str) -> None:
    kind, name = values.get("type", default).lower(), values.get("name", "")
    if kind in BUTTONS:
        if form.has_button:
            return
        form.has_button = True
    elif kind in ("checkbox", "radio") and "checked" not in values:
        return
    if name:
        form.fields[name] = values.get("value", "")
        if kind == "password":
            form.passwords.append(name)


class _Text(HTMLParser):
    """What a person would read, for the messages of failed tests."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._hidden = False

    @classmethod
    def read(cls, html: str) -> str:
        reader = cls()
        reader.feed(html)
        return " ".join(reader._parts)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(data)
