"""Claims as people read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TIME_CLAIMS = frozenset({"auth_time", "exp", "iat", "nbf", "updated_at"})
# The year 9999, after which datetime cannot follow.
LAST_SECOND = 253_402_300_799


@dataclass(frozen=True)
class ClaimRow:
    name: str
    value: str
    moment: datetime | None


def build_claim_rows(claims: Mapping[str, Any]) -> list[ClaimRow]:
    return [ClaimRow(name, _as_text(value), _as_moment(name, value)) for name, value in sorted(claims.items())]


def as_moment(seconds: float | None) -> datetime | None:
    """Unix seconds as a moment; None where there are none, or none that a calendar has."""
    if seconds is None or not 0 <= seconds <= LAST_SECOND:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_moment(name: str, value: Any) -> datetime | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return as_moment(value) if name in TIME_CLAIMS and is_number else None
