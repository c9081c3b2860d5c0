"""System checks: the configuration's user interface."""

from __future__ import annotations


def register_checks() -> None:
    """Register every check of this module."""
