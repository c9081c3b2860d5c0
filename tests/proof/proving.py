"""One run: a site of several processes, an OP with strict reuse detection, and browsers that keep it busy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.interop.browser import Browser as Visitor
from tests.interop.installing import ROOT
from tests.interop.panva import Panva
from tests.support.servers import get_url, open_listener, run_gunicorn, run_uvicorn

from .search import find_secrets
from .tabs import Browser, Seen, Tab

HOST = "127.0.0.2"
BROWSERS = 6
TABS = 4
PROCESSES = 4
THREADS = 16
ACCESS_TOKEN_SECONDS = 2
SECRETS = ("access_token", "refresh_token", "id_token", "code", "code_verifier")


@dataclass(frozen=True)
class Setup:
    """What serves the site, and where its sessions are."""

    server: str
    engine: str

    @property
    def paths(self) -> list[str]:
        """What the tabs ask for; the access token more often than the rest."""
        token = "/atoken/" if self.server == "uvicorn" else "/token/"
        return [token, token, token, "/page/", "/write/", "/plain/", "/oidc/session/"]


@dataclass(frozen=True)
class Figures:
    """What a run has come to. The second group has to be nothing."""

    seconds: float
    requests: int
    aborted: int
    expiries: int
    token_calls: int
    secrets: int
    octets: int
    # A thread of a busy machine may be kept waiting between the check of an access token and its use.
    overdue: Sequence[float]

    reuse_events: int
    users_lost: int
    failed_answers: Sequence[str]
    # Such as the OP has not issued, or that had expired before the newest was issued.
    stale_access_tokens: int
    secrets_found: Sequence[str]

    @property
    def faults(self) -> dict[str, object]:
        """Whatever should not have been."""
        of_no_good = ("reuse_events", "users_lost", "failed_answers", "stale_access_tokens", "secrets_found")
        return {name: value for name in of_no_good if (value := getattr(self, name))}


class ProofOP(Panva):
    """Each browser has a user of its own; access tokens live for two seconds."""

    access_token_seconds = ACCESS_TOKEN_SECONDS

    @property
    def token_calls(self) -> list[dict[str, Any]]:
        """Every call to the token endpoint so far."""
        return [json.loads(line) for line in (self.folder / "token_calls.jsonl").read_text().splitlines()]


@dataclass(frozen=True)
class Site:
    """A running site and its client at the OP."""

    url: str
    log: Path
    environment: Mapping[str, str]
    client_secret: str


def prove(setup: Setup, folder: Path, *, target: int, seconds: float) -> Figures:
    """Let all tabs loose, until there have been `target` requests or the time is over, and add up."""
    seen = Seen(target)
    with ExitStack() as stack:
        op = ProofOP(folder)
        op.start()
        stack.callback(op.stop)
        site = stack.enter_context(run_site(setup, op, folder))
        browsers = [sign_in(op, site, seen, f"user-{number}") for number in range(BROWSERS)]
        started = time.monotonic()
        tabs = [
            Tab(browser, setup.paths, seen, Random(f"{number} {tab}"))
            for number, browser in enumerate(browsers)
            for tab in range(TABS)
        ]
        for tab in tabs:
            tab.start()
        seen.done.wait(seconds)
        seen.done.set()
        for tab in tabs:
            tab.join()
        took, ended = time.monotonic() - started, time.time()
        # Whoever has come through all this is still there.
        for browser in browsers:
            Tab(browser, setup.paths, seen, Random(0)).visit(setup.paths[0])
        stored = json.loads(run_module("tests.proof.stored", site.environment))
    return add_up(seen, op.token_calls, site, stored, took=took, ended=ended)


def add_up(
    seen: Seen, calls: Sequence[Mapping[str, Any]], site: Site, stored: Mapping[str, Any], *, took: float, ended: float
) -> Figures:
    refreshes = [call for call in calls if call["asked"]["grant_type"] == "refresh_token"]
    sent = [call["asked"]["refresh_token"] for call in refreshes]
    # By our own count, and by what the OP says of it.
    reuse_events = max(len(sent) - len(set(sent)), sum(call["status"] != 200 for call in calls))
    secrets = {site.client_secret}
    for call in calls:
        secrets |= {part[name] for part in (call["asked"], call["answered"]) for name in SECRETS if part.get(name)}
    places = {place: [b64decode(text) for text in texts] for place, texts in stored["places"].items()}
    places["log lines"] = site.log.read_bytes().splitlines()
    places["pages"] = [page.encode() for page in seen.pages]
    places["Set-Cookie headers"] = [header.encode() for header in seen.set_cookies]
    check_places(places, calls)
    issued = {sha256(call["answered"]["access_token"].encode()).hexdigest() for call in calls if call["status"] == 200}
    return Figures(
        seconds=took,
        requests=seen.requests.total(),
        aborted=seen.aborted,
        expiries=sum(call["at"] + ACCESS_TOKEN_SECONDS <= ended for call in calls),
        token_calls=len(refreshes),
        secrets=len(secrets),
        octets=sum(len(text) for texts in places.values() for text in texts),
        reuse_events=reuse_events,
        users_lost=len(seen.lost) + sum(stored["ends"].values()),
        failed_answers=seen.failed,
        overdue=seen.overdue,
        stale_access_tokens=len(seen.access_tokens - issued)
        + sum(late > ACCESS_TOKEN_SECONDS for late in seen.overdue),
        secrets_found=find_secrets(secrets, places),
    )


def check_places(places: Mapping[str, Sequence[bytes]], calls: Sequence[Mapping[str, Any]]) -> None:
    """The places are those of this run, and can be read: what is no secret is found in them. AssertionError if not."""
    for place in ("rows of oidc_rp_oidcsession", "pages"):
        assert find_secrets(["user-0"], {place: places[place]}), f"{place} do not name the user"
    assert find_secrets([calls[0]["asked"]["grant_type"]], {"log lines": places["log lines"]}) == []
    for place, what in (("log lines", "/token"), ("Set-Cookie headers", "__Host-oidc_rp.refresh")):
        assert find_secrets([what], {place: places[place]}), f"{place} do not mention {what}"
    sessions = [*places.get("rows of django_session", []), *places.get("cache entries", [])]
    assert find_secrets(["_oidc_rp"], {"sessions": sessions}), "the sessions cannot be read"


@contextmanager
def run_site(setup: Setup, op: ProofOP, folder: Path) -> Iterator[Site]:
    """Four processes, with an empty database."""
    log = folder / "site.log"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.proof.site_settings",
        "PROOF_HOST": HOST,
        "PROOF_ENGINE": setup.engine,
    }
    with ExitStack() as stack:
        # The socket comes first, because the client is registered with its URL.
        listener = stack.enter_context(open_listener(HOST))
        url = get_url(listener)
        registered = op.register(
            {
                "redirect_uris": [f"{url}/oidc/callback/default/"],
                "response_types": ["code"],
                "grant_types": ["authorization_code", "refresh_token"],
            }
        )
        environment["PROOF_PROVIDER"] = json.dumps(
            {
                "ISSUER": op.issuer,
                "CLIENT_ID": registered["client_id"],
                "CLIENT_SECRET": registered["client_secret"],
            }
        )
        run_module("django", environment, "migrate", "-v0")
        run_module("django", environment, "flush", "-v0", "--no-input")
        if setup.server == "uvicorn":
            stack.enter_context(run_uvicorn(environment, log, listener, processes=PROCESSES))
        else:
            stack.enter_context(run_gunicorn(environment, log, listener, workers=PROCESSES, threads=THREADS))
        yield Site(url, log, environment, registered["client_secret"])


def sign_in(op: ProofOP, site: Site, seen: Seen, name: str) -> Browser:
    """A browser that is signed in, through the OP's own pages."""
    visitor = Visitor()
    where = urlsplit(site.url)

    def note(response: requests.Response, *_: object, **__: object) -> None:
        if urlsplit(response.url).netloc == where.netloc:
            seen.set_cookies.update(response.raw.headers.getlist("Set-Cookie"))
            seen.pages.add(response.text)

    visitor._session.hooks["response"].append(note)
    page = visitor.get(f"{site.url}/oidc/login/")
    while page.is_at(op.origin):
        page = visitor.submit(page, {"login": name, "password": "any"})
    assert page.url == f"{site.url}/home/", str(page)
    assert where.port is not None
    return Browser(HOST, where.port, visitor._session.cookies.get_dict(domain=HOST))


def run_module(module: str, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout
