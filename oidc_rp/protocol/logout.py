"""RP-initiated logout (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from .authentication import build_authentication_request


def build_logout_request(
    end_session_endpoint: str,
    *,
    client_id: str,
    post_logout_redirect_uri: str,
    state: str,
    id_token_hint: str | None,
) -> str:
    """The URL that takes the browser to the OP to log out there (section 2).

    An expired `id_token_hint` is fine. `client_id` is sent in any case: with it the OP
    can tell which client's post_logout_redirect_uri it has to look up.
    """
    return build_authentication_request(
        end_session_endpoint,
        {
            "client_id": client_id,
            "post_logout_redirect_uri": post_logout_redirect_uri,
            "state": state,
            "id_token_hint": id_token_hint,
        },
    )
