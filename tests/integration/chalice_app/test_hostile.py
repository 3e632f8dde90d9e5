"""Callers who mean harm, or whose program is broken: an honest 4xx, and the next caller notices nothing."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import ZERO, Writer, problem
from tests.waiting import wait_until

IDLE = 1000  # connections that say nothing
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
def writer(local: System) -> Iterator[Writer]:
    """Yield somebody who is served as if nothing had happened."""
    writer = Writer(local.url)
    yield writer
    assert writer.classify()["predicted"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"3"',
        b'{"true": NaN}',
        b'{"true": 1e400}',
        b'{"true": ' + b"9" * 5000 + b"}",
        b'{"true": ' + b"[" * 100_000,
        b'{"true":{"true":' * 20_000,
        b'{"true": true}',
        b'{"true": "\xff"}',
        b"\xff\xfe{",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_label_that_is_no_json_object_with_a_digit_is_refused(writer: Writer, body: bytes) -> None:
    id = writer.classify()["id"]
    answer = writer.ask("PUT", f"/classifications/{id}/label", body, content_type="application/json")
    assert problem(answer)["status"] in {400, 422}
    assert writer.record(id)["true"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/classifications/..%2f..%2freports%2flatest.json",
        "/classifications/%2e%2e/image",
        f"/classifications/{ID}%00/image",
        f"/classifications/{ID}%0d%0aSet-Cookie:%20a=b",
        f"/classifications/{'a' * 5000}",
        "/classifications/%ff%fe",
        "/classifications/ffffffff-ffff-7fff-bfff-ffffffffffff",  # a UUIDv7 of the year 10889
        "/classifications/" + ID.upper(),
        "/../../etc/passwd",
    ],
)
def test_tricks_with_the_path_find_nothing(writer: Writer, path: str) -> None:
    answer = writer.ask("GET", path)
    assert 400 <= answer.status < 500
    assert "set-cookie" not in {name.lower() for name in answer.headers}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=1e9",
        "limit=9" + "9" * 4000,
        "limit=",
        "cursor=",
        "cursor=%00",
        f"cursor={'A' * 5000}",
    ],
    ids=lambda query: query[:16],
)
def test_pages_of_another_size_or_place_are_refused(writer: Writer, query: str) -> None:
    assert problem(writer.ask("GET", f"/classifications?{query}"))["status"] in {400, 414, 422}


@pytest.mark.parametrize("name", ["idempotency_key", "x_request_id", "accept", "if_none_match"])
@pytest.mark.parametrize(
    "value", ["x" * 8000, "ä" * 100, "a\tb", '"', "{}${jndi:ldap://x}"], ids=lambda v: v[:4]
)
def test_headers_are_never_the_cause_of_a_5xx(writer: Writer, name: str, value: str) -> None:
    headers = {"content_type": "image/png", name: value.encode("utf-8").decode("latin-1")}
    assert writer.ask("POST", "/classifications", ZERO, **headers).status < 500


def test_a_header_of_100_kb_is_refused(writer: Writer) -> None:
    assert problem(writer.post(x_request_id="x" * 100_000))["status"] == 431


@pytest.mark.parametrize("method", ["TRACE", "PURGE"])
def test_a_method_that_nobody_knows_is_refused_as_one_that_the_path_has_not(
    writer: Writer, method: str
) -> None:
    answer = writer.ask(method, "/health")
    assert problem(answer)["status"] == 405
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "said",
    [
        b"no request at all\r\n\r\n",
        b"POST /classifications HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /classifications HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
        b"POST /classifications HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"POST /classifications HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(local: System, writer: Writer, said: bytes) -> None:
    address = urlsplit(local.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(said)
        answer = HTTPResponse(client)
        answer.begin()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (answer.status, json.loads(answer.read())["status"]) == (400, 400)


def test_connections_that_say_nothing_keep_nobody_out(local: System, writer: Writer) -> None:
    address = urlsplit(local.url)
    with ExitStack() as open_ones:
        for number in range(IDLE):
            idle = socket.create_connection((address.hostname, address.port), timeout=10)
            open_ones.enter_context(idle)
            if number % 2:
                idle.sendall(b"POST /classifications HTTP/1.1\r\nHost: x\r\nContent-Le")
            if number % 4 == 0:  # Python's server lets five wait; who comes then waits for a second
                wait_until(partial(_nobody_waits, address.port))
        assert writer.post().status == 201


def _nobody_waits(port: int | None) -> bool:
    """Whether a server has taken all whom the kernel keeps for it."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]  # see proc(5)
    (queues,) = (row[4] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A")
    return queues.endswith(":00000000")


def test_a_body_that_never_comes_keeps_nobody_out(local: System, writer: Writer) -> None:
    address = urlsplit(local.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as slow:
        slow.sendall(
            f"POST /classifications HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {writer.token}\r\n"
            f"Content-Type: image/png\r\nContent-Length: {len(ZERO)}\r\n\r\n".encode()
        )
        slow.sendall(ZERO[:10])
        assert writer.post().status == 201
