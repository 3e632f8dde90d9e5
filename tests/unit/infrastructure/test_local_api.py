import json
import logging
import socket
from http.client import HTTPResponse

import pytest
from chalice.app import Chalice
from chalice.config import Config

from chalice_app.problems import unavailable
from chalice_app.settings import SettingsError
from infrastructure.local.api import LOG, Handler, sweep_for_ever, sweep_seconds


@pytest.mark.parametrize(("given", "every"), [({}, 60.0), ({"LEGIBLE_SWEEP_SECONDS": "2.5"}, 2.5)])
def test_the_api_sweeps_each_minute_unless_told_otherwise(given: dict[str, str], every: float) -> None:
    assert sweep_seconds(given) == every


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "inf"])
def test_a_sweep_that_could_never_come_or_never_end_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=f"LEGIBLE_SWEEP_SECONDS='{text}'"):
        sweep_seconds({"LEGIBLE_SWEEP_SECONDS": text})


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def test_whatever_becomes_of_one_sweep_the_next_one_comes_and_what_nobody_expected_is_logged() -> None:
    outcomes = iter([unavailable("no store"), ValueError("no id"), KeyboardInterrupt()])

    def sweep() -> None:
        raise next(outcomes)

    LOG.addHandler(kept := Kept())
    with pytest.raises(KeyboardInterrupt):
        sweep_for_ever(sweep, every=0)
    LOG.removeHandler(kept)
    (line,) = kept.lines
    assert "ValueError: no id" in line


@pytest.mark.parametrize(
    ("length", "body", "status"),
    [
        ("Content-Length: 10", b"12345", 400),
        (f"Content-Length: {10**30}", b"12345", 413),
        ("Transfer-Encoding: chunked", b"a\r\n12345", 400),
        ("Transfer-Encoding: chunked", b"%x\r\n12345" % 10**30, 413),
    ],
)
def test_a_body_that_does_not_come_whole_is_refused(length: str, body: bytes, status: int) -> None:
    head = f"POST / HTTP/1.1\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    assert _answered(head.encode() + body) == status


def test_an_unknown_path_is_answered_whatever_the_authorization() -> None:
    assert _answered("GET /nothing HTTP/1.1\r\nAuthorization: Bearer ü\r\n\r\n".encode()) == 400


def _answered(request: bytes) -> int:
    """Send a request that does not reach the API; return the status, the answer's and its problem's."""
    app = Chalice("test")
    app.route("/", methods=["POST"])(lambda: {"taken": True})
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0] as taken,
    ):
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        Handler(taken, ("nobody", 0), None, app_object=app, config=Config())  # type: ignore[arg-type]  # as Chalice says
        answer = HTTPResponse(client)
        answer.begin()
        assert json.loads(answer.read())["status"] == answer.status
        return answer.status
