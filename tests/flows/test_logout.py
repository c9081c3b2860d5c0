"""RP-initiated logout without Django."""

from __future__ import annotations

import pytest

from oidc_rp.flows.logout import PendingLogout, begin_logout
from tests.flows.test_login import build_provider
from tests.support.browser import query
from tests.support.fake_op import FakeOP


def test_logout_remembers_the_state_that_it_sends(op: FakeOP) -> None:
    begun = begin_logout(
        build_provider(), id_token_hint="a.b.c", post_logout_redirect_uri="https://app.example/bye", next_url="/next/"
    )
    assert begun is not None
    url, pending = begun
    assert query(url) == {
        "client_id": "client-1",
        "post_logout_redirect_uri": "https://app.example/bye",
        "state": pending.state,
        "id_token_hint": "a.b.c",
    }
    assert pending.next == "/next/"
    assert PendingLogout.deserialize(pending.serialize()) == pending
    assert pending.state not in repr(pending)


def test_logout_without_an_endpoint_is_none(op: FakeOP) -> None:
    op.metadata["end_session_endpoint"] = None
    assert begin_logout(build_provider(), id_token_hint=None, post_logout_redirect_uri="x", next_url="/") is None


@pytest.mark.parametrize("content", [b"{}", b"[]", b"5", b"no json", b'{"state": "a", "next": "/", "new": 1}'])
def test_logout_of_another_version_is_an_error_that_callers_expect(content: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        PendingLogout.deserialize(content)
