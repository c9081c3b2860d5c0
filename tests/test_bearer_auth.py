"""Access tokens in outgoing requests: where they may go, and what happens on a 401."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from oidc_rp.bearer_auth import BearerAuth
from oidc_rp.protocol.errors import DestinationError, OPUnavailableError
from tests.support.loopback import build_answer, run_loopback

API = "https://api.example/things"
CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@dataclass
class Source(BearerAuth):
    """Tokens `token-1`, `token-2`, … in turn; `None` among `next_tokens` means that there is none."""

    next_tokens: list[str | Exception | None] = field(default_factory=lambda: ["token-2", "token-3"])
    origins: frozenset[str] = frozenset({"https://api.example", "https://other.example", "http://localhost"})
    token: str = "token-1"
    asked: int = 0
    rejected: list[str] = field(default_factory=list)

    def get_origins(self) -> frozenset[str]:
        return self.origins

    def get_token(self) -> str:
        self.asked += 1
        return self.token

    def renew_token(self, rejected: str) -> str | None:
        self.rejected.append(rejected)
        token = self.next_tokens.pop(0)
        if isinstance(token, Exception):
            raise token
        return token


Answer = tuple[int, dict[str, str], str]


@dataclass
class FakeAPI:
    """An API that takes some tokens only, and writes down what it was sent: URL and Authorization."""

    good: set[str] = field(default_factory=lambda: {"token-1"})
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    challenge: dict[str, str] = field(default_factory=lambda: dict(CHALLENGE))
    redirects: dict[str, str] = field(default_factory=dict)
    redirect_first: bool = True
    status: int = 307

    def answer(self, request: requests.PreparedRequest) -> Answer:
        header = request.headers.get("Authorization")
        url = str(request.url)
        self.seen.append((url, header))
        good = header is not None and header.removeprefix("Bearer ") in self.good
        if url in self.redirects and (self.redirect_first or good):
            return self.status, {"Location": self.redirects[url]}, ""
        if good:
            return 200, {}, json.dumps({"you": "are welcome"})
        return 401, self.challenge, ""

    @property
    def tokens(self) -> list[str | None]:
        return [header for _, header in self.seen]


@pytest.fixture
def api(http: responses.RequestsMock) -> FakeAPI:
    api = FakeAPI()
    for method in ("GET", "POST", "PUT"):
        http.add_callback(method, re.compile("https?://"), callback=api.answer)
    return api


def test_token_is_in_the_header(api: FakeAPI) -> None:
    assert requests.get(API, auth=Source()).json() == {"you": "are welcome"}
    assert api.tokens == ["Bearer token-1"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://evil.example/things", id="another_host"),
        pytest.param("https://api.example.evil.example/things", id="our_host_as_prefix"),
        pytest.param("https://api.example@evil.example/things", id="our_host_as_user"),
        pytest.param("https://evil.example#@api.example/", id="our_host_in_the_fragment"),
        pytest.param("https://evil.example?@api.example/", id="our_host_in_the_query"),
        pytest.param("https://evil.example\\@api.example/", id="backslash"),
        pytest.param("https://sub.api.example/things", id="subdomain"),
        pytest.param("https://api.example:8443/things", id="another_port"),
        pytest.param("http://api.example/things", id="http"),
        pytest.param("https://user:password@api.example/things", id="credentials"),
    ],
)
def test_token_goes_to_no_other_origin(api: FakeAPI, url: str) -> None:
    source = Source()
    with pytest.raises(DestinationError) as caught:
        requests.get(url, auth=source)
    assert caught.value.code == "api_origin"
    assert caught.value.allowed == ("http://localhost", "https://api.example", "https://other.example")
    assert (source.asked, api.seen) == (0, [])


def test_no_origin_is_allowed_by_default() -> None:
    with pytest.raises(DestinationError) as caught:
        requests.get(API, auth=Source(origins=frozenset()))
    assert (caught.value.origin, caught.value.allowed) == ("https://api.example", ())


@pytest.mark.parametrize("url", ["HTTPS://API.example:443/things", f"{API}#part"], ids=["another_spelling", "fragment"])
def test_one_origin_has_many_spellings(api: FakeAPI, url: str) -> None:
    assert requests.get(url, auth=Source()).status_code == 200


def test_401_renews_once_and_sends_again(api: FakeAPI) -> None:
    api.good = {"token-2"}
    source = Source()
    response = requests.get(API, auth=source)
    assert response.status_code == 200
    assert [earlier.status_code for earlier in response.history] == [401]
    assert (api.tokens, source.rejected) == (["Bearer token-1", "Bearer token-2"], ["token-1"])


def test_second_401_is_handed_back(api: FakeAPI) -> None:
    api.good = set()
    source = Source()
    assert requests.get(API, auth=source).status_code == 401
    assert (len(api.seen), source.rejected) == (2, ["token-1"])


@pytest.mark.parametrize("token", [None, "token-1"], ids=["none", "the_same"])
def test_401_is_handed_back_if_there_is_no_other_token(api: FakeAPI, token: str | None) -> None:
    api.good = set()
    assert requests.get(API, auth=Source(next_tokens=[token])).status_code == 401
    assert len(api.seen) == 1


def test_failed_renewal_comes_out(api: FakeAPI) -> None:
    api.good = set()
    failure = OPUnavailableError("down", endpoint="token")
    with pytest.raises(OPUnavailableError) as caught:
        requests.get(API, auth=Source(next_tokens=[failure]))
    assert caught.value is failure


def test_another_sign_in_is_not_a_matter_of_renewal(api: FakeAPI) -> None:
    api.good, api.challenge = set(), {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}
    source = Source()
    assert requests.get(API, auth=source).status_code == 401
    assert source.rejected == []


def test_one_instance_serves_many_requests(api: FakeAPI) -> None:
    with requests.Session() as session:
        session.auth = source = Source()
        api.good = {"token-2"}
        assert session.get(API).status_code == 200
        source.token, api.good = "token-2", {"token-3"}
        assert session.get(API).status_code == 200
    assert source.rejected == ["token-1", "token-2"]


class Forward(io.BytesIO):
    """A pipe: it can be read, and not rewound."""

    def seek(self, *args: int) -> int:
        raise io.UnsupportedOperation


class Pipe(io.BytesIO):
    def tell(self) -> int:
        raise io.UnsupportedOperation


def open_in_the_middle() -> io.BytesIO:
    file = io.BytesIO(b"not this: the body")
    file.seek(10)
    return file


@pytest.mark.parametrize(
    ("build", "again"),
    [
        pytest.param(lambda: b"the body", True, id="bytes"),
        pytest.param(lambda: "the body", True, id="text"),
        pytest.param(open_in_the_middle, True, id="file"),
        pytest.param(lambda: iter([b"the ", b"body"]), False, id="generator"),
        pytest.param(lambda: Pipe(b"the body"), False, id="pipe"),
        pytest.param(lambda: Forward(b"the body"), False, id="file_that_cannot_go_back"),
    ],
)
@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_body_is_sent_again_whole_or_not_at_all(build: Callable[[], Any], again: bool) -> None:
    with run_loopback(build_answer(b"", status="401 Unauthorized"), build_answer(b"{}")) as api:
        source = Source(origins=frozenset({api.url.removesuffix("/token")}))
        response = requests.post(api.url, data=build(), auth=source)
        response.close()
    assert response.status_code == (200 if again else 401)
    assert [read_body(request) for request in api.requests] == [b"the body"] * (2 if again else 1)
    # Also where nothing is repeated, the next request must not send the refused token once more.
    assert source.rejected == ["token-1"]


def read_body(request: bytes) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    # Of chunks the lines with their lengths are left out.
    return b"".join(body.split(b"\r\n")[1:-3:2]) if b"chunked" in head else body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("start", "target"),
    [
        pytest.param(API, "https://other.example/things", id="listed_host"),
        pytest.param(API, "//other.example/things", id="without_scheme"),
        pytest.param(API, "https://api.example:8443/things", id="another_port"),
        pytest.param("http://localhost/things", "https://localhost/things", id="http_to_https"),
    ],
)
def test_redirect_takes_the_token_to_no_other_origin(api: FakeAPI, start: str, target: str, status: int) -> None:
    api.redirects, api.status = {start: target}, status
    source = Source()
    response = requests.post(start, data=b"x", auth=source)
    assert response.status_code == 401
    assert api.tokens == ["Bearer token-1", None]
    assert source.rejected == []


@pytest.mark.parametrize("location", ["/elsewhere", "https://API.example:443/elsewhere"], ids=["path", "absolute"])
def test_redirect_within_the_origin_keeps_the_token(api: FakeAPI, location: str) -> None:
    api.redirects = {API: location}
    assert requests.post(API, data=b"x", auth=Source()).status_code == 200
    assert api.tokens == ["Bearer token-1", "Bearer token-1"]


def test_redirect_that_is_not_followed_is_handed_back(api: FakeAPI) -> None:
    api.redirects = {API: "https://other.example/things"}
    response = requests.get(API, auth=Source(), allow_redirects=False)
    assert (response.status_code, len(api.seen)) == (307, 1)


def test_renewed_token_is_kept_along_a_redirect(api: FakeAPI) -> None:
    api.good, api.redirects, api.redirect_first = {"token-2"}, {API: "/elsewhere"}, False
    assert requests.get(API, auth=Source()).status_code == 200
    assert api.tokens == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]


def test_renewed_token_is_not_taken_along_to_another_origin(api: FakeAPI) -> None:
    api.good, api.redirects = {"token-2"}, {API: "https://other.example/things"}
    api.redirect_first = False
    source = Source()
    assert requests.get(API, auth=source).status_code == 401
    assert api.tokens == ["Bearer token-1", "Bearer token-2", None]
    assert source.rejected == ["token-1"]


def test_answers_that_are_given_up_are_closed(api: FakeAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each would keep its connection."""
    closed: list[int] = []
    build = HTTPAdapter.build_response

    def build_and_watch(self: HTTPAdapter, req: requests.PreparedRequest, resp: object) -> requests.Response:
        response = build(self, req, resp)  # type: ignore[arg-type]
        close = response.close

        def watched() -> None:
            closed.append(response.status_code)
            close()

        response.close = watched  # type: ignore[method-assign]
        return response

    monkeypatch.setattr(HTTPAdapter, "build_response", build_and_watch)
    api.good = {"token-2"}
    requests.get(API, auth=Source(), stream=True)
    assert closed == [401]
    with pytest.raises(OPUnavailableError):
        requests.get(API, auth=Source(token="x", next_tokens=[OPUnavailableError("down", endpoint="token")]))
    assert closed == [401, 401]
