"""The delivery of logout tokens over real HTTP."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from demo_project.op import backchannel
from demo_project.op.backchannel import LogoutMessage, deliver

pytestmark = pytest.mark.enable_socket


class Receiver(ThreadingHTTPServer):
    """A relying party's back-channel endpoint. It calls `before_answering` while the OP waits."""

    daemon_threads = True

    def __init__(self, status: HTTPStatus = HTTPStatus.OK) -> None:
        super().__init__(("127.0.0.1", 0), ReceiverHandler)
        self.status = status
        self.before_answering: Callable[[], object] = lambda: None
        self.received: list[tuple[str | None, dict[str, list[str]]]] = []

    def message(self, client_id: str) -> LogoutMessage:
        return LogoutMessage(client_id, f"http://127.0.0.1:{self.server_port}/logout", f"token-for-{client_id}")


class ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received.append((self.headers["Content-Type"], parse_qs(body)))
        self.server.before_answering()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    servers = [Receiver(), Receiver()]
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


def test_token_arrives_as_a_form(receivers: list[Receiver]) -> None:
    deliver([receivers[0].message("site-a")])
    assert receivers[0].received == [("application/x-www-form-urlencoded", {"logout_token": ["token-for-site-a"]})]


def test_tokens_travel_at_the_same_time(receivers: list[Receiver]) -> None:
    arrived = threading.Barrier(3, timeout=10)
    for receiver in receivers:
        receiver.before_answering = arrived.wait
    done = threading.Thread(target=deliver, args=([receiver.message("x") for receiver in receivers],))
    done.start()
    # Passed only when both receivers hold their request at once.
    arrived.wait()
    done.join()


def test_user_does_not_wait_for_a_site_that_hangs(
    receivers: list[Receiver], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backchannel, "PATIENCE", 0.2)
    may_answer = threading.Event()
    receivers[0].before_answering = may_answer.wait
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        deliver([receiver.message("site") for receiver in receivers])
    assert time.monotonic() - started < backchannel.REQUEST_TIMEOUT
    may_answer.set()
    assert receivers[1].received
    assert "1 of 2" in caplog.text


def test_site_that_is_down_is_logged_without_the_token(
    receivers: list[Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    gone = Receiver()
    gone.server_close()
    with caplog.at_level(logging.WARNING):
        deliver([gone.message("site-a"), receivers[0].message("site-b")])
    assert receivers[0].received
    assert "back-channel logout of site-a failed" in caplog.text
    assert "token-for" not in caplog.text


@pytest.mark.parametrize("status", [HTTPStatus.BAD_REQUEST, HTTPStatus.FOUND])
def test_refusal_is_logged(receivers: list[Receiver], caplog: pytest.LogCaptureFixture, status: HTTPStatus) -> None:
    receivers[0].status = status
    with caplog.at_level(logging.WARNING):
        deliver([receivers[0].message("site-a")])
    assert f"back-channel logout of site-a answered {status.value}" in caplog.text


def test_nothing_to_deliver_is_fine() -> None:
    deliver([])
