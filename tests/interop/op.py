"""What the suite needs to know of an OP. A new OP is one subclass, and its configuration in a folder of the tree."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest
import requests

from .browser import TIMEOUT, Browser, Page
from .running import Server, find_free_port

NOT_OFFERED = "not offered: "
MAX_PAGES = 10


def not_offered(reason: str) -> NoReturn:
    """End a test: the OP has no such thing, which goes into the table."""
    pytest.skip(NOT_OFFERED + reason)


@dataclass(frozen=True)
class Failure:
    """Why a row cannot work with an OP, and what the failed test then says: our error code, or its own words."""

    says: str
    reason: str


class OP(ABC):
    """An OP on loopback, and how to do with it what differs from OP to OP.

    `folder` is where it keeps its data; it is the same OP when it is started again there.
    """

    # Its name in test ids and in the table, and the version that is installed.
    key: ClassVar[str]
    product: ClassVar[str]
    version: ClassVar[str]
    # By row of the table: what goes wrong.
    fails: ClassVar[Mapping[str, Failure]] = {}
    # What it has although its metadata do not say so.
    unadvertised: ClassVar[frozenset[str]] = frozenset()
    # The user's, and the `acr` of a login with a second factor; None if it has none.
    email: ClassVar[str]
    strong_acr: ClassVar[str | None] = None
    # What a token of a client itself is asked for with, where the OP does not decide that.
    service_scopes: ClassVar[tuple[str, ...]] = ()
    # The API that it knows by its URI (RFC 8707, which has no metadata); "" if it has no resource indicators.
    resource: ClassVar[str] = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self.server: Server | None = None
        # What it wants to see of those who register clients.
        self.registration_token: str | None = None

    @classmethod
    @abstractmethod
    def install(cls) -> None:
        """Raises CannotInstallError."""

    @abstractmethod
    def launch(self) -> Server:
        """Start the process; it need not answer yet."""

    @abstractmethod
    def rotate_keys(self) -> None:
        """Sign with new keys from now on. Sessions go on."""

    @property
    @abstractmethod
    def credentials(self) -> Mapping[str, str]:
        """What goes into the fields of its login pages now."""

    @property
    def origin(self) -> str:
        """Where browsers reach it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        """Its issuer identifier."""
        return self.origin

    def start(self) -> None:
        """Return when it answers."""
        self.server = self.launch()
        self.server.wait_for(f"{self.issuer}/.well-known/openid-configuration")

    def stop(self) -> None:
        """Return when it has ended."""
        if self.server is not None:
            self.server.stop()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What it says of itself now."""
        document: dict[str, Any] = fetch_json(f"{self.issuer}/.well-known/openid-configuration")
        return document

    @property
    def key_ids(self) -> set[str]:
        """The `kid` of each of its public keys."""
        return {key["kid"] for key in fetch_json(self.metadata["jwks_uri"])["keys"]}

    def register(self, client: Mapping[str, Any]) -> Mapping[str, Any]:
        """Register a client by its metadata (RFC 7591); at least `client_id` and `client_secret` if there is one."""
        headers = {"Authorization": f"Bearer {self.registration_token}"} if self.registration_token else {}
        url = self.metadata["registration_endpoint"]
        response = requests.post(url, json=client, headers=headers, timeout=TIMEOUT)
        assert response.status_code == 201, response.text
        registered: dict[str, Any] = response.json()
        return registered

    def allow_audience(self, client_id: str, audience: str) -> str:
        """Let a client get tokens for another client, which plays an API (RFC 8693); the scope to ask for with it."""
        raise NotImplementedError

    def walk_through(self, browser: Browser, page: Page) -> Page:
        """Go through its pages, signing in and agreeing where it asks, to the first that is not the OP's."""
        for _ in range(MAX_PAGES):
            if not page.is_at(self.origin):
                return page
            page = self.answer(browser, page)
        raise AssertionError(f"the OP shows page after page; the last is {page}")

    def answer(self, browser: Browser, page: Page) -> Page:
        """Do what one of its pages asks for."""
        assert page.status == 200, str(page)
        if page.frames:
            browser.load_frames(*page.frames)
        if page.way_on is not None:
            return browser.get(page.way_on)
        return browser.submit(page, self.credentials)

    def require(self, member: str, value: str, *, default: tuple[str, ...] = ()) -> None:
        """End the test if the list `member` of the metadata has no such value. `default`: what its absence means."""
        if value not in self.metadata.get(member, default) and value not in self.unadvertised:
            not_offered(f"{value} is not in {member}")

    def require_member(self, member: str) -> None:
        """End the test if the metadata do not have it, or have it as false."""
        if not self.metadata.get(member) and member not in self.unadvertised:
            not_offered(f"no {member}")


def fetch_json(url: str) -> Any:
    """A document of the OP."""
    response = requests.get(url, timeout=TIMEOUT)
    assert response.ok, response.text
    return response.json()
