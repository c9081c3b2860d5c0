"""Back-channel logout (Back-Channel Logout 1.0 section 2.7): from a logout token to ended sessions."""

from __future__ import annotations

from typing import Protocol

from oidc_rp.protocol.errors import ClaimError
from oidc_rp.protocol.logout_token import LogoutToken
from oidc_rp.provider import Provider


class Receipts(Protocol):
    """Where arrived logout tokens are remembered, for all processes of the site."""

    def record(self, token: LogoutToken) -> bool:
        """Remember that the token has come, visible to all before this returns; False if its `jti` is used up."""

    def settle(self, token: LogoutToken) -> bool:
        """The sessions have ended, so the `jti` is used up: True for one caller only."""


class Sessions(Protocol):
    """The sessions of this client."""

    def end(self, token: LogoutToken) -> int:
        """End those that the token names: by `sid`, else all of `sub`'s. How many there were."""


def complete_backchannel_logout(provider: Provider, token: str, receipts: Receipts, sessions: Sessions) -> int:
    """Validate a logout token and end the sessions that it names; how many were alive. None is success too.

    Raises TokenError for what is not a valid logout token, or one that was used before;
    what the stores raise passes through, so that the OP gets an error and tries again.

    A token is used up when its sessions have ended, not when it arrives: were the process
    to die in between, the OP's next attempt would be refused and the sessions live on. If
    the same token comes twice at once, both end the sessions, which is harmless, and one
    is told that the other has used it.
    """
    logout_token = provider.validate_logout_token(token)
    if not receipts.record(logout_token):
        raise ClaimError("jti", "has been used before")
    ended = sessions.end(logout_token)
    if not receipts.settle(logout_token):
        raise ClaimError("jti", "has been used before")
    return ended
