"""An endpoint is slow, huge, dead, or speaks no HTTP. Every one of them, in every way: one table, crossed."""

from __future__ import annotations

import gc
import gzip
import socket
import time
from collections.abc import Iterator

import pytest

from oidc_rp.provider.breaker import FAILURES_TO_OPEN, OPEN_SECONDS
from tests.support.loopback import Last, Octets, build_answer

from .attack import Attack, answers, metadata, sends
from .op import HostileOP
from .rp import RP

TIMEOUT = 1.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
FOR_EVER = 10_000
# What the RP asks of an OP whose documents it does not have, up to the endpoint in question.
CALLS = {"metadata": "metadata", "token": "metadata token", "jwks": "metadata token jwks"}
CALLS["userinfo"] = f"{CALLS['jwks']} userinfo"

every_endpoint = pytest.mark.parametrize("endpoint", CALLS)


@pytest.fixture(autouse=True)
def fetched(rp: RP) -> None:
    rp.configure(FETCH_USERINFO=True)


SLOW: dict[str, list[bytes]] = {
    "says_nothing": [b""] * FOR_EVER,
    "never_ends_its_headers": [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * FOR_EVER],
    "drips_its_body": [HEAD, *[b" "] * FOR_EVER],
}


# Each takes its time, so not crossed.
@pytest.mark.parametrize(
    ("endpoint", "how"),
    [*(("token", how) for how in SLOW), *((endpoint, "drips_its_body") for endpoint in CALLS if endpoint != "token")],
)
def test_slow(rp: RP, op: HostileOP, endpoint: str, how: str) -> None:
    """The calls before the slow one are honest, and get the time that they need."""
    rp.configure(TIMEOUT=TIMEOUT)
    started = time.monotonic()
    rp.refuses(Attack(sends(endpoint, SLOW[how]), "op_timeout", CALLS[endpoint], 503))
    assert time.monotonic() - started < TIMEOUT * len(CALLS[endpoint].split()) + 2


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(build_answer(b" " * 1_000_001), id="is_an_octet_too_long"),
        pytest.param(Last([b"HTTP/1.1 200 OK\r\n\r\n", b" " * 2_000_000]), id="does_not_say_how_long_it_is"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 20,
            id="comes_in_chunks",
        ),
        pytest.param(build_answer(gzip.compress(b" " * 20_000_000), "Content-Encoding: gzip"), id="is_compressed"),
        pytest.param(build_answer(b" " * 2_000_000, status="500 Internal Server Error"), id="is_an_error"),
    ],
)
@every_endpoint
def test_huge(rp: RP, op: HostileOP, endpoint: str, octets: Octets) -> None:
    rp.refuses(Attack(sends(endpoint, octets), "op_answer_too_large", CALLS[endpoint]))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(Last([]), id="hangs_up"),
        pytest.param(Last([HEAD, b"{"]), id="hangs_up_in_its_body"),
        pytest.param(Last([b"SSH-2.0-OpenSSH_9.9\r\n"]), id="speaks_another_protocol"),
        pytest.param(Last([b"HTTP/1.1 twohundred OK\r\n\r\n"]), id="has_a_status_in_words"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="has_200_headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", id="has_a_header_of_70_kb"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="has_chunks_of_no_size"),
        pytest.param(build_answer(b"{}", "Content-Encoding: gzip"), id="is_not_compressed_as_it_says"),
    ],
)
@every_endpoint
def test_broken(rp: RP, op: HostileOP, endpoint: str, octets: Octets) -> None:
    rp.refuses(Attack(sends(endpoint, octets), "op_unreachable", CALLS[endpoint], 503))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_lengths(rp: RP, op: HostileOP) -> None:
    """Two readers would see two answers. urllib3 leaves the socket to the garbage collector, hence the last line."""
    octets = b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"
    rp.refuses(Attack(sends("token", octets), "op_unreachable", CALLS["token"], 503))
    gc.collect()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
@every_endpoint
def test_out_of_order(rp: RP, op: HostileOP, endpoint: str, status: int) -> None:
    octets = build_answer(b"<html>", status=f"{status} Sorry")
    rp.refuses(Attack(sends(endpoint, octets), "op_unavailable", CALLS[endpoint], 503))


