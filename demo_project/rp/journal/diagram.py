"""A trip as a sequence diagram: the rows that the template draws between three lanes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from demo_project.rp.journal.kinds import MessageKind
from demo_project.rp.journal.legs import DEMANDS
from demo_project.rp.models import Message, Trip


class Lane(StrEnum):
    BROWSER = "browser"
    SITE = "site"
    OP = "op"


ORDER = (Lane.BROWSER, Lane.SITE, Lane.OP)

PARAMETER_HELP = {
    "Location": "where the browser is sent",
    "acr": "how strong the authentication was",
    "acr_values": "how strong an authentication must be",
    "amr": "the methods that were used",
    "auth_time": "when the user authenticated",
    "claims": "what must be in the ID token",
    "client_id": "which site asks",
    "code": "worth tokens, once, to this site alone",
    "code_challenge": "PKCE: the hash of a secret that this site keeps",
    "code_challenge_method": "PKCE: which hash",
    "code_verifier": "PKCE: the secret itself",
    "error": "why there is no other answer",
    "error_description": "the same, for people",
    "grant_type": "what is exchanged for tokens",
    "id_token_hint": "whose session is to end",
    "iss": "which OP speaks",
    "logout_token.sid": "which session has ended",
    "logout_token": "signed by the OP",
    "max_age": "how old a login may be, in seconds",
    "next": "where the user wants to go",
    "nonce": "ties the ID token to this login",
    "post_logout_redirect_uri": "where to come back to",
    "prompt": "what the OP may ask the user",
    "reason": "what has ended it",
    "refresh_token": "out of its sealed cookie; the answer has the next one",
    "renewals": "how often this session has been renewed",
    "redirect_uri": "where to come back to",
    "response_type": "code: tokens do not pass through the browser",
    "scope": "what this site wants to know",
    "sid": "the session at the OP",
    "state": "ties the answer to this browser",
    "sub": "who the user is at this OP",
}

ENDPOINTS = {
    "metadata": ("Discovery", "Where the OP's endpoints are and what it can do. Kept for the next time."),
    "jwks": ("Signing keys", "The public keys that ID tokens are verified with. Kept for the next time."),
    "token": ("Token request", "The code, the PKCE secret and this site's credentials, for tokens."),
    "revocation": ("Revocation request", "A token that is not to be used any more."),
    "api": ("API call", "The API takes the access token for the user's word, as long as that lives."),
    "userinfo": ("Userinfo request", "More claims about the user, for the access token."),
}

REFRESH = ("Refresh request", "The refresh token and this site's credentials, for the next tokens.")


@dataclass(frozen=True)
class Row:
    """An arrow from `source` to `target`; a note, if both are the same lane."""

    source: Lane
    target: Lane
    title: str
    label: str = ""
    help: str = ""
    parameters: list[tuple[str, str, str]] = field(default_factory=list)
    failed: bool = False
    # A redirect makes the browser speak to the OP directly; this site sees that by its effect only.
    unseen: bool = False
    # Seconds since the trip began.
    elapsed: float = 0.0

    @property
    def is_note(self) -> bool:
        return self.source is self.target

    @property
    def label_parts(self) -> list[str]:
        """The label, divided where a narrow screen may break it."""
        return re.split(r"(?<=/)(?=.)", self.label)

    @property
    def span(self) -> str:
        """The lanes from left to right, such as "browser-site"."""
        left, right = sorted((self.source, self.target), key=ORDER.index)
        return f"{left}-{right}"

    @property
    def direction(self) -> str:
        return "right" if ORDER.index(self.source) < ORDER.index(self.target) else "left"


def build_rows(trip: Trip) -> list[Row]:
    return list(_generate(trip.messages.all(), trip))


def _generate(messages: Iterable[Message], trip: Trip) -> Iterator[Row]:
    for message in messages:
        row = _build_row(message, trip)
        if message.kind in (MessageKind.AUTHENTICATION_RESPONSE, MessageKind.LOGOUT_RESPONSE):
            yield Row(Lane.OP, Lane.BROWSER, "Back to the site", "a redirect", unseen=True, elapsed=row.elapsed)
        yield row
        if message.kind == MessageKind.AUTHENTICATION_REQUEST:
            title = "The user signs in, if the OP asks"
            yield Row(Lane.BROWSER, Lane.OP, title, "follows the redirect", unseen=True, elapsed=row.elapsed)
        if message.kind == MessageKind.LOGOUT_REQUEST:
            title = "The OP ends its session"
            yield Row(Lane.BROWSER, Lane.OP, title, "follows the redirect", unseen=True, elapsed=row.elapsed)


_TEXTS: dict[str, tuple[Lane, Lane, str, str]] = {
    MessageKind.PAGE_REQUEST: (Lane.BROWSER, Lane.SITE, "Request", ""),
    MessageKind.PAGE_ANSWER: (Lane.SITE, Lane.BROWSER, "Answer", ""),
    MessageKind.AUTHENTICATION_REQUEST: (
        Lane.SITE, Lane.BROWSER, "Authentication request",
        "A redirect to the OP. This site seals what it must remember into a cookie.",
    ),
    MessageKind.AUTHENTICATION_RESPONSE: (
        Lane.BROWSER, Lane.SITE, "Authentication response",
        "What the OP has given the browser to bring along. state, iss and the cookie must fit together.",
    ),
    MessageKind.SESSION_STARTED: (
        Lane.SITE, Lane.SITE, "Session established",
        "The ID token's signature and claims have been verified.",
    ),
    MessageKind.SESSION_RENEWED: (
        Lane.SITE, Lane.SITE, "Session renewed",
        "The answer is for the same user and the same session. The browser gets the new refresh token, sealed.",
    ),
    MessageKind.SESSION_ENDED: (
        Lane.SITE, Lane.SITE, "Session ended",
        "Its row in this site's database says so, whatever the browser still carries.",
    ),
    MessageKind.LOGOUT_REQUEST: (
        Lane.SITE, Lane.BROWSER, "Logout request", "A redirect to the OP, which ends its own session too.",
    ),
    MessageKind.LOGOUT_RESPONSE: (Lane.BROWSER, Lane.SITE, "Back from the logout", ""),
    MessageKind.BACKCHANNEL_REQUEST: (
        Lane.OP, Lane.SITE, "Back-channel logout", "The OP tells this site directly that a session has ended.",
    ),
    MessageKind.BACKCHANNEL_ANSWER: (Lane.SITE, Lane.OP, "Answer", ""),
}  # fmt: skip


def _build_row(message: Message, trip: Trip) -> Row:
    if message.kind == MessageKind.CALL:
        title, explanation = ENDPOINTS.get(message.endpoint, (f"Request to {message.endpoint}", ""))
        if ["grant_type", "refresh_token"] in message.parameters:
            title, explanation = REFRESH
        source, target = Lane.SITE, Lane.OP
    elif message.kind == MessageKind.ANSWER:
        source, target, title, explanation = Lane.OP, Lane.SITE, "Answer", ""
    else:
        source, target, title, explanation = _TEXTS[message.kind]
    if message.kind == MessageKind.AUTHENTICATION_REQUEST and DEMANDS & {name for name, _ in message.parameters}:
        title = "Authentication request with demands"
    return Row(
        source,
        target,
        title,
        message.label,
        explanation,
        [(name, value, PARAMETER_HELP.get(name, "")) for name, value in message.parameters],
        failed=message.failed,
        elapsed=(message.created - trip.created).total_seconds(),
    )
