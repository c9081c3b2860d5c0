"""The RP under attack: the test site, and one browser that visits it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from oidc_rp.providers import providers
from oidc_rp.revocation import flush_revocations
from tests.logout.driver import is_signed_in, snapshot
from tests.support.browser import Response, begin, complete, pending

from .attack import Attack
from .op import HostileOP


@dataclass
class RP:
    """One site and one browser, which prefers JSON so that an error's code can be read."""

    op: HostileOP
    settings: Settings
    log: pytest.LogCaptureFixture
    browser: Client = field(default_factory=lambda: Client(headers={"accept": "application/json"}))

    def configure(self, alias: str = "default", **options: Any) -> None:
        """Change options of a provider."""
        providers = self.settings.OIDC_PROVIDERS
        self.settings.OIDC_PROVIDERS = {**providers, alias: {**providers.get(alias, {}), **options}}

    def forget_documents(self) -> None:
        """As after a restart with an empty cache."""
        cache.clear()
        providers.clear()

    def try_to_sign_in(self, **asked: str) -> Response:
        """A login up to its end, or to where the RP gives it up."""
        begun = begin(self.browser, "/private/", **asked)
        if begun.status_code != 302:
            return begun
        return complete(self.browser, self.op.authorize(begun["Location"]))

    def sign_in(self, **asked: str) -> None:
        """A login that succeeds; the OP's calls are counted from here on."""
        answer = self.try_to_sign_in(**asked)
        assert (answer.status_code, answer["Location"]) == (302, "/private/"), answer.content
        assert self.is_signed_in()
        self.op.calls.clear()

    def sign_out(self, next_url: str = "") -> Response:
        """Sign out here; back when the OP has been told of it too."""
        answer = self.browser.post("/oidc/logout/", {"next": next_url})
        assert flush_revocations(60)
        return answer

    def is_signed_in(self) -> bool:
        return is_signed_in(self.browser)

    def refuses(self, attack: Attack) -> None:
        """The login under this attack comes to nothing, in just the way that the attack says."""
        before = snapshot()
        attack.misbehave(self.op)
        answer = self.try_to_sign_in()
        self.check_refusal(answer, attack.code, attack.calls, attack.status)
        assert snapshot() == before, "no user, identity or session has been made"
        assert not self.is_signed_in()

    def check_refusal(self, answer: Response, code: str, calls: str, status: int = 502) -> None:
        """The answer says what is wrong and nothing else, and the RP has asked the OP for just that."""
        assert (answer.status_code, answer.json()["error"]) == (status, code), self.log.text
        assert self.op.calls == calls.split()
        assert not pending(self.browser), "a state works once, whatever came of it"
        assert ("Retry-After" in answer.headers) == (status == 503)
        assert (answer["Referrer-Policy"], answer["X-Frame-Options"]) == ("no-referrer", "DENY")
        assert "no-store" in answer["Cache-Control"]
        assert code in self.log.text, "the operator is told"
        told = self.log.text + answer.content.decode() + "".join(str(vars(record)) for record in self.log.records)
        assert not [secret for secret in self.op.secrets if secret in told]
