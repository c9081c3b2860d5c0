from __future__ import annotations

import gzip
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from oidc_rp.protocol.errors import OPResponseError, OPUnavailableError
from oidc_rp.provider import Exchange
from oidc_rp.provider.breaker import FAILURES_TO_OPEN, CircuitBreaker
from oidc_rp.provider.config import ProviderConfig
from oidc_rp.provider.http import MAX_ANSWER_BYTES, HTTPClient
from tests.support.certificates import build_context, write_certificate
from tests.support.loopback import Last, build_answer, run_loopback
from tests.support.site import MemoryCache

pytestmark = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

OK = build_answer(b"{}", "Content-Type: application/json")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
TIMEOUT = 0.3


def build_client(exchanges: list[Exchange] | None = None, **options: Any) -> HTTPClient:
    config = ProviderConfig(alias="default", issuer="https://op.example", client_id="client-1", **options)
    breaker = CircuitBreaker(config, MemoryCache(time.time), time.time)
    return HTTPClient(config, breaker, ([] if exchanges is None else exchanges).append)


def test_post_sends_a_form_and_the_authorization() -> None:
    with run_loopback(build_answer(b'{"a": 1}', "Content-Type: application/json; x=y", "Retry-After: 7")) as op:
        answer = build_client().post("token", op.url, {"code": "a b&c"}, authorization="Basic eA==")
    assert (answer.endpoint, answer.status, answer.body) == ("token", 200, b'{"a": 1}')
    assert (answer.content_type, answer.retry_after) == ("application/json; x=y", 7)
    head, _, body = op.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token HTTP/1.1\r\n")
    assert b"Authorization: Basic eA==" in head
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert body == b"code=a+b%26c"


def test_post_repeats_a_parameter_that_has_several_values() -> None:
    exchanges: list[Exchange] = []
    with run_loopback(OK) as op:
        build_client(exchanges).post("token", op.url, {"resource": ["urn:a", "urn:b"], "scope": "r w", "none": []})
    assert op.requests[0].endswith(b"resource=urn%3Aa&resource=urn%3Ab&scope=r+w")
    assert exchanges[0].params == {"resource": "urn:a urn:b", "scope": "r w", "none": ""}


def test_get_sends_the_access_token_in_the_header() -> None:
    with run_loopback(OK) as op:
        build_client().get("userinfo", op.url, bearer="access-1", accept="application/jwt")
    assert b"Authorization: Bearer access-1\r\n" in op.requests[0]
    assert b"Accept: application/jwt\r\n" in op.requests[0]


def test_connections_are_reused() -> None:
    with run_loopback(OK) as op:
        client = build_client()
        for _ in range(3):
            client.get("jwks", op.url)
    assert (len(op.requests), op.connections) == (3, 1)


def test_cookies_are_not_kept() -> None:
    with run_loopback(build_answer(b"{}", "Set-Cookie: session=alice; Path=/")) as op:
        client = build_client()
        for _ in range(2):
            client.get("jwks", op.url)
    assert b"cookie" not in op.requests[1].lower()


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password x\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with run_loopback(OK) as op:
        build_client().post("token", op.url, {})
    assert b"authorization" not in op.requests[0].lower()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(status: str) -> None:
    with (
        run_loopback(OK) as elsewhere,
        run_loopback(build_answer(b"", f"Location: {elsewhere.url}", status=status)) as op,
        pytest.raises(OPResponseError) as caught,
    ):
        build_client().post("token", op.url, {"code": "secret"})
    assert (caught.value.code, caught.value.status) == ("op_redirect", int(status[:3]))
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([b"\r\n", *[b" "] * 500], id="that_never_ends"),
        pytest.param([b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b" " * 20_000_000)], id="that_is_compressed"),
    ],
)
def test_a_redirect_is_refused_before_its_body_is_read(rest: list[bytes]) -> None:
    with (
        run_loopback([b"HTTP/1.1 302 Found\r\nLocation: /\r\n", *rest]) as op,
        pytest.raises(OPResponseError) as caught,
    ):
        build_client(timeout=TIMEOUT).post("token", op.url, {})
    assert caught.value.code == "op_redirect"


def test_a_redirect_that_may_be_is_read_up_to_the_limit() -> None:
    answer = build_answer(b" " * (MAX_ANSWER_BYTES + 1), "Location: /", status="302 Found")
    with run_loopback(answer) as op, pytest.raises(OPResponseError) as caught:
        build_client().post("end_session", op.url, {}, may_redirect=True)
    assert (caught.value.code, caught.value.status) == ("op_answer_too_large", 302)


