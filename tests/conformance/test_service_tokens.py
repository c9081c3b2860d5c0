"""An OP misbehaves where the site asks for a token of its own; or one client's token is handed to another."""

from __future__ import annotations

import pytest

from oidc_rp.protocol.errors import OIDCError
from oidc_rp.service_tokens import service_tokens
from tests.support.loopback import Last

from .attack import Misbehaviour, answers, sends, tokens
from .op import HostileOP
from .rp import RP


@pytest.mark.parametrize(
    ("code", "misbehave"),
    [
        pytest.param("op_error", answers("token", '{"error": "unauthorized_client"}', 400), id="refuses"),
        pytest.param("op_status", answers("token", "", 403), id="refuses_without_a_word"),
        pytest.param("op_answer_malformed", tokens(access_token=None), id="leaves_the_token_out"),
        pytest.param("op_answer_malformed", tokens(token_type="mac"), id="sends_another_type"),
        pytest.param("op_answer_malformed", tokens(access_token="a\r\nX: 1"), id="puts_a_header_into_the_token"),
        pytest.param("token_too_large", tokens(access_token="a" * 100_001), id="sends_100_kb"),
        pytest.param("op_redirect", answers("token", "", 307, Location="https://evil.example/"), id="redirects"),
        pytest.param("op_unavailable", answers("token", "", 503), id="is_out_of_order"),
        pytest.param("op_unreachable", sends("token", Last([])), id="hangs_up"),
    ],
)
def test_service_token_that_cannot_be_had(rp: RP, op: HostileOP, code: str, misbehave: Misbehaviour) -> None:
    misbehave(op)
    with pytest.raises(OIDCError) as caught:
        service_tokens["default"].get()
    assert caught.value.code == code
    assert op.calls == ["metadata", "token"]
    assert not [secret for secret in op.secrets if secret in rp.log.text + str(caught.value)]


def test_service_token_of_one_op_is_not_handed_out_for_the_other(rp: RP, op: HostileOP, attacker: HostileOP) -> None:
    mine, other = service_tokens["default"].get(), service_tokens["other"].get()
    assert (mine, other) == (op.access_token, attacker.access_token)
    assert service_tokens["default"].get() == mine
    assert (op.calls, attacker.calls) == (["metadata", "token"], ["metadata", "token"])


def test_service_token_of_one_scope_is_not_handed_out_for_another(rp: RP, op: HostileOP) -> None:
    narrow, wide = (service_tokens["default"].get(scope=scope) for scope in ("read", "read write"))
    assert narrow != wide
    assert service_tokens["default"].get(scope="read") == narrow
    assert op.calls == ["metadata", "token", "token"]


def test_service_token_is_not_that_of_a_user(rp: RP, op: HostileOP) -> None:
    rp.sign_in()
    of_the_user = op.access_token
    assert service_tokens["default"].get() != of_the_user
    assert op.forms[-1]["grant_type"] == "client_credentials"
