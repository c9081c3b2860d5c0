"""The way from an earlier refresh token to the newest, for requests that still carry the earlier one.

A chain, kept in the session's row: in each link the next refresh token, under a seal that
only the one before it opens. So the row alone gives nobody a refresh token. A link is good
for a short time after its rotation, and with it goes the way from all that came before it.
"""

from __future__ import annotations

import json

from .sealing import SealError, open_sealed_under, seal_under

# Tokens may rotate several times within the grace time: once for each API that a page calls.
MAX_LINKS = 20
_PURPOSE = "refresh token handover"


def follow(chain: str, refresh_token: str, generation: int, newest: int, *, owner: str, now: float) -> str | None:
    """The refresh token of the generation `newest`, from one of `generation`; None if a link is missing or too old.

    One that is of the newest generation, or of a later one, is returned as it is: where the
    database was restored from a backup, a cookie is newer than the row, and under our seal.
    """
    links = {number: (until, sealed) for number, until, sealed in _read(chain)}
    for number in range(generation, newest):
        until, sealed = links.get(number, (0.0, ""))
        if now >= until:
            return None
        try:
            refresh_token = open_sealed_under(refresh_token, sealed, _PURPOSE, owner).decode()
        except SealError:
            return None
    return refresh_token


def extend(chain: str, before: str, after: str, generation: int, *, until: float, owner: str, now: float) -> str:
    """The chain with one more link: from `before`, which is of `generation`, to `after`. Links that are over go."""
    alive = [link for link in _read(chain) if now < link[1]][1 - MAX_LINKS :]
    return json.dumps([*alive, (generation, until, seal_under(before, after.encode(), _PURPOSE, owner))])


def _read(chain: str) -> list[tuple[int, float, str]]:
    return [(number, until, sealed) for number, until, sealed in json.loads(chain or "[]")]
