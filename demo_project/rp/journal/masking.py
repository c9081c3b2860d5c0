"""No secret gets into the journal, and nothing long."""

import re
from collections.abc import Iterable

SECRET = frozenset(
    {
        "access_token", "actor_token", "assertion", "client_assertion", "client_secret", "code", "code_verifier",
        "csrfmiddlewaretoken", "id_token", "id_token_hint", "logout_token", "password", "refresh_token", "request",
        "response", "subject_token", "token",
    }
)  # fmt: skip
# Enough is left to see that it is the same one in two messages.
SHORTENED = frozenset({"code_challenge", "nonce", "state"})
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

MASK = "••••••"
MAX_PARAMETERS = 40
MAX_LENGTH = 300


def mask(parameters: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Pairs of name and value that may be shown."""
    pairs = list(parameters)
    masked = [[name[:100], _mask_value(name, value)] for name, value in pairs[:MAX_PARAMETERS]]
    if len(pairs) > MAX_PARAMETERS:
        masked.append(["…", f"and {len(pairs) - MAX_PARAMETERS} more"])
    return masked


def _mask_value(name: str, value: str) -> str:
    if name in SECRET or JWT.search(value):
        return MASK
    if name in SHORTENED and len(value) > 8:
        return f"{value[:8]}…"
    return value if len(value) <= MAX_LENGTH else f"{value[:MAX_LENGTH]}…"
