from __future__ import annotations

import pytest

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OIDCError, OPError, OPResponseError, OPUnavailableError
from oidc_rp.protocol.revocation import build_revocation_request, process_revocation_answer


def answer(status: int, body: bytes = b"") -> Answer:
    return Answer("revocation", status, "application/json", body)


def test_revocation_request() -> None:
    assert build_revocation_request("token-1", "refresh_token") == {
        "token": "token-1",
        "token_type_hint": "refresh_token",
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"done"], ids=["empty", "json", "text"])
def test_revocation_succeeds_whatever_the_body(body: bytes) -> None:
    assert process_revocation_answer(answer(200, body))


def test_revocation_of_a_kind_that_the_op_does_not_revoke() -> None:
    assert not process_revocation_answer(answer(400, b'{"error": "unsupported_token_type"}'))


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (401, b'{"error": "invalid_client"}', OPError, "op_error"),
        (400, b"", OPResponseError, "op_status"),
        (404, b"", OPResponseError, "op_status"),
        (503, b"", OPUnavailableError, "op_unavailable"),
    ],
)
def test_revocation_fails(status: int, body: bytes, error: type[OIDCError], code: str) -> None:
    with pytest.raises(error) as caught:
        process_revocation_answer(answer(status, body))
    assert caught.value.code == code
