"""The chain from an earlier refresh token to the newest."""

from __future__ import annotations

import json

import pytest

from oidc_rp.handover import MAX_LINKS, extend, follow

NOW = 1_800_000_000.0
GRACE = 60
OWNER = "session-1"


def token(generation: int) -> str:
    return f"refresh-token-{generation}"


def build(newest: int, every: float = 1) -> str:
    """A chain of so many rotations from the generation 0 on, one in so many seconds from NOW."""
    chain = ""
    for generation in range(newest):
        now = NOW + generation * every
        chain = extend(
            chain, token(generation), token(generation + 1), generation, until=now + GRACE, owner=OWNER, now=now
        )
    return chain


@pytest.mark.parametrize("generation", [0, 1, 2, 3])
def test_chain_leads_to_the_newest_from(generation: int) -> None:
    assert follow(build(3), token(generation), generation, 3, owner=OWNER, now=NOW + 3) == token(3)


def test_chain_leads_no_further_than_asked() -> None:
    assert follow(build(3), token(0), 0, 2, owner=OWNER, now=NOW + 3) == token(2)


def test_token_that_is_newer_than_the_row_is_taken_as_it_is() -> None:
    assert follow("", token(5), 5, 3, owner=OWNER, now=NOW) == token(5)


@pytest.mark.parametrize(
    ("chain", "refresh_token", "generation", "owner"),
    [
        pytest.param(build(3), "guessed", 0, OWNER, id="another_token"),
        pytest.param(build(3), token(1), 0, OWNER, id="token_of_another_generation"),
        pytest.param(build(3), token(0), 0, "session-2", id="another_session"),
        pytest.param("", token(0), 0, OWNER, id="no_chain"),
        pytest.param(json.dumps(json.loads(build(3))[1:]), token(0), 0, OWNER, id="first_link_gone"),
        pytest.param(json.dumps(json.loads(build(3))[:1]), token(0), 0, OWNER, id="later_link_gone"),
        pytest.param(json.dumps([[0, NOW + GRACE, "x"]]), token(0), 0, OWNER, id="not_sealed"),
    ],
)
def test_chain_leads_nowhere_from(chain: str, refresh_token: str, generation: int, owner: str) -> None:
    assert follow(chain, refresh_token, generation, 3, owner=owner, now=NOW + 3) is None


def test_link_is_good_until_its_end() -> None:
    chain = build(2, every=50)
    assert follow(chain, token(0), 0, 2, owner=OWNER, now=NOW + GRACE - 1) == token(2)
    assert follow(chain, token(0), 0, 2, owner=OWNER, now=NOW + GRACE) is None
    assert follow(chain, token(1), 1, 2, owner=OWNER, now=NOW + GRACE) == token(2)
    assert follow(chain, token(1), 1, 2, owner=OWNER, now=NOW + 50 + GRACE) is None


def test_links_that_are_over_go() -> None:
    assert [number for number, *_ in json.loads(build(5, every=25))] == [2, 3, 4]


def test_chain_has_an_end() -> None:
    chain = build(MAX_LINKS + 5, every=0)
    assert len(json.loads(chain)) == MAX_LINKS
    assert follow(chain, token(5), 5, MAX_LINKS + 5, owner=OWNER, now=NOW) == token(MAX_LINKS + 5)


def test_chain_shows_no_token() -> None:
    assert "refresh-token" not in build(3)
