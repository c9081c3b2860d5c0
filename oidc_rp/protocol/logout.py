"""RP-initiated logout (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from .answers import Answer
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


def process_logout_answer(answer: Answer, post_logout_redirect_uri: str) -> bool:
    """Whether the OP has ended the session that a request without a browser named by its `id_token_hint`.

    The specification has only browsers make this request (section 2), so an answer is read
    as a browser would take it: done is a redirect to `post_logout_redirect_uri` (section 3),
    or, at some OPs, a success without a page. A page, or a redirect to another place, waits
    for the user. Raises OPError, OPResponseError or OPUnavailableError if the OP refuses.
    """
    if 300 <= answer.status < 400:
        return (answer.location or "").partition("?")[0] == post_logout_redirect_uri
    if not 200 <= answer.status < 300:
        answer.check_status()
    return not answer.body.strip() or answer.content_type.partition(";")[0].strip().lower() == "application/json"
