from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from infrastructure.local.samples import Person
from infrastructure.local.settings import HOST, LocalError, free_ports


def test_an_api_that_does_not_answer_is_said_not_to() -> None:
    nobody = Person(f"http://{HOST}:{next(free_ports())}", "token")
    with pytest.raises(LocalError, match=r"GET /accuracy was not answered: .*refused"):
        nobody.accuracy()


class Busy(BaseHTTPRequestHandler):
    """An API that is not ready at first."""

    statuses = iter([503, 503, 200])

    def do_GET(self) -> None:
        self.send_response(next(self.statuses))
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def busy() -> Iterator[str]:
    with HTTPServer((HOST, 0), Busy) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def test_what_the_api_says_to_send_again_is_sent_again(busy: str) -> None:
    assert Person(busy, "token").accuracy() == {}
