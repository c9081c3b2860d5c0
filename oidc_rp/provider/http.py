"""HTTP to the OP: bounded in time and size, never redirected, connections reused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import TimeoutSauce  # type: ignore[attr-defined]  # the stubs leave it out
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from oidc_rp.protocol.answers import Answer
from oidc_rp.protocol.errors import OPResponseError, OPUnavailableError
from oidc_rp.protocol.tokens import Form

from .breaker import CircuitBreaker
from .config import ProviderConfig
from .deadline import DeadlineAdapter

MAX_ANSWER_BYTES = 1_000_000
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call to the OP, for observers: a journal, metrics, tracing.

    `params` are the names and values sent, with every secret one masked, and with spaces
    between the values of one that was sent several times; `duration` is in seconds; `status`
    is None and `error` a code where there was no usable answer.
    """

    alias: str
    endpoint: str
    method: str
    url: str
    params: Mapping[str, str]
    status: int | None
    duration: float
    error: str | None


Observer = Callable[[Exchange], None]

_SECRET_PARAMETERS = frozenset(
    {
        "client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token",
        "subject_token", "actor_token", "assertion", "id_token_hint",
    }
)  # fmt: skip


class _HeaderAuth(AuthBase):
    """Sets our own Authorization header, or none.

    An explicit auth object also keeps requests from reading ~/.netrc, whose credentials
    would replace the client's.
    """

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization is not None:
            request.headers["Authorization"] = self._authorization
        return request


@dataclass(frozen=True, slots=True)
class _Request:
    endpoint: str
    method: str
    url: str
    form: Form | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)
    accept: str = "application/json"
    may_redirect: bool = False


class _Session(requests.Session):
    """Sees no redirects: to prepare one that is not followed, requests reads the whole body, however large it is."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class HTTPClient:
    """Calls to one OP. Safe to share between threads: nothing is changed after construction."""

    def __init__(self, config: ProviderConfig, breaker: CircuitBreaker, observe: Observer) -> None:
        self._breaker = breaker
        self._alias = config.alias
        self._timeout = config.timeout
        self._observe = observe
        self._session = _Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter())
        # Not the session's `verify`: REQUESTS_CA_BUNDLE in the environment would win over it.
        self._verify: str | bool = config.ca_bundle or True
        self._proxies = config.proxies or {}
        # Cookies would be shared state between users.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = CaseInsensitiveDict({"Accept": "application/json", "User-Agent": "oidc_rp"})

    def get(self, endpoint: str, url: str, *, bearer: str | None = None, accept: str = "application/json") -> Answer:
        """GET `url`; `endpoint` names it in errors. Raises OPUnavailableError or OPResponseError."""
        authorization = None if bearer is None else f"Bearer {bearer}"
        return self._call(_Request(endpoint, "GET", url, accept=accept, authorization=authorization))

    def post(
        self,
        endpoint: str,
        url: str,
        form: Form,
        *,
        authorization: str | None = None,
        may_redirect: bool = False,
    ) -> Answer:
        """POST `form`, as application/x-www-form-urlencoded. Raises OPUnavailableError or OPResponseError.

        A redirect is an error, or with `may_redirect` an answer with its `location`; it is never followed.
        """
        return self._call(
            _Request(endpoint, "POST", url, form=form, authorization=authorization, may_redirect=may_redirect)
        )

    def _call(self, request: _Request) -> Answer:
        with self._breaker.guard(request.endpoint, request.url):
            return self._observed_exchange(request)

    def _observed_exchange(self, request: _Request) -> Answer:
        started = time.monotonic()
        status: int | None = None
        failure: str | None = None
        try:
            answer = self._exchange(request, deadline=started + self._timeout)
            status = answer.status
            answer.check_available(may_be_page=request.may_redirect)
        except (OPUnavailableError, OPResponseError) as error:
            status, failure = error.status, error.code
            raise
        finally:
            self._observe(
                Exchange(
                    alias=self._alias,
                    endpoint=request.endpoint,
                    method=request.method,
                    url=request.url,
                    params={name: _mask(name, value) for name, value in (request.form or {}).items()},
                    status=status,
                    duration=time.monotonic() - started,
                    error=failure,
                )
            )
        return answer

    def _exchange(self, request: _Request, deadline: float) -> Answer:
        endpoint = request.endpoint
        try:
            with self._session.request(
                request.method,
                request.url,
                data=request.form,
                headers={"Accept": request.accept},
                auth=_HeaderAuth(request.authorization),
                timeout=TimeoutSauce(total=self._timeout),
                # A redirected POST would carry the code or the secret to another place.
                allow_redirects=False,
                stream=True,
                verify=self._verify,
                proxies=dict(self._proxies),  # requests writes those of the environment into it
            ) as response:
                if 300 <= response.status_code < 400 and not request.may_redirect:
                    raise OPResponseError(
                        f"the {endpoint} endpoint answered with a redirect, which is not followed",
                        endpoint=endpoint,
                        status=response.status_code,
                        code="op_redirect",
                    )
                return Answer(
                    endpoint=endpoint,
                    status=response.status_code,
                    content_type=response.headers.get("Content-Type", ""),
                    body=_read(response, endpoint),
                    retry_after=_read_retry_after(response.headers.get("Retry-After")),
                    location=response.headers.get("Location"),
                )
        except requests.exceptions.SSLError as error:
            raise _unavailable(endpoint, "has a certificate that cannot be verified", "op_tls") from error
        # ValueError: what a host name that cannot be one makes urllib3 and the idna codec raise.
        except (requests.RequestException, ValueError) as error:
            # Where the time ends while a body is read, requests calls it a ConnectionError.
            if isinstance(error, requests.Timeout) or time.monotonic() >= deadline:
                raise _unavailable(endpoint, "did not answer in time", "op_timeout") from error
            raise _unavailable(endpoint, "cannot be reached", "op_unreachable") from error


def _unavailable(endpoint: str, what: str, code: str) -> OPUnavailableError:
    return OPUnavailableError(f"the {endpoint} endpoint {what}", endpoint=endpoint, code=code)


def _read(response: requests.Response, endpoint: str) -> bytes:
    """Read the body while counting, decompressed: an answer must not be able to fill our memory."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(_CHUNK_BYTES):
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise OPResponseError(
                f"the {endpoint} endpoint's answer is over 1 MB",
                endpoint=endpoint,
                status=response.status_code,
                code="op_answer_too_large",
            )
        parts.append(part)
    return b"".join(parts)


def _read_retry_after(value: str | None) -> int | None:
    """The delay form of Retry-After (RFC 9110 section 10.2.3), at most an hour."""
    if value is None or not (value.isascii() and value.isdigit() and len(value) < 6):
        return None
    return min(int(value), 3_600)


def _mask(name: str, value: str | Sequence[str]) -> str:
    if name in _SECRET_PARAMETERS:
        return "…"
    return value if isinstance(value, str) else " ".join(value)
