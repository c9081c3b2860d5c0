"""Drives the demo OP in process, as a browser and as the relying parties would."""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from demo_project.op.backchannel import LogoutMessage
from demo_project.op.models import Account
from demo_project.op.totp import code_at, current_step

outbox: list[LogoutMessage] = []


def collect(messages: Sequence[LogoutMessage]) -> None:
    """Stands in for the delivery over HTTP (setting DEMO_OP_LOGOUT_DELIVERY)."""
    outbox.extend(messages)


@dataclass
class RelyingParty:
    """A client of the OP: builds authentication requests, redeems codes, reads ID tokens."""

    client_id: str
    secret: str
    redirect_uri: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def parameters(self, **changes: str | None) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in parameters.items() if value is not None}

    def token_request(self, endpoint: str = "token", **form: str) -> Any:
        credentials = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return Client().post(
            reverse(f"oauth2_provider:{endpoint}"), form, headers={"authorization": f"Basic {credentials}"}
        )

    def redeem(self, code: str) -> dict[str, Any]:
        response = self.token_request(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=self.verifier,
        )
        assert response.status_code == HTTPStatus.OK, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def refresh(self, refresh_token: str) -> Any:
        return self.token_request(grant_type="refresh_token", refresh_token=refresh_token)

    def id_token_claims(self, token: str) -> dict[str, Any]:
        # Time travels in these tests, and PyJWT's clock with it.
        return jwt.decode(token, signing_key(token), algorithms=["RS256"], audience=self.client_id)


def signing_key(token: str) -> Any:
    keys = jwt.PyJWKSet.from_dict(Client().get(reverse("oauth2_provider:jwks-info")).json())
    return keys[jwt.get_unverified_header(token)["kid"]].key


class Browser(Client):
    """A browser at the OP. It stops where the OP would send it to a relying party."""

    def visit(self, url: str) -> Any:
        response = self.get(url)
        while response.status_code == HTTPStatus.FOUND and response["Location"].startswith("/"):
            response = self.get(response["Location"])
        return response

    def authorize(self, rp: RelyingParty, **changes: str | None) -> Any:
        return self.visit(f"{reverse('oauth2_provider:authorize')}?{urlencode(rp.parameters(**changes))}")

    def submit(self, page: Any, **values: str) -> Any:
        """Fills the first form of the page in and follows the redirects that stay at the OP."""
        html = page.content.decode()
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html))
        form = {name: value.replace("&amp;", "&") for name, value in hidden.items()}
        action = re.search(r'<form[^>]* action="([^"]+)"', html)
        response = self.post(action[1] if action else page.request["PATH_INFO"], form | values)
        if response.status_code == HTTPStatus.FOUND and response["Location"].startswith("/"):
            return self.visit(response["Location"])
        return response

    def give_password(self, page: Any, username: str = "alice") -> Any:
        return self.submit(page, username=username, password=f"{username}-demo")

    def give_code(self, page: Any, username: str = "alice") -> Any:
        return self.submit(page, code=current_code(username))

    def sign_in(self, rp: RelyingParty, username: str = "alice", **changes: str | None) -> dict[str, Any]:
        """A whole login with a password, at an OP that does not know this browser yet."""
        return rp.redeem(answer(self.give_password(self.authorize(rp, **changes), username))["code"])


def current_code(username: str) -> str:
    account = Account.objects.get(user__username=username)
    return code_at(account, current_step(account))


def answer(response: Any) -> Mapping[str, str]:
    """The parameters of an authentication response."""
    assert response.status_code == HTTPStatus.FOUND, response.content.decode()
    return dict(parse_qsl(urlsplit(response["Location"]).query))


def is_login_page(response: Any) -> bool:
    return "demo_op/login.html" in [template.name for template in response.templates]


def is_second_factor_page(response: Any) -> bool:
    return "demo_op/second_factor.html" in [template.name for template in response.templates]


def epoch() -> int:
    return int(timezone.now().timestamp())
