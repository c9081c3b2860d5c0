"""What an authentication must amount to, and whether one does (Core 1.0 section 3.1.3.7, item 12)."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import RequirementError


def check_acr(actual: str | None, acr_values: Sequence[str]) -> None:
    """`acr` is one of the values that were asked for, compared exactly; nothing asked for, nothing checked.

    `acr_values` is a voluntary claim: the OP may ignore it, so what came back decides.
    Raises RequirementError.
    """
    if acr_values and actual not in acr_values:
        raise RequirementError("acr", required=tuple(acr_values), actual=actual)
