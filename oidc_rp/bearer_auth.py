"""An access token in the requests that this site makes: to the APIs that it is for, and to nobody else.

What RFC 6750 section 5.3 asks of a client: a bearer token works for whoever has it, so it
goes only over TLS, and only to an origin that the provider's API_ORIGINS lists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from .protocol.errors import DestinationError
from .protocol.urls import read_origin


class BearerAuth(AuthBase, ABC):
    """`auth=` of requests: sends an access token (RFC 6750 section 2.1), and once more with another one on a 401.

    The origin of the URL is checked before a token is even asked for: DestinationError,
    and nothing is sent. Along a redirect the token goes to no other origin than the first,
    listed or not. A request whose body cannot be sent a second time (a generator, a pipe)
    is not repeated; its 401 is handed back, and the next request has the new token.

    Nothing of a request is kept here: an instance may be shared by threads, and be the
    `auth` of a `requests.Session`. Whatever `get_token` and `renew_token` raise comes out
    of the call to requests.
    """

    @abstractmethod
    def get_origins(self) -> frozenset[str]:
        """Where the token may be sent: API_ORIGINS as the provider's configuration holds them."""

    @abstractmethod
    def get_token(self) -> str:
        """An access token to send. Raises OIDCError."""

    @abstractmethod
    def renew_token(self, rejected: str) -> str | None:
        """Another one in place of `rejected`, which an API has just refused; None if there is none to be had.

        Called for each refusal, also where the request cannot be repeated. Raises OIDCError.
        """

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """What requests calls for each request that it prepares. Raises DestinationError and what `get_token` does."""
        origin = check_destination(request.url, self.get_origins())
        token = self.get_token()
        _set_token(request, token)
        sent = _Sent(self.renew_token, origin, token, body_start=_find_position(request.body))
        request.register_hook("response", sent)  # type: ignore[no-untyped-call]  # the stubs leave it out
        return request


def check_destination(url: str | None, origins: frozenset[str]) -> str:
    """The origin of `url`; DestinationError if it is not one of `origins`."""
    origin = read_origin((url or "").partition("#")[0])
    if origin is None or origin not in origins:
        raise DestinationError(origin or "", sorted(origins))
    return origin


@dataclass
class _Sent:
    """What has been sent with one request, and what is to be done with the answers to it."""

    renew_token: Callable[[str], str | None]
    origin: str
    token: str
    body_start: int | None
    is_renewed: bool = False

    def __call__(self, response: requests.Response, **kwargs: Any) -> requests.Response:
        """The hook of requests for each answer, those to the requests along redirects included."""
        request = response.request
        if request.headers.get("Authorization") != _build_header(self.token):
            return response  # a redirect has led to another origin, and the token was not sent
        if response.is_redirect:
            # requests itself leaves the token in when http becomes https, and looks at no list of origins.
            if read_origin(urljoin(response.url, response.headers["Location"])) != self.origin:
                del request.headers["Authorization"]
            return response
        if response.status_code != 401 or self.is_renewed or _asks_for_the_user(response):
            return response
        self.is_renewed = True
        try:
            token = self.renew_token(self.token)
        except BaseException:
            response.close()
            raise
        if token is None or token == self.token or not self._rewind(request.body):
            return response
        response.close()
        self.token = token
        _set_token(request, token)
        answer: requests.Response = response.connection.send(request, **kwargs)
        answer.history.append(response)
        return answer

    def _rewind(self, body: Any) -> bool:
        """Make the body ready to be sent again; False if that cannot be done."""
        if body is None or isinstance(body, str | bytes):
            return True
        if self.body_start is None:
            return False
        try:
            body.seek(self.body_start)
        except OSError:
            return False
        return True


def _asks_for_the_user(response: requests.Response) -> bool:
    # RFC 9470 section 3: the token is fine, and only another sign-in leads to a better one.
    return "insufficient_user_authentication" in response.headers.get("WWW-Authenticate", "")


def _build_header(token: str) -> str:
    return f"Bearer {token}"


def _set_token(request: requests.PreparedRequest, token: str) -> None:
    request.headers["Authorization"] = _build_header(token)


def _find_position(body: Any) -> int | None:
    """Where a file begins to be read; None for what is no file, or one that can only be read onwards."""
    try:
        position: int = body.tell()
    except (AttributeError, OSError):
        return None
    return position
