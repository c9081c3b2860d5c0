"""Ending sessions here and at the OP from where no browser is: for the admin."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from .flows.logout import OPLogout, logout_without_browser
from .models import OIDCSession
from .protocol.errors import OIDCError, OPUnavailableError
from .providers import UnknownProviderError, providers
from .session_data import load_tokens
from .session_rows import end_rows_by_id

logger = logging.getLogger("oidc_rp")


def end_here_and_at_op(
    rows: Sequence[OIDCSession], reason: str, post_logout_redirect_uri: str
) -> tuple[int, Counter[OPLogout]]:
    """End these sessions here, all of them first; then ask the OP of each that was alive to end its own.

    Returns how many were alive here, and what became of them at the OPs.
    """
    # A row keeps its ID token only while it is alive.
    hints = [(row, tokens.id_token) for row in rows if (tokens := load_tokens(str(row.pk)))]
    ended = end_rows_by_id([row.pk for row in rows], reason)
    outcomes: Counter[OPLogout] = Counter()
    unreachable: set[str] = set()
    for row, id_token in hints:
        outcome = OPLogout.FAILED
        # One that does not answer would make the administrator wait for its timeout again and again.
        if row.alias not in unreachable:
            try:
                outcome = _end_at_op(row, id_token, post_logout_redirect_uri)
            except (OIDCError, UnknownProviderError) as error:
                logger.warning("logout_at_op_failed: %r", error)
                if isinstance(error, OPUnavailableError):
                    unreachable.add(row.alias)
        outcomes[outcome] += 1
    return ended, outcomes


def _end_at_op(row: OIDCSession, id_token: str, post_logout_redirect_uri: str) -> OPLogout:
    provider = providers[row.alias]
    if (provider.config.issuer, provider.config.client_id) != (row.issuer, row.client_id):
        # The alias has been given to another OP or client since, which must not see this ID token.
        raise UnknownProviderError(row.alias)
    return logout_without_browser(provider, id_token_hint=id_token, post_logout_redirect_uri=post_logout_redirect_uri)
