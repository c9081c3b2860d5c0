"""A Django site of two processes on loopback, and its registrations at OPs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import requests

from .browser import TIMEOUT, Browser, Page
from .installing import ROOT
from .op import OP
from .running import Server, wait_until

LOGOUT_URIS = {"back": "backchannel_logout", "front": "frontchannel_logout"}


@dataclass(frozen=True)
class Site:
    """A running site."""

    url: str
    folder: Path
    environment: Mapping[str, str]
    server: Server
    serial: Iterator[int]

    def connect(
        self, op: OP, *, channel: str | None = None, options: Mapping[str, Any] | None = None, **metadata: Any
    ) -> Client:
        """Register the site at the OP, under a new alias.

        `channel` is how the OP tells of a logout: "back", "front" or not at all. `options` are this site's,
        `metadata` the client's at the OP (RFC 7591).
        """
        alias = f"{op.key}-{next(self.serial)}"
        if channel is not None:
            name = LOGOUT_URIS[channel]
            metadata[f"{name}_uri"] = f"{self.url}/oidc/{channel}channel-logout/{alias}/"
            metadata[f"{name}_session_required"] = True
        registered = op.register(
            {
                "client_name": alias,
                "redirect_uris": [f"{self.url}/oidc/callback/{alias}/"],
                "post_logout_redirect_uris": [f"{self.url}/oidc/logout/callback/"],
                "response_types": ["code"],
                "grant_types": ["authorization_code"],
                "token_endpoint_auth_method": "client_secret_basic",
                **metadata,
            }
        )
        provider = {
            "ISSUER": op.issuer,
            "CLIENT_ID": registered["client_id"],
            "CLIENT_SECRET": registered.get("client_secret"),
            "CLIENT_AUTH_METHOD": metadata.get("token_endpoint_auth_method"),
            "ALLOWED_REQUEST_PARAMS": ["prompt", "max_age", "acr_values"],
            **(options or {}),
        }
        self._write_providers({**self._read_providers(), alias: provider})
        return Client(self, op, alias, registered["client_id"], registered.get("client_secret", ""))

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints."""
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _read_providers(self) -> dict[str, Any]:
        path = self.folder / "providers.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _write_providers(self, providers: Mapping[str, Any]) -> None:
        # At one blow, because the site reads it at any time.
        draft = self.folder / "providers.draft"
        draft.write_text(json.dumps(providers))
        draft.rename(self.folder / "providers.json")