@pytest.mark.parametrize(
    ("asked", "told"), [("7", "7"), ("99999", "3600"), ("-1", "30"), ("soon", "30"), ("9" * 100, "30")]
)
def test_retry_after_is_passed_on_within_reason(rp: RP, op: HostileOP, asked: str, told: str) -> None:
    op.wire["token"] = build_answer(b"", f"Retry-After: {asked}", status="503 Service Unavailable")
    answer = rp.try_to_sign_in()
    assert (answer.status_code, answer["Retry-After"]) == (503, told)


@pytest.fixture
def nobody() -> Iterator[str]:
    """The base URL of a port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


MEMBERS = {"token": "token_endpoint", "jwks": "jwks_uri", "userinfo": "userinfo_endpoint"}


@pytest.mark.parametrize("endpoint", MEMBERS)
def test_dead(rp: RP, op: HostileOP, nobody: str, endpoint: str) -> None:
    calls = CALLS[endpoint].removesuffix(endpoint)
    rp.refuses(Attack(metadata(**{MEMBERS[endpoint]: nobody}), "op_unreachable", calls, 503))


def test_dead_altogether(rp: RP, op: HostileOP, nobody: str) -> None:
    rp.configure(ISSUER=nobody)
    rp.refuses(Attack(lambda op: None, "op_unreachable", "", 503))


def test_dead_for_long_is_left_alone(rp: RP, op: HostileOP) -> None:
    """Logins fail at once then, instead of each waiting for the OP."""
    rp.sign_in()
    op.wire["token"] = Last([])
    for _ in range(FAILURES_TO_OPEN):
        assert rp.try_to_sign_in(prompt="login").json()["error"] == "op_unreachable"
    op.calls.clear()
    answer = rp.try_to_sign_in(prompt="login")
    assert (answer.status_code, answer.json()["error"]) == (503, "op_circuit_open")
    assert 0 < int(answer["Retry-After"]) <= OPEN_SECONDS
    assert op.calls == []
    assert rp.is_signed_in()


@pytest.mark.parametrize("endpoint", ["metadata", "jwks", "userinfo"])
def test_death_of_what_is_not_needed_is_not_noticed(rp: RP, op: HostileOP, endpoint: str) -> None:
    """A second login needs the token endpoint alone."""
    rp.configure(FETCH_USERINFO=False)
    rp.sign_in()
    op.wire[endpoint] = Last([])
    rp.sign_out()
    rp.sign_in()


@pytest.mark.parametrize("endpoint", ["token", "jwks"])
def test_session_outlives_an_op_that_has_died(rp: RP, op: HostileOP, endpoint: str) -> None:
    rp.sign_in()
    op.wire.update(dict.fromkeys(CALLS, Last([])))
    assert rp.is_signed_in()
    assert op.calls == []


def test_login_after_the_op_is_back_needs_no_restart(rp: RP, op: HostileOP) -> None:
    op.wire.update(dict.fromkeys(CALLS, Last([])))
    assert rp.try_to_sign_in().status_code == 503
    op.wire.clear()
    rp.sign_in()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(build_answer(b"Sorry", "Content-Type: text/html"), id="is_text"),
        pytest.param(build_answer(b""), id="is_empty"),
        pytest.param(Last([b"HTTP/1.1 200 OK\r\nContent-Le"]), id="hangs_up_in_its_headers"),
        pytest.param(Last([b'HTTP/1.1 200 OK\r\n\r\n{"keys": [']), id="hangs_up_without_having_said_how_long_it_is"),
    ],
)
@every_endpoint
def test_success_without_an_answer(rp: RP, op: HostileOP, endpoint: str, octets: Octets) -> None:
    rp.refuses(Attack(sends(endpoint, octets), "op_answer_malformed", CALLS[endpoint]))


@every_endpoint
def test_page_of_a_proxy_with_success(rp: RP, op: HostileOP, endpoint: str) -> None:
    page = answers(endpoint, "<!doctype html><p>We will be back soon", Content_Type="text/html; charset=utf-8")
    rp.refuses(Attack(page, "op_web_page", CALLS[endpoint], 503))
