"""The authentication response is by another OP than the one that was asked, or hides it (RFC 9207)."""

from __future__ import annotations

from .attack import Attack, Misbehaviour, attacks, both, metadata, response
from .op import HostileOP
from .rp import RP


def issuer_and(end: str) -> Misbehaviour:
    return lambda op: op.response.update(iss=op.issuer + end)


not_promised = metadata(authorization_response_iss_parameter_supported=None)


@attacks(
    "iss_mismatch",
    status=400,
    calls="metadata",
    names_another_op=response(iss="https://evil.example"),
    adds_a_slash=issuer_and("/"),
    adds_a_path=issuer_and("/evil"),
    adds_a_fragment=issuer_and("#"),
    encodes_a_dot=lambda op: op.response.update(iss=op.issuer.replace(".", "%2E")),
    writes_the_scheme_in_capitals=lambda op: op.response.update(iss=op.issuer.replace("http", "HTTP")),
    names_another_op_although_none_is_promised=both(not_promised, response(iss="https://evil.example")),
    names_another_op_on_an_error=response(iss="https://evil.example", code=None, error="access_denied"),
    names_another_op_on_an_error_beside_a_code=response(iss="https://evil.example", error="access_denied"),
)
def test_response_of_another_issuer(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "iss_missing",
    status=400,
    calls="metadata",
    leaves_it_out_although_it_is_promised=response(iss=None),
    leaves_it_empty=response(iss=""),
)
def test_response_of_no_issuer(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


@attacks(
    "response_parameter_repeated",
    status=400,
    calls="metadata",
    names_ours_first=lambda op: op.response.update(iss=[op.issuer, "https://evil.example"]),
    names_ours_last=lambda op: op.response.update(iss=["https://evil.example", op.issuer]),
    names_ours_twice=lambda op: op.response.update(iss=[op.issuer, op.issuer]),
)
def test_response_of_two_issuers(rp: RP, attack: Attack) -> None:
    rp.refuses(attack)


def test_response_without_iss_that_is_not_promised(rp: RP, op: HostileOP) -> None:
    both(not_promised, response(iss=None))(op)
    rp.sign_in()