@pytest.mark.parametrize("location", ["http://[::1", "\\\\", "https://\u00fc"])
def test_a_redirect_to_what_is_no_url_is_one(location: str) -> None:
    with (
        run_loopback(build_answer(b"", f"Location: {location}", status="302 Found")) as op,
        pytest.raises(OPResponseError) as caught,
    ):
        build_client().post("token", op.url, {})
    assert caught.value.code == "op_redirect"


def test_an_answer_of_the_greatest_size_is_read() -> None:
    with run_loopback(build_answer(b"x" * MAX_ANSWER_BYTES)) as op:
        assert len(build_client().get("jwks", op.url).body) == MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(build_answer(b"x" * (MAX_ANSWER_BYTES + 1)), id="one_octet_over"),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 200], id="of_unknown_length"),
        pytest.param(build_answer(gzip.compress(b" " * 20_000_000), "Content-Encoding: gzip"), id="compressed"),
    ],
)
def test_a_larger_answer_is_refused_while_it_is_read(answer: bytes | list[bytes]) -> None:
    with run_loopback(answer) as op, pytest.raises(OPResponseError) as caught:
        build_client().get("jwks", op.url)
    assert (caught.value.code, caught.value.status) == ("op_answer_too_large", 200)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([b"", *[b""] * 500], id="nothing"),
        pytest.param([*([b"H"] + [b"T"] * 500)], id="status_line_an_octet_at_a_time"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 80, *[b"y"] * 500], id="headers_one_at_a_time"),
        pytest.param([HEAD, *[b""] * 500], id="no_body"),
        pytest.param([HEAD, *[b" "] * 500], id="body_an_octet_at_a_time"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 500], id="chunks_of_one_octet"
        ),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 500], id="body_of_unknown_length"),
    ],
)
def test_the_time_for_a_whole_answer_is_limited(answer: list[bytes]) -> None:
    exchanges: list[Exchange] = []
    with run_loopback(answer) as op:
        started = time.monotonic()
        with pytest.raises(OPUnavailableError) as caught:
            build_client(exchanges, timeout=TIMEOUT).get("jwks", op.url)
        assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT + 2
    assert caught.value.code == "op_timeout"
    assert (exchanges[0].error, exchanges[0].status) == ("op_timeout", None)


def test_a_flood_of_crumbs_ends_with_the_time_too() -> None:
    """Octets that are always there never let a wait time out, and are far from the size limit."""
    flood = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2_000_000
    with run_loopback(flood) as op, pytest.raises(OPUnavailableError) as caught:
        build_client(timeout=TIMEOUT).get("jwks", op.url)
    assert caught.value.code == "op_timeout"


def test_a_slow_answer_within_the_time_is_read() -> None:
    with run_loopback([HEAD.replace(b"60000", b"5"), *[b"x"] * 5]) as op:
        assert build_client().get("jwks", op.url).body == b"xxxxx"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed_at_once"),
        pytest.param(b"220 smtp.example ready\r\n\r\n", id="not_http"),
        pytest.param(build_answer(b"x" * 100)[:-50], id="closed_in_the_body"),
        pytest.param(build_answer(b"not gzip", "Content-Encoding: gzip"), id="not_what_it_is_encoded_as"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken_chunks"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="too_many_headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", id="too_long_a_header"),
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http(answer: bytes) -> None:
    with run_loopback(Last([answer])) as op, pytest.raises(OPUnavailableError) as caught:
        build_client().get("jwks", op.url)
    assert (caught.value.code, caught.value.status) == ("op_unreachable", None)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://127.0.0.1:{port}/", id="nobody_listens"),
        pytest.param(f"https://{'a' * 64}.example/", id="label_too_long"),
        pytest.param("https://.example/", id="label_empty"),
        pytest.param("https://a..example/", id="label_empty_inside"),
    ],
)
def test_an_op_that_cannot_be_reached(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OPUnavailableError) as caught:
        build_client().get("jwks", url.format(port=port))
    assert caught.value.code == "op_unreachable"


