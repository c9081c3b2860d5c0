"""The end of an OP session: RP-initiated, by the button, and what the relying parties are told."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from django.urls import reverse
from pytest_django import Settings

from demo_project.op.backchannel import EVENT
from demo_project.op.conf import Client
from demo_project.op.keys import new_rsa_key
from demo_project.op.models import OPSession
from demo_project.op.seeding import seed_client
from tests.demo.op_driver import Browser, RelyingParty, answer, epoch, is_login_page, outbox, signing_key

AFTER = "http://localhost:8001/oidc/logout/callback/"


def end_session_url(**parameters: str) -> str:
    return f"{reverse('oauth2_provider:rp-initiated-logout')}?{urlencode(parameters)}"


def is_confirmation(response: Any) -> bool:
    return "demo_op/confirm_logout.html" in [template.name for template in response.templates]


class TestRPInitiated:
    def test_ends_the_session_and_returns(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        response = browser.get(
            end_session_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER, state="the-state")
        )
        assert response["Location"] == f"{AFTER}?state=the-state"
        assert OPSession.objects.get().ended
        assert is_login_page(browser.authorize(site_a))

    def test_may_be_posted_by_the_site(self, site_a: RelyingParty) -> None:
        browser = Browser(enforce_csrf_checks=True)
        other = Browser()
        tokens = other.sign_in(site_a)
        browser.cookies = other.cookies
        response = browser.post(
            reverse("oauth2_provider:rp-initiated-logout"),
            {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER},
        )
        assert response["Location"] == AFTER

    def test_ends_the_tokens_of_this_session_alone(
        self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty
    ) -> None:
        elsewhere = Browser().sign_in(site_a)
        here = browser.sign_in(site_a)
        at_b = site_b.redeem(answer(browser.authorize(site_b))["code"])
        browser.get(end_session_url(id_token_hint=here["id_token"]))
        assert site_a.refresh(here["refresh_token"]).json()["error"] == "invalid_grant"
        assert site_b.refresh(at_b["refresh_token"]).json()["error"] == "invalid_grant"
        assert site_a.refresh(elsewhere["refresh_token"]).status_code == HTTPStatus.OK

    def test_ends_codes_that_are_on_their_way(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        code = answer(browser.authorize(site_a))["code"]
        browser.get(end_session_url(id_token_hint=tokens["id_token"]))
        response = site_a.token_request(
            grant_type="authorization_code",
            code=code,
            redirect_uri=site_a.redirect_uri,
            code_verifier=site_a.verifier,
        )
        assert response.json()["error"] == "invalid_grant"

    def test_leaves_offline_tokens(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a, scope="openid offline_access")
        browser.get(end_session_url(id_token_hint=tokens["id_token"]))
        assert site_a.refresh(tokens["refresh_token"]).status_code == HTTPStatus.OK

    def test_works_after_the_cookie_is_gone(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        Browser().get(end_session_url(id_token_hint=tokens["id_token"]))
        assert OPSession.objects.get().ended

    def test_works_after_the_key_has_changed(self, browser: Browser, site_a: RelyingParty, settings: Settings) -> None:
        tokens = browser.sign_in(site_a)
        older = settings.OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEY"]
        changed = {"OIDC_RSA_PRIVATE_KEY": new_rsa_key(), "OIDC_RSA_PRIVATE_KEYS_INACTIVE": [older]}
        settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, **changed}
        response = browser.get(end_session_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER))
        assert response["Location"] == AFTER

    def test_that_comes_twice_is_no_error(self, browser: Browser, site_a: RelyingParty) -> None:
        tokens = browser.sign_in(site_a)
        url = end_session_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER)
        assert browser.get(url)["Location"] == browser.get(url)["Location"] == AFTER
        assert len(outbox) == 1

    def test_without_a_hint_asks(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.sign_in(site_a)
        page = browser.get(end_session_url(client_id="site-a", post_logout_redirect_uri=AFTER, state="a&b"))
        assert is_confirmation(page)
        assert not OPSession.objects.get().ended
        response = browser.submit(page)
        assert response["Location"] == f"{AFTER}?state=a%26b"
        assert OPSession.objects.get().ended

    def test_with_the_hint_of_another_session_asks(self, browser: Browser, site_a: RelyingParty) -> None:
        other = Browser().sign_in(site_a, "bob")
        browser.sign_in(site_a)
        assert is_confirmation(browser.get(end_session_url(id_token_hint=other["id_token"])))
        assert not OPSession.objects.exclude(ended=None).exists()

    def test_answer_is_protected_from_forgery(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.sign_in(site_a)
        forger = Browser(enforce_csrf_checks=True)
        forger.cookies = browser.cookies
        response = forger.post(reverse("demo_op:confirm-logout"))
        assert response.status_code == HTTPStatus.FORBIDDEN
        assert not OPSession.objects.get().ended

    @pytest.mark.parametrize(
        "parameters",
        [
            {"id_token_hint": "a.b.c"},
            {"client_id": "nobody"},
            {"post_logout_redirect_uri": AFTER},
            {"client_id": "site-a", "post_logout_redirect_uri": "https://evil.example/"},
            {"client_id": "site-a", "post_logout_redirect_uri": f"{AFTER}more"},
            {"client_id": "site-a", "post_logout_redirect_uri": "javascript:alert(1)"},
        ],
        ids=["forged_hint", "unknown_client", "uri_without_client", "foreign_uri", "longer_uri", "script"],
    )
    def test_that_is_wrong_ends_nothing_and_leads_nowhere(
        self, browser: Browser, site_a: RelyingParty, parameters: dict[str, str]
    ) -> None:
        browser.sign_in(site_a)
        response = browser.get(end_session_url(**parameters))
        assert response.status_code == HTTPStatus.BAD_REQUEST
        assert not OPSession.objects.get().ended

    def test_with_a_hint_for_another_client_is_wrong(
        self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty
    ) -> None:
        tokens = browser.sign_in(site_a)
        response = browser.get(end_session_url(id_token_hint=tokens["id_token"], client_id="site-b"))
        assert response.status_code == HTTPStatus.BAD_REQUEST

    def test_refuses_a_logout_token_as_hint(self, browser: Browser, site_a: RelyingParty) -> None:
        browser.sign_in(site_a)
        browser.post(reverse("demo_op:sign-out"))
        assert browser.get(end_session_url(id_token_hint=outbox[0].token)).status_code == HTTPStatus.BAD_REQUEST


class TestBackChannel:
    def test_tells_each_site_of_the_session(self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty) -> None:
        Browser().sign_in(site_b, "bob")
        browser.sign_in(site_a)
        browser.authorize(site_a)
        browser.authorize(site_b)
        browser.post(reverse("demo_op:sign-out"))
        assert sorted((message.client_id, message.uri) for message in outbox) == [
            ("site-a", "http://localhost:8001/oidc/backchannel-logout/default/"),
            ("site-b", "http://localhost:8002/oidc/backchannel-logout/default/"),
        ]

    def test_leaves_sites_of_other_sessions_alone(
        self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty
    ) -> None:
        Browser().sign_in(site_b)
        browser.sign_in(site_a)
        browser.post(reverse("demo_op:sign-out"))
        assert [message.client_id for message in outbox] == ["site-a"]

    def test_token_says_which_session_ended(self, browser: Browser, site_a: RelyingParty) -> None:
        id_token = site_a.id_token_claims(browser.sign_in(site_a)["id_token"])
        browser.post(reverse("demo_op:sign-out"))
        token = outbox[0].token
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, signing_key(token), algorithms=["RS256"], audience="site-a")
        assert (header["typ"], header["alg"]) == ("logout+jwt", "RS256")
        assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "events", "sid"}
        assert claims["events"] == {EVENT: {}}
        for name in ("iss", "sub", "aud", "sid"):
            assert claims[name] == id_token[name]
        assert claims["iat"] <= epoch() < claims["exp"]

    def test_tokens_have_their_own_jti(self, browser: Browser, site_a: RelyingParty, site_b: RelyingParty) -> None:
        browser.sign_in(site_a)
        browser.authorize(site_b)
        browser.post(reverse("demo_op:sign-out"))
        ids = {jwt.decode(message.token, options={"verify_signature": False})["jti"] for message in outbox}
        assert len(ids) == 2


class TestFrontChannel:
    @pytest.fixture
    def front_site(self, site_a: RelyingParty) -> RelyingParty:
        seed_client(Client("site-a", "Site A", "http://localhost:8001", secret=None, logout_channel="front"))
        return site_a

    def test_page_frames_the_site_and_goes_on(self, browser: Browser, front_site: RelyingParty) -> None:
        tokens = browser.sign_in(front_site)
        claims = front_site.id_token_claims(tokens["id_token"])
        page = browser.get(end_session_url(id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER))
        query = urlencode({"iss": claims["iss"], "sid": claims["sid"]})
        assert page.context["logout_urls"] == [f"http://localhost:8001/oidc/frontchannel-logout/default/?{query}"]
        assert page.context["destination"] == AFTER
        assert "frame-src http://localhost:8001;" in page["Content-Security-Policy"]

    def test_site_is_not_told_twice(self, browser: Browser, front_site: RelyingParty) -> None:
        browser.sign_in(front_site)
        browser.post(reverse("demo_op:sign-out"))
        assert outbox == []
