"""What users of today's Django packages suffer from, each complaint with a test that names it.

The numbers are those of the list of problems in the project's design notes. Those that are
not here belong to parts of the package that are tested on their own: 2-6 (renewal and refresh tokens), 11
(logout by the OP: tests/logout), 17 in part and 18 (APIs), 25 (a site's own tests).
"""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from pytest_django.fixtures import Settings

from oidc_rp.backends import OIDCBackend
from oidc_rp.models import OIDCIdentity, OIDCSession
from tests.support.browser import JSON, begin, complete, get_error, pending, query, sign_in
from tests.support.fake_op import FakeOP
from tests.support.keys import jwk, private_key
from tests.test_login import change_provider
from tests.urls import urlpatterns as common

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOW = 1_800_000_000


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


urlpatterns = [*common, path("private/", private)]


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/oidc/session/").json()["authenticated"])


def test_01_back_button_tabs_and_replays_are_no_bare_400(client: Client, op: FakeOP) -> None:
    tabs = [begin(client, page)["Location"] for page in ("/private/?1", "/private/?2")]
    answers = [op.authorize(location) for location in tabs]
    op.nonce = query(tabs[0])["nonce"]
    assert complete(client, answers[0])["Location"] == "/private/?1"
    op.nonce = query(tabs[1])["nonce"]
    assert complete(client, answers[1])["Location"] == "/private/?2"
    assert complete(client, answers[0])["Location"] == "/home/"
    page = complete(Client(), answers[0])
    assert page.status_code == 400
    assert "Start again" in page.content.decode()


