"""OpenID Connect Back-Channel Logout 1.0, the OP's side, and the URLs of Front-Channel Logout 1.0."""

import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

import requests
from oauth2_provider.models import Application

from demo_project.op.models import Account, LogoutChannel, OPSession
from demo_project.op.tokens import sign_logout_token

logger = logging.getLogger(__name__)

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFETIME = 120
REQUEST_TIMEOUT = 2.0
# What a user who signs out waits at most, whatever the relying parties do.
PATIENCE = 3.0
MAX_WORKERS = 8


@dataclass(frozen=True)
class LogoutMessage:
    """One logout token and where it goes."""

    client_id: str
    uri: str
    token: str


def channels(session: OPSession) -> Iterable[LogoutChannel]:
    """The logout channels of every relying party that has seen this OP session."""
    concerned = LogoutChannel.objects.filter(application__op_logins__session=session)
    return concerned.select_related("application").distinct()


def build_logout_messages(session: OPSession, issuer: str) -> list[LogoutMessage]:
    return [
        LogoutMessage(
            client_id=channel.application.client_id,
            uri=channel.backchannel_uri,
            token=build_logout_token(session, channel.application, issuer),
        )
        for channel in channels(session)
        if channel.backchannel_uri
    ]


def build_logout_token(session: OPSession, application: Application, issuer: str) -> str:
    """Back-Channel Logout 1.0 section 2.4."""
    now = int(time.time())
    return sign_logout_token(
        {
            "iss": issuer,
            "sub": str(Account.of(session.user).subject),
            "aud": application.client_id,
            "iat": now,
            "exp": now + TOKEN_LIFETIME,
            "jti": secrets.token_urlsafe(16),
            "sid": session.sid,
            "events": {EVENT: {}},
        }
    )


def build_frontchannel_urls(session: OPSession, issuer: str) -> list[str]:
    """Front-Channel Logout 1.0 section 2, for the relying parties without a back channel."""
    query = urlencode({"iss": issuer, "sid": session.sid})
    return [
        f"{channel.frontchannel_uri}{'&' if '?' in channel.frontchannel_uri else '?'}{query}"
        for channel in channels(session)
        if channel.frontchannel_uri and not channel.backchannel_uri
    ]


def deliver(messages: Sequence[LogoutMessage]) -> None:
    """Sends all messages at once and returns when they have arrived, or after `PATIENCE` seconds."""
    if not messages:
        return
    pool = ThreadPoolExecutor(max_workers=min(MAX_WORKERS, len(messages)))
    sent = [pool.submit(_send, message) for message in messages]
    _, late = wait(sent, timeout=PATIENCE)
    pool.shutdown(wait=False, cancel_futures=True)
    if late:
        logger.warning("%d of %d relying parties have not answered yet", len(late), len(sent))


def _send(message: LogoutMessage) -> None:
    try:
        response = requests.post(
            message.uri,
            data={"logout_token": message.token},
            timeout=REQUEST_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        logger.warning("back-channel logout of %s failed: %s", message.client_id, type(error).__name__)
        return
    if response.status_code not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
        logger.warning("back-channel logout of %s answered %d", message.client_id, response.status_code)
