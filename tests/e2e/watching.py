"""What must not happen on any page, whatever a test is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

# Chromium says this of every document with such a status, even of one that is right.
STATUS_MESSAGE = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d")


@dataclass
class Watch:
    """Collects faults of all pages of a context, and the statuses of the documents that were not found right."""

    origins: frozenset[str]
    faults: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.on("page", self._attach_page)

    def _attach_page(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not STATUS_MESSAGE.match(message.text):
            self.faults.append(f"console {message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.faults.append(f"request to a stranger: {request.url}")

    def _on_failure(self, request: Request) -> None:
        # What a page still wanted when the test went on to another: the browser itself gives that up.
        if request.failure == "net::ERR_ABORTED" and not request.is_navigation_request():
            return
        self.faults.append(f"failed request: {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.documents.append(response.url)
            if response.status >= 400:
                self.refused.append(response.status)
        elif response.status >= 400:
            self.faults.append(f"status {response.status}: {response.url}")
