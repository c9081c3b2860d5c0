from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from oidc_rp.provider.documents import COOLDOWN_SECONDS
from tests.logout.driver import is_signed_in, post_logout_token
from tests.support.browser import JSON, begin, complete, get_error
from tests.support.keys import jwk, private_key, sign
from tests.support.logout_tokens import TYP, build_logout_claims

from .conftest import Site
from .op import OUTAGES, Outage


def rotate(outage: Outage, name: str) -> None:
    """The OP signs with another key from now on, and publishes no other."""
    outage.op.alg, outage.op.kid = "ES256", name
    outage.op.keys = [jwk("ES256", name)]


def make_logout_token(outage: Outage, jti: str, kid: str | None = None) -> str:
    """By the OP's key, or with a `kid` that it has not."""
    claims = build_logout_claims(iss=outage.op.issuer, jti=jti)
    header = {"typ": TYP} if kid is None else {"typ": TYP, "kid": kid}
    return sign(claims, outage.op.alg, outage.op.kid, header=header)


def generate_storm(site: Site, outage: Outage, seconds: float = 10) -> Iterator[str]:
    """A thousand logout tokens with unknown keys, in this time."""
    for number in range(1_000):
        site.clock.shift(seconds / 1_000)
        yield make_logout_token(outage, f"forged-{number}", f"no-such-key-{number}")


def count_key_fetches(site: Site) -> int:
    return site.calls.count("jwks")


def test_keys_that_are_rotated_every_minute(site: Site, outage: Outage) -> None:
    user = site.sign_in()
    for minute in range(15):
        rotate(outage, f"minute-{minute}")
        site.clock.shift(60)
        site.exchanges.clear()
        assert [site.try_to_sign_in(), site.try_to_sign_in()] == ["", ""]
        assert count_key_fetches(site) == 1
        assert site.goes_on(user)


@pytest.mark.parametrize("waited", [0, COOLDOWN_SECONDS], ids=["keys_just_read", "keys_read_before"])
def test_a_thousand_logout_tokens_with_unknown_keys_in_ten_seconds(site: Site, outage: Outage, waited: int) -> None:
    user = site.sign_in()
    site.clock.shift(waited)
    site.exchanges.clear()
    assert {post_logout_token(token).status_code for token in generate_storm(site, outage)} == {400}
    assert site.calls == ["jwks"] * (1 if waited else 0)
    assert site.goes_on(user)
    assert site.try_to_sign_in() == ""
    assert post_logout_token(make_logout_token(outage, "genuine")).status_code == 200
    assert not is_signed_in(user)


def test_a_rotation_in_a_storm_is_noticed_after_the_cooldown(site: Site, outage: Outage) -> None:
    site.sign_in()
    site.clock.shift(COOLDOWN_SECONDS)
    site.exchanges.clear()
    for number, token in enumerate(generate_storm(site, outage, seconds=100)):
        if number == 100:
            rotate(outage, "new")
        assert post_logout_token(token).status_code == 400
    # At once, and then every half a minute.
    assert count_key_fetches(site) == 4
    assert site.try_to_sign_in() == ""
    assert count_key_fetches(site) == 4


@pytest.mark.parametrize("kind", ["down", "just_too_slow"])
def test_a_storm_in_an_outage_is_not_a_storm_of_calls(site: Site, outage: Outage, kind: str) -> None:
    user = site.sign_in()
    site.clock.shift(COOLDOWN_SECONDS)
    site.exchanges.clear()
    begin, _ = OUTAGES[kind]
    begin(outage)
    statuses = [post_logout_token(token).status_code for token in generate_storm(site, outage)]
    # The one for which the keys were to be read can be sent again; the others would not be accepted by any key.
    assert (statuses[0], {*statuses[1:]}) == (503, {400})
    assert site.calls == ["jwks"]
    assert site.goes_on(user)


def test_id_tokens_with_unknown_keys_through_the_callback(site: Site, outage: Outage) -> None:
    user = site.sign_in()
    site.clock.shift(COOLDOWN_SECONDS)
    site.exchanges.clear()
    for number in range(100):
        site.clock.shift(0.1)
        client = Client(headers=JSON)
        response = outage.op.authorize(begin(client, "/private/")["Location"])
        outage.op.token_answer["id_token"] = sign(
            outage.op.build_claims(), key=private_key(), header={"kid": f"no-such-key-{number}"}
        )
        assert get_error(complete(client, response)) == (502, "token_key_unknown")
    assert count_key_fetches(site) == 1
    assert site.goes_on(user)
    del outage.op.token_answer["id_token"]
    assert site.try_to_sign_in() == ""
