"""Token revocation (RFC 7009)."""

from __future__ import annotations

from typing import Literal

from .answers import Answer
from .errors import OPError

TokenTypeHint = Literal["access_token", "refresh_token"]


def build_revocation_request(token: str, hint: TokenTypeHint) -> dict[str, str]:
    """The form of a revocation request (section 2.1)."""
    return {"token": token, "token_type_hint": hint}


def process_revocation_answer(answer: Answer) -> bool:
    """Whether the token is of no use now; False if the OP does not revoke tokens of this kind (section 2.2.1).

    A token that was invalid already is a success too (section 2.2). Raises OPError,
    OPUnavailableError or OPResponseError, as `Answer.parse` does.
    """
    try:
        answer.check_status()
    except OPError as error:
        if error.error == "unsupported_token_type":
            return False
        raise
    return True
