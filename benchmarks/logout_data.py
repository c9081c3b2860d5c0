"""What a logout benchmark has to know of a package: what it keeps of a login. A module `logout_data_*` for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One live session of a subject."""

    user_id: Any
    subject: str
    sid: str
    session_key: str


class Data(Protocol):
    """What each of the modules has."""

    def build_user(self, subject: str) -> Any:
        """The account of a subject, not saved."""

    def keep(self, logins: Sequence[SignedIn]) -> list[dict[str, Any]]:
        """Write what the package keeps in tables of its own; what it keeps in the session of each."""
