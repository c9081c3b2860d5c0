"""Back-channel logout (Back-Channel Logout 1.0 section 2.7): from a logout token to ended sessions."""

from __future__ import annotations

from typing import Protocol

from oidc_rp.protocol.errors import ClaimError
from oidc_rp.protocol.logout_token import LogoutToken
from oidc_rp.provider import Provider


class Receipts(Protocol):
    """Where arrived logout tokens are remembered, for all processes of the site."""

    def claim(self, token: LogoutToken) -> bool:
        """Take a token for processing; False if its `jti` has been used. Visible to all before it returns."""

    def settle(self, token: LogoutToken) -> None:
        """The token is used up."""

    def release(self, token: LogoutToken) -> None:
        """Processing failed; the token may come again."""


class Sessions(Protocol):
    """The sessions of this client."""

    def end(self, token: LogoutToken) -> int:
        """End those that the token names: by `sid`, else all of `sub`'s. How many there were."""


def complete_backchannel_logout(provider: Provider, token: str, receipts: Receipts, sessions: Sessions) -> int:
    """Validate a logout token and end the sessions that it names; how many were alive. None is success too.

    Raises TokenError for what is not a valid logout token, or one that was used before;
    what the stores raise passes through, so that the OP gets an error and tries again.
    """
    logout_token = provider.validate_logout_token(token)
    if not receipts.claim(logout_token):
        raise ClaimError("jti", "has been used before")
    try:
        ended = sessions.end(logout_token)
    except BaseException:
        receipts.release(logout_token)
        raise
    receipts.settle(logout_token)
    return ended
