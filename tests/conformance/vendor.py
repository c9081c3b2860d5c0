"""OPs that cannot run here, from their recorded discovery documents and what is known of their behaviour.

A document's members are those that matter here, with placeholders for names. Its URLs, on whichever host, are moved to
the one loopback port; the paths stay. The site's settings are those of the providers page of the documentation.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from oidc_rp.protocol.metadata import build_discovery_url
from oidc_rp.revocation import flush_revocations
from tests.support.op_server import serve_op
from tests.support.pages import DOCS

from .op import SECRET, HostileOP

FOLDER = Path(__file__).parent / "vendors"
MEMBERS = {
    "token_endpoint": ("POST", "token"),
    "jwks_uri": ("GET", "jwks"),
    "userinfo_endpoint": ("GET", "userinfo"),
    "end_session_endpoint": ("POST", "end_session"),
    "revocation_endpoint": ("POST", "revocation"),
}


@dataclass
class VendorOP(HostileOP):
    """An OP with the URLs and metadata of a recorded document."""

    document: dict[str, Any] = field(default_factory=dict)
    origin: str = ""

    def move(self, origin: str) -> None:
        """Be at `origin`, which stands for all hosts of the document."""
        self.origin = origin
        self.issuer = self.localize(self.document["issuer"])

    def localize(self, url: str) -> str:
        """A URL of the document as it is here."""
        parts = urlsplit(url)
        return url.replace(f"{parts.scheme}://{parts.netloc}", self.origin, 1)

    def build_metadata(self) -> dict[str, Any]:
        moved = {
            name: self.localize(value) if isinstance(value, str) and value.startswith("https://") else value
            for name, value in self.document.items()
        }
        return {name: value for name, value in {**moved, **self.metadata}.items() if value is not None}

    def find_endpoint(self, method: str, path: str) -> str | None:
        if (method, path) == ("GET", urlsplit(build_discovery_url(self.issuer)).path):
            return "metadata"
        for member, (expected, name) in MEMBERS.items():
            if member in self.document and (method, path) == (expected, urlsplit(self.document[member]).path):
                return name
        return None


@dataclass(frozen=True)
class Vendor:
    """A recorded document, the heading of the vendor on the providers page, and what its OP does differently."""

    file: str
    heading: str
    behave: Callable[[VendorOP], object]

    def __str__(self) -> str:
        return self.file

    def read_settings(self) -> dict[str, Any]:
        """The options that the providers page gives."""
        [section] = (DOCS / "providers.md").read_text().split(f"\n## {self.heading}\n")[1:]
        code = section.split("```python\n", 1)[1].split("```", 1)[0]
        [setting] = ast.parse(code).body
        assert isinstance(setting, ast.Assign)
        options: dict[str, Any] = ast.literal_eval(setting.value)["default"]
        return options

    @contextmanager
    def serve(self) -> Iterator[tuple[VendorOP, dict[str, Any]]]:
        """The OP on loopback, and the options that a site needs for it."""
        options = self.read_settings()
        document = json.loads((FOLDER / f"{self.file}.json").read_text())
        assert options["ISSUER"] == document["issuer"], "the page and the document agree"
        op = VendorOP(client_id=options["CLIENT_ID"], document=document)
        op.client_auth_method = options.get("CLIENT_AUTH_METHOD", op.client_auth_method)
        with serve_op(op, VendorOP.respond):
            op.move(op.issuer)
            self.behave(op)
            yield op, {**options, "ISSUER": op.issuer, "CLIENT_SECRET": SECRET}
            assert flush_revocations(60)
