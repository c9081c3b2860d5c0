"""The userinfo response (Core 1.0 section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answers import Answer
from .claims import check_audience, check_issuer
from .errors import ClaimError
from .id_token import Client, SignatureVerifier
from .jose import parse_jws
from .keys import check_algorithm


def process_userinfo_response(
    answer: Answer,
    *,
    sub: str,
    client: Client,
    verify_signature: SignatureVerifier,
) -> Mapping[str, Any]:
    """Turn an answer of the userinfo endpoint into claims about `sub`, the ID token's subject.

    A signed answer (`application/jwt`) is verified like an ID token: allowed `alg`,
    signature, and `iss` and `aud` where they are present (section 5.3.2). Raises OPError,
    OPResponseError, OPUnavailableError or TokenError.
    """
    answer.check_status()
    if answer.content_type.partition(";")[0].strip().lower() == "application/jwt":
        claims = _process_signed(answer, client, verify_signature)
    else:
        claims = answer.parse()
    # Section 5.3.2: otherwise one user's answer could be substituted for another's.
    if claims.get("sub") != sub:
        raise ClaimError("sub", "in userinfo is not the ID token's")
    return claims


def _process_signed(answer: Answer, client: Client, verify_signature: SignatureVerifier) -> Mapping[str, Any]:
    jws = parse_jws(answer.body.decode("ascii", "replace").strip())
    if "iss" in jws.payload:
        check_issuer(jws.payload, client.issuer)
    if "aud" in jws.payload:
        check_audience(jws.payload, client.client_id, client.trusted_audiences)
    check_algorithm(jws.header, client.algorithms)
    verify_signature(jws)
    return jws.payload