def test_02_renewal_by_redirect_is_for_page_visits_only(client: Client, op: FakeOP, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    sign_in(client, op)
    del client.cookies["__Host-oidc_rp.refresh"]
    time_machine.shift(300)
    assert client.get("/private/", headers={"Sec-Fetch-Mode": "cors"}).status_code == 200
    time_machine.shift(300)
    answer = client.get("/private/", headers={"Sec-Fetch-Mode": "cors", "Referer": "http://testserver/app/"})
    assert answer.status_code == 401
    assert query(answer.json()["login_url"])["next"] == "http://testserver/app/"


def test_03_ended_session_does_not_keep_posting(client: Client, op: FakeOP, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    sign_in(client, op)
    op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    time_machine.shift(300)
    answer = client.post("/private/", {"amount": "100"})
    assert answer.status_code == 401
    assert b"send it again" in answer.content


def test_04_op_that_does_not_rotate_is_no_crash_and_its_refresh_token_is_kept_sealed(
    client: Client, op: FakeOP, time_machine: Any
) -> None:
    time_machine.move_to(NOW, tick=False)
    sign_in(client, op)
    op.token_answer["refresh_token"] = None
    for _ in range(2):
        time_machine.shift(300)
        assert client.get("/private/").status_code == 200
    assert [form["refresh_token"] for form in op.forms if "refresh_token" in form] == ["refresh-token-1"] * 2
    assert "refresh-token-1" not in str(client.cookies) + str(OIDCSession.objects.values())


def test_06_session_ends_when_that_at_the_op_does(client: Client, op: FakeOP, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    sign_in(client, op)
    time_machine.shift(300)
    assert is_signed_in(client)
    op.overrides["token"] = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
    time_machine.shift(300)
    assert not is_signed_in(client)


def test_07_providers_are_several_and_not_frozen_at_import(
    client: Client, op: FakeOP, other_op: FakeOP, settings: Settings
) -> None:
    for alias, fake in (("default", op), ("other", other_op)):
        browser = Client()
        sign_in(browser, fake, alias=alias)
        assert browser.get("/oidc/session/").json()["iss"] == fake.issuer
    change_provider(settings, SCOPES=["openid"])
    assert query(begin(client)["Location"])["scope"] == "openid"


def test_08_discovery_and_keys_are_fetched_once_and_rotation_needs_no_restart(op: FakeOP, time_machine: Any) -> None:
    time_machine.move_to(1_800_000_000, tick=False)
    for _ in range(3):
        sign_in(Client(), op)
    assert (op.calls.count("metadata"), op.calls.count("jwks")) == (1, 1)
    time_machine.shift(60)
    op.kid, op.keys = "k2", [jwk(name="k2")]
    assert sign_in(Client(), op, "/private/")["Location"] == "/private/"


@pytest.mark.parametrize(
    ("claims", "alg", "code"),
    [
        ({"iss": "https://evil.example"}, "RS256", "token_iss"),
        ({"aud": "another-client"}, "RS256", "token_aud"),
        ({}, "HS256", "token_alg"),
    ],
    ids=["iss", "aud", "alg_of_the_tokens_own_choice"],
)
def test_09_issuer_audience_and_algorithm_are_verified(
    client: Client, op: FakeOP, claims: dict[str, str], alg: str, code: str
) -> None:
    response = op.authorize(begin(client)["Location"])
    op.claims.update(claims)
    token = op.build_token_answer()["id_token"]
    if alg == "HS256":
        header = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0"  # {"alg":"HS256","kid":"k1"}
        token = ".".join([header, *token.split(".")[1:]])
    op.token_answer["id_token"] = token
    assert get_error(complete(client, response, headers=JSON)) == (502, code)


def test_09_a_signature_is_never_skipped_because_of_tls(client: Client, op: FakeOP) -> None:
    response = op.authorize(begin(client)["Location"])
    op.keys = [jwk(name="k2", kid="k1")]  # another key than the one that signs
    assert get_error(complete(client, response, headers=JSON)) == (502, "token_signature")


@pytest.mark.parametrize("offset", [-5, 5, -29, 29])
def test_10_a_clock_that_is_off_is_no_500(client: Client, op: FakeOP, offset: int) -> None:
    now = int(time.time())
    op.claims.update(iat=now + offset, auth_time=now + offset, exp=now + 1 + offset if offset > 0 else now + 60)
    assert sign_in(client, op, "/private/")["Location"] == "/private/"


def test_12_logout_at_the_op_is_built_in_and_no_link(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    assert client.get("/oidc/logout/").status_code == 200
    assert is_signed_in(client), "a GET, as a link or an image makes it, signs nobody out"
    request = query(client.post("/oidc/logout/")["Location"])
    assert {"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} <= request.keys()


def test_13_an_error_without_state_signs_nobody_out(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    complete(client, {"error": "access_denied"})
    assert is_signed_in(client)


def test_14_pending_login_comes_back_from_the_op_whatever_samesite_the_session_has(
    client: Client, op: FakeOP, settings: Settings
) -> None:
    """The pending login has a cookie of its own, so a session cookie that is Strict does no harm."""
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    response = op.authorize(begin(client, "/private/")["Location"])
    (morsel,) = pending(client).values()
    assert morsel["samesite"] == "Lax"
    client.cookies.pop("sessionid", None)  # which a browser would not send here
    assert complete(client, response)["Location"] == "/private/"


def test_15_redirect_uri_is_https_behind_a_tls_proxy(
    client: Client, op: FakeOP, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    begin(client)
    assert "SECURE_PROXY_SSL_HEADER" in caplog.text, "and where it is not, the log says why"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    begun = client.get("/oidc/login/", headers={"host": "testserver", "x-forwarded-proto": "https"})
    assert query(begun["Location"])["redirect_uri"].startswith("https://testserver/")


def test_16_next_is_each_tabs_own_and_leads_nowhere_else(client: Client, op: FakeOP) -> None:
    first = begin(client, "/private/")["Location"]
    begin(client, "https://evil.example/")
    assert complete(client, op.authorize(first))["Location"] == "/private/"
    assert sign_in(Client(), op, "//evil.example/")["Location"] == "/home/"


def test_17_private_key_jwt_is_there(client: Client, op: FakeOP, settings: Settings, client_key: str) -> None:
    change_provider(settings, CLIENT_AUTH_METHOD="private_key_jwt", CLIENT_KEY=client_key, CLIENT_SECRET=None)
    assert sign_in(client, op, "/private/")["Location"] == "/private/"
    form = op.forms[op.calls.index("token")]
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in form


@pytest.fixture
def client_key() -> str:
    key = private_key(name="client")
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def test_19_email_is_not_the_identity(client: Client, op: FakeOP, settings: Settings) -> None:
    admin = User.objects.create_superuser("admin", email="alice@example.com")
    User.objects.create_user("second", email="alice@example.com")
    op.claims["email_verified"] = False
    assert sign_in(client, op, "/private/")["Location"] == "/private/", "two accounts with that address break nothing"
    assert OIDCIdentity.objects.get().user != admin


class RecordingBackend(OIDCBackend):
    def create_user(self, claims: Any) -> Any:
        logging.getLogger("test").warning("created with %s", sorted(claims))
        return super().create_user(claims)


def test_20_claims_of_the_id_token_and_groups_reach_the_hooks(
    client: Client, op: FakeOP, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["tests.test_problems.RecordingBackend"]
    op.claims["groups"] = ["staff"]
    sign_in(client, op)
    assert {"'groups'", "'acr'", "'auth_time'"} <= set(
        caplog.text.partition("created with [")[2].split("]")[0].split(", ")
    )


def test_21_failures_tell_the_operator_the_reason_and_the_user_none(
    client: Client, op: FakeOP, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    response = op.authorize(begin(client)["Location"])
    op.claims["aud"] = "another-client"
    page = complete(client, response).content.decode()
    assert "token_aud" in caplog.text
    assert "another-client" in caplog.text
    assert "another-client" not in page
    assert "Traceback" not in page
    for secret in ("code-1", "access-token-1", "refresh-token-1", response["state"]):
        assert secret not in caplog.text + page


def test_22_request_parameters_are_possible_and_need_permission(client: Client, op: FakeOP, settings: Settings) -> None:
    change_provider(settings, ALLOWED_REQUEST_PARAMS=["kc_idp_hint"])
    request = query(begin(client, kc_idp_hint="github", login_hint="alice", acr_values="low")["Location"])
    assert request["kc_idp_hint"] == "github"
    assert request.keys().isdisjoint({"login_hint", "acr_values"})


def test_23_admin_without_is_staff_is_no_redirect_loop(client: Client, op: FakeOP) -> None:
    sign_in(client, op)
    # A site that gives the admin this app's login page sends such a user back at once, each time.
    answers = [begin(client, "/admin/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 403]
    response = answers[-1]
    assert "may not open that page" in response.content.decode()


def test_24_backend_does_no_work_at_permission_checks(client: Client, op: FakeOP, settings: Settings) -> None:
    sign_in(client, op)
    settings.OIDC_PROVIDERS = {}
    op.calls.clear()
    with CaptureQueriesContext(connection) as captured:
        OIDCBackend()
    assert (len(captured), op.calls) == (0, [])
    assert User.objects.get().has_perm("auth.add_user") is False
