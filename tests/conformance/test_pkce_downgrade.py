"""The OP says that it can do less than S256, so that a stolen code can be used (RFC 9700 sections 2.1.1 and 4.7.1)."""

from __future__ import annotations

import pytest

from .attack import Attack, attacks, metadata
from .op import HostileOP
from .rp import RP


@attacks(
    "pkce_unsupported",
    status=503,
    calls="metadata",
    offers_plain=metadata(code_challenge_methods_supported=["plain"]),
    offers_nothing=metadata(code_challenge_methods_supported=[]),
    offers_s256_in_another_case=metadata(code_challenge_methods_supported=["s256"]),
)
def test_public_client_is_not_sent_without_pkce(rp: RP, attack: Attack) -> None:
    rp.configure(CLIENT_AUTH_METHOD="none", CLIENT_SECRET=None)
    rp.refuses(attack)


@pytest.mark.parametrize("offered", [["plain"], [], None], ids=["plain", "nothing", "silence"])
def test_confidential_client_uses_s256_whatever_is_offered(rp: RP, op: HostileOP, offered: list[str] | None) -> None:
    """The strict OP behind it takes the code for nothing but the verifier of that challenge."""
    op.metadata["code_challenge_methods_supported"] = offered
    rp.sign_in()
    assert op.request["code_challenge_method"] == "S256"
    assert op.request["response_type"] == "code"
