"""Answers of the OP's endpoints: what is common to all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .authentication import clean_text
from .errors import OPError, OPResponseError, OPUnavailableError
from .strict_json import StrictJSONError, parse_object


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer of one endpoint.

    `retry_after` is in seconds, if the OP names a delay; `location` is where a redirect leads.
    """

    endpoint: str
    status: int
    content_type: str
    body: bytes = field(repr=False)
    retry_after: int | None = None
    location: str | None = None

    def parse(self) -> dict[str, Any]:
        """The body of a successful answer as a JSON object.

        Raises OPError for an OAuth error response (RFC 6749 section 5.2), OPUnavailableError
        as `check_available` does, OPResponseError for everything else.
        """
        self.check_status()
        try:
            return parse_object(self.body)
        except StrictJSONError as error:
            raise self.malformed(f"not acceptable JSON: {error}") from None

    def check_status(self) -> None:
        """Raise what a status other than 200 means, as described at `parse`."""
        self.check_available()
        if self.status == 200:
            return
        error, description = self._read_error()
        if error:
            raise OPError(error, description, endpoint=self.endpoint)
        raise OPResponseError(
            f"the {self.endpoint} endpoint answered {self.status}",
            endpoint=self.endpoint,
            status=self.status,
            code="op_status",
        )

    def check_available(self, *, may_be_page: bool = False) -> None:
        """Raise OPUnavailableError if the OP cannot serve now: 5xx, 429, or a web page.

        A page with 200 is how many proxies say that the OP is under repair; `may_be_page` is
        for endpoints that have pages themselves.
        """
        if self.status >= 500 or self.status == 429:
            raise OPUnavailableError(
                f"the {self.endpoint} endpoint answered {self.status}",
                endpoint=self.endpoint,
                status=self.status,
                retry_after=self.retry_after,
            )
        if self.status == 200 and self._is_page and not may_be_page:
            raise OPUnavailableError(
                f"the {self.endpoint} endpoint answered with a web page",
                endpoint=self.endpoint,
                status=self.status,
                retry_after=self.retry_after,
                code="op_web_page",
            )

    @property
    def is_invalid_client(self) -> bool:
        """Whether the OP refuses the client's credentials (RFC 6749 section 5.2)."""
        return self.status in (400, 401) and self._read_error()[0] == "invalid_client"

    def malformed(self, message: str) -> OPResponseError:
        """The error for an answer that is not what its specification says."""
        return OPResponseError(
            f"the {self.endpoint} endpoint's answer is malformed: {message}",
            endpoint=self.endpoint,
            status=self.status,
            code="op_answer_malformed",
        )

    @property
    def _is_page(self) -> bool:
        # Real OPs also send JSON as text/html.
        return self.content_type.lower().startswith("text/html") and self.body.lstrip()[:1] == b"<"

    def _read_error(self) -> tuple[str, str]:
        # Real OPs also send 400 with an empty or an HTML body.
        try:
            answer: Mapping[str, Any] = parse_object(self.body)
        except StrictJSONError:
            return "", ""
        error, description = answer.get("error"), answer.get("error_description")
        return (
            clean_text(error, 100) if isinstance(error, str) else "",
            clean_text(description, 500) if isinstance(description, str) else "",
        )