def test_a_certificate_of_an_unknown_ca_is_refused(certificate: Path) -> None:
    with run_loopback(OK, context=build_context(certificate)) as op, pytest.raises(OPUnavailableError) as caught:
        build_client().get("jwks", op.url)
    assert caught.value.code == "op_tls"
    assert op.requests == []


def test_the_configured_ca_is_trusted_whatever_the_environment_says(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/does/not/exist")
    with run_loopback(OK, context=build_context(certificate)) as op:
        client = build_client(ca_bundle=str(certificate))
        assert client.get("jwks", op.url).status == 200


def test_an_answer_over_tls_has_a_deadline_too(certificate: Path) -> None:
    client = build_client(ca_bundle=str(certificate), timeout=TIMEOUT)
    drip = [HEAD, *[b" "] * 500]
    with run_loopback(drip, context=build_context(certificate)) as op, pytest.raises(OPUnavailableError) as caught:
        client.get("jwks", op.url)
    assert caught.value.code == "op_timeout"


def test_the_configured_proxy_is_asked() -> None:
    with run_loopback(OK) as proxy:
        client = build_client(proxies={"http": proxy.url})
        client.get("jwks", "http://op.localhost/jwks")
    assert proxy.requests[0].startswith(b"GET http://op.localhost/jwks HTTP/1.1")


def test_the_environment_is_not_written_into_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = {"https": "http://proxy.example"}
    with run_loopback(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        build_client(proxies=proxies).get("jwks", "http://op.localhost/jwks")
    assert proxies == {"https": "http://proxy.example"}
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param("0", 0, id="at_once"),
        pytest.param("99999", 3_600, id="a_day"),
        pytest.param("9" * 100, None, id="absurd"),
        pytest.param("-1", None, id="negative"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", None, id="date"),
        pytest.param("", None, id="empty"),
    ],
)
def test_retry_after(header: str, seconds: int | None) -> None:
    with run_loopback(build_answer(b"", f"Retry-After: {header}", status="429 Too Many Requests")) as op:
        assert refuse(build_client(), op.url).retry_after == seconds


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_op_that_cannot_serve_now_is_no_answer(status: int) -> None:
    exchanges: list[Exchange] = []
    with run_loopback(build_answer(b"{}", status=f"{status} No")) as op:
        assert (refuse(build_client(exchanges), op.url).code, exchanges[0].error) == ("op_unavailable",) * 2
    assert exchanges[0].status == status


def test_a_web_page_is_an_answer_only_where_there_are_pages() -> None:
    with run_loopback(build_answer(b"<p>Back soon</p>", "Content-Type: text/html")) as op:
        assert refuse(build_client(), op.url).code == "op_web_page"
        assert build_client().post("end_session", op.url, {}, may_redirect=True).status == 200


def test_an_open_circuit_is_no_exchange() -> None:
    exchanges: list[Exchange] = []
    with run_loopback(build_answer(b"", status="503 No")) as op:
        client = build_client(exchanges)
        assert [refuse(client, op.url).code for _ in range(FAILURES_TO_OPEN)] == ["op_unavailable"] * FAILURES_TO_OPEN
        assert refuse(client, op.url).code == "op_circuit_open"
    assert len(op.requests) == len(exchanges) == FAILURES_TO_OPEN


def refuse(client: HTTPClient, url: str) -> OPUnavailableError:
    with pytest.raises(OPUnavailableError) as caught:
        client.get("jwks", url)
    return caught.value


def test_the_observer_sees_the_exchange_without_its_secrets() -> None:
    exchanges: list[Exchange] = []
    secrets = dict.fromkeys(
        ("client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token", "assertion"), "secret"
    )
    with run_loopback(OK) as op:
        build_client(exchanges).post("token", op.url, {"grant_type": "authorization_code", **secrets})
    (exchange,) = exchanges
    assert (exchange.alias, exchange.endpoint, exchange.method, exchange.url) == ("default", "token", "POST", op.url)
    assert (exchange.status, exchange.error) == (200, None)
    assert exchange.duration > 0
    assert exchange.params == {"grant_type": "authorization_code", **dict.fromkeys(secrets, "…")}


def test_the_observer_sees_failures_too() -> None:
    exchanges: list[Exchange] = []
    with run_loopback(build_answer(b"", "Location: /", status="302 Found")) as op, pytest.raises(OPResponseError):
        build_client(exchanges).get("jwks", op.url)
    assert [(one.error, one.status) for one in exchanges] == [("op_redirect", 302)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "loopback.pem")
