"""The real server, as a process on loopback."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "samples"
CONTRACT = {"predicted", "confidence", "probabilities", "is_digit", "model", "preprocessed"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: Any


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[str]

    def ask(self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, json.loads(error.read()))


def _start(port: int, **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "LEGIBLE_INFERENCE_PORT": str(port), **settings}
    command = [sys.executable, "-m", "inference_image"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_ready(server: Server) -> None:
    while server.process.poll() is None:
        try:
            if server.ask("/ping").status == 200:
                return
        except OSError:
            continue
    pytest.fail(f"the server ended: {server.process.communicate()[0]}")


@pytest.fixture
def server() -> Iterator[Server]:
    port = _free_port()
    running = Server(port, _start(port))
    _until_ready(running)
    yield running
    running.process.kill()
    running.process.communicate()


def test_the_samples_are_answered_in_the_contracts_form(server: Server) -> None:
    with (SAMPLES / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(("mnist", "canvas"))]
    for row in rows:
        body = json.loads(server.ask("/invocations", (SAMPLES / row["file"]).read_bytes()).body)
        assert {
            "predicted",
            "confidence",
            "probabilities",
            "is_digit",
            "model",
            "preprocessed",
        } <= body.keys()
        assert (row["file"], body["predicted"]) == (row["file"], int(row["true"]))
        assert body["confidence"] == max(body["probabilities"]) == body["probabilities"][body["predicted"]]
        assert sum(body["probabilities"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"not an image", 415),
        ((SAMPLES / "mnist-1.png").read_bytes()[:120], 422),
        (bytes(20 * 2**20), 413),
    ],
)
def test_bad_input_is_a_problem_with_the_right_status(server: Server, body: bytes, status: int) -> None:
    answer = server.ask("/invocations", body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status, answer.body["status"]) == (status, status)


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_request_id_comes_back_and_is_in_the_log(server: Server) -> None:
    assert server.ask("/", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert server.process.stdout is not None
    lines = (json.loads(line) for line in server.process.stdout)
    assert next(line for line in lines if line["request_id"] == "abc-1")["path"] == "/"


def test_a_request_id_that_could_forge_a_log_line_is_replaced(server: Server) -> None:
    assert re.fullmatch(
        "[0-9a-f]{32}", server.ask("/", headers={"X-Request-Id": 'a"b'}).headers["X-Request-Id"]
    )


def test_metrics_count_the_answers(server: Server) -> None:
    server.ask("/invocations", (SAMPLES / "mnist-2.png").read_bytes())
    text = server.ask("/metrics").body.decode()
    assert 'legible_requests_total{path="/invocations",status="200"} 1.0' in text
    assert 'legible_predicted_total{digit="0"} 1.0' in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(server: Server, number: signal.Signals) -> None:
    server.process.send_signal(number)
    assert server.process.wait(timeout=10) == 0


def test_a_taken_port_is_named_with_the_variable_that_moves_it(server: Server) -> None:
    second = _start(server.port)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert str(server.port) in output
    assert "LEGIBLE_INFERENCE_PORT" in output
    assert "Traceback" not in output
