from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from demo_project.rp.claims import as_moment, build_claim_rows
from tests.support.fake_op import FakeOP


def test_home_page_offers_to_sign_in(site: Client) -> None:
    home = site.get("/").content.decode()
    assert "You are not signed in" in home
    assert "Sign in with default" in home
    assert "Sign in with other" in home


def test_home_page_says_who_is_signed_in(signed_in: Client) -> None:
    home = signed_in.get("/").content.decode()
    assert "Alice Example" in home
    assert "https://op.example" in home


def test_profile_shows_claims_and_facts(signed_in: Client) -> None:
    profile = signed_in.get("/profile/").content.decode()
    for fact in ("subject-1", "session-1", "alice@example.com", "[&quot;pwd&quot;]", "auth_time"):
        assert fact in profile


@pytest.mark.parametrize("path", ["/private/", "/profile/"])
def test_pages_for_users_ask_others_to_sign_in(site: Client, path: str) -> None:
    answer = site.get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/oidc/login/?next={path}")


def test_fresh_page_sends_visitors_to_the_op_at_once(site: Client, op: FakeOP) -> None:
    location = urlsplit(site.get("/fresh/")["Location"])
    assert location.netloc == "op.example"
    assert parse_qs(location.query)["max_age"] == ["60"]


def test_fresh_page_is_open_to_a_fresh_login(signed_in: Client) -> None:
    assert signed_in.get("/fresh/").status_code == 200


def test_fresh_page_asks_for_an_old_login_to_be_made_anew(site: Client, op: FakeOP) -> None:
    op.claims["auth_time"] = int(time.time()) - 120
    begun = site.get("/oidc/login/")
    site.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert "max_age=60" in site.get("/fresh/")["Location"]


def test_fresh_page_does_not_go_round_within_the_clock_skew(site: Client, op: FakeOP) -> None:
    """What oidc_rp accepts when the user comes back, the page must accept too."""
    op.claims["auth_time"] = int(time.time()) - 80
    begun = site.get("/fresh/")
    site.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert site.get("/fresh/").status_code == 200


def test_policy_names_the_ops_for_forms_and_nothing_else(site: Client) -> None:
    policy = site.get("/")["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'self'" in policy
    assert "form-action 'self' https://op.example https://other.example;" in policy
    assert "frame-ancestors 'none'" in policy


def test_policy_of_a_page_of_oidc_rp_keeps_its_own_frames(site: Client) -> None:
    policies = site.get("/oidc/callback/default/?state=x")["Content-Security-Policy"].split(", ")
    assert len(policies) == 2
    assert policies[1] == "frame-ancestors 'none'"


def test_policy_names_a_logout_endpoint_that_is_elsewhere(site: Client, op: FakeOP) -> None:
    op.metadata["end_session_endpoint"] = "https://logout.example/end"
    begun = site.get("/oidc/login/")
    site.get("/oidc/callback/default/", op.authorize(begun["Location"]))
    assert "https://logout.example" in site.get("/")["Content-Security-Policy"]


def test_error_page_looks_like_the_site(site: Client) -> None:
    answer = site.get("/oidc/callback/default/", {"state": "x", "code": "y"})
    assert answer.status_code == 400
    assert "Site B" in answer.content.decode()


def test_times_among_the_claims_can_be_read() -> None:
    rows = {row.name: row for row in build_claim_rows({"iat": 0, "exp": 1e30, "auth_time": True, "n": 1, "amr": ["é"]})}
    assert rows["iat"].moment == as_moment(0)
    assert [rows[name].moment for name in ("exp", "auth_time", "n", "amr")] == [None] * 4
    assert rows["amr"].value == '["é"]'