@dataclass(frozen=True)
class Client:
    """One registration of a site at an OP, and what a user does with it."""

    site: Site
    op: OP
    alias: str
    client_id: str
    secret: str

    def begin(self, browser: Browser, **parameters: str) -> Page:
        """Follow the link to the login, to the first page that is not a redirect."""
        return browser.get(f"{self.site.url}/oidc/login/{self.alias}/", **parameters)

    def sign_in(self, browser: Browser, **parameters: str) -> dict[str, Any]:
        """A whole login; what the site then knows of the session."""
        page = self.op.walk_through(browser, self.begin(browser, **parameters))
        facts = self.who(browser)
        assert facts is not None, f"{page}\n{self.site.server.read_log()}"
        assert page.status == 200, str(page)
        return facts

    def who(self, browser: Browser) -> dict[str, Any] | None:
        """The session of this browser; None if nobody is signed in, or with another provider."""
        page = browser.get(f"{self.site.url}/oidc/session/")
        if page.status == 401:
            return None
        facts: dict[str, Any] = page.response.json()
        return facts if facts["provider"] == self.alias else None

    def account(self, browser: Browser) -> dict[str, Any]:
        """The claims, and the user made of them."""
        account: dict[str, Any] = browser.get(f"{self.site.url}/account/").response.json()
        return account

    def tokens(self, browser: Browser) -> dict[str, str]:
        """The access token and the refresh token of the session, which the site shows to nobody but these tests."""
        tokens: dict[str, str] = browser.get(f"{self.site.url}/tokens/").response.json()
        return tokens

    def renew(self, browser: Browser, rejected: str) -> int:
        """A request whose call of an API was answered 401, because of that access token; the HTTP status."""
        return browser.get(f"{self.site.url}/renew/", rejected=rejected).status

    def token_for(self, browser: Browser, **target: str) -> str:
        """The user's access token for one API, by `resource` or `audience`."""
        page = browser.get(f"{self.site.url}/token-for/", **target)
        assert page.status == 200, f"{page}\n{self.site.server.read_log()}"
        return page.response.text

    def grant_offline(self, browser: Browser) -> None:
        """Who is signed in lets jobs work for them while they are away, with this client."""
        page = self.op.walk_through(browser, browser.get(f"{self.site.url}/offline/{self.alias}/"))
        assert (page.url, page.status) == (f"{self.site.url}/home/", 200), f"{page}\n{self.site.server.read_log()}"

    def offline_token(self, rejected: str = "") -> dict[str, str]:
        """What a job gets that has no browser: an `access_token`, another than `rejected`, or an `error`."""
        url = f"{self.site.url}/job/{self.alias}/"
        got: dict[str, str] = requests.get(url, {"rejected": rejected}, timeout=TIMEOUT).json()
        return got

    def service_token(self, *scopes: str) -> str:
        """An access token of the site itself."""
        response = requests.get(f"{self.site.url}/service-token/{self.alias}/", {"scope": scopes}, timeout=TIMEOUT)
        assert response.ok, f"{response.text}\n{self.site.server.read_log()}"
        return response.text

    def introspect(self, token: str) -> dict[str, Any]:
        """What the OP says of a token (RFC 7662)."""
        response = requests.post(
            self.op.metadata["introspection_endpoint"],
            {"token": token},
            auth=(self.client_id, self.secret),
            timeout=TIMEOUT,
        )
        assert response.ok, response.text
        said: dict[str, Any] = response.json()
        return said

    def sign_out_here(self, browser: Browser) -> None:
        """By the site's own form, and no further: the browser is closed before it comes to the OP."""
        page = browser.submit(browser.get(f"{self.site.url}/oidc/logout/"), follow=False)
        assert page.status == 302, str(page)

    def sign_out(self, browser: Browser) -> Page:
        """By the site's own form, through the OP's pages and back."""
        page = browser.submit(browser.get(f"{self.site.url}/oidc/logout/"))
        return self.op.walk_through(browser, page)

    def ends(self) -> list[str]:
        """Why each session has ended, "" for one that is alive."""
        ends: list[str] = requests.get(f"{self.site.url}/ends/{self.alias}/", timeout=TIMEOUT).json()["ends"]
        return ends

    def wait_for_end(self, browser: Browser, reason: str) -> None:
        """Until the site says that nobody is signed in; it must be for this reason."""
        wait_until(lambda: self.who(browser) is None)
        assert reason in self.ends(), self.site.server.read_log()


@contextmanager
def run_site(folder: Path, host: str) -> Iterator[Site]:
    """A gunicorn with two processes. Each site has a host of its own, because ports do not separate cookies."""
    folder.mkdir()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.interop.site_settings",
        "INTEROP_SITE_FOLDER": str(folder),
        "INTEROP_SITE_HOST": host,
    }
    # A socket that listens already, so that the first request waits for the site to be ready.
    with socket.create_server((host, 0)) as listener:
        descriptor = listener.fileno()
        url = f"http://{host}:{listener.getsockname()[1]}"
        bind = ["--bind", f"fd://{descriptor}", "--workers", "2", "--threads", "4", "--no-control-socket"]
        command = [sys.executable, "-m", "gunicorn", *bind, "django.core.wsgi:get_wsgi_application()"]
        subprocess.run(
            [sys.executable, "-m", "django", "migrate", "-v0", "--skip-checks"], cwd=ROOT, env=environment, check=True
        )
        server = Server(command, folder / "log", environment, ROOT, pass_fds=[descriptor])
        try:
            yield Site(url, folder, environment, server, count(1))
        finally:
            server.stop()
