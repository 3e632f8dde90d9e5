"""What the server answers."""

import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from inference_image.connections import family
from infrastructure.local.settings import HOST, ROOT, free_ports
from tests.integration.inference_image.serving import SAMPLES, Server, sample
from tests.waiting import wait_until

IDLE, BEGUN = 1000, 20  # connections
CONTRACT = {"predicted", "confidence", "probabilities", "is_digit", "model", "preprocessed"}


def test_the_samples_are_answered_in_the_contracts_form(server: Server) -> None:
    with (SAMPLES / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith(("mnist", "canvas"))]
    for row in rows:
        body = server.ask("/invocations", sample(row["file"])).json()
        assert body.keys() >= CONTRACT
        assert (row["file"], body["predicted"]) == (row["file"], int(row["true"]))
        assert body["confidence"] == max(body["probabilities"]) == body["probabilities"][body["predicted"]]
        assert sum(body["probabilities"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"not an image", 415),
        (sample("mnist-1.png")[:120], 422),
        (bytes(20 * 2**20), 413),
    ],
)
def test_bad_input_is_a_problem_with_the_right_status(server: Server, body: bytes, status: int) -> None:
    answer = server.ask("/invocations", body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status, answer.json()["status"]) == (status, status)


def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_large(server: Server) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(11):
            client.sendall(b"100000\r\n" + bytes(2**20) + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "endless", [b"GET /", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 999]
)
def test_a_head_without_an_end_is_refused(server: Server, endless: bytes) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(endless)
        client.sendall(b"a" * 2**17)
        assert client.recv(100).startswith(b"HTTP/1.1 431")


def test_trailers_without_an_end_are_refused(server: Server) -> None:
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.sendall(b"1\r\nx\r\n0\r\n" + b"A: b\r\n" * 2**15)
        assert client.recv(100).startswith(b"HTTP/1.1 431")


def test_an_offer_of_another_protocol_is_ignored(server: Server) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAA"}
    assert server.ask("/invocations", sample("mnist-1.png"), headers=offer).json()["predicted"] == 7


def test_requests_that_come_together_are_answered_in_their_order(server: Server) -> None:
    requests = [b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"GET /ping HTTP/1.1\r\nHost: here\r\n\r\n"]
    with socket.create_connection((HOST, server.port), timeout=10) as client:
        client.sendall(b"".join(requests))
        answers = b""
        while b'"status":"ok"' not in answers and (more := client.recv(2**16)):
            answers += more
    assert answers.index(b"max_pixels") < answers.index(b'"status":"ok"')


def test_a_thousand_connections_that_say_nothing_or_stop_half_way_keep_nobody_out(server: Server) -> None:
    beginnings = [
        b"",
        b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Le",
        b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nP",
        b"POST /invocations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
    with ExitStack() as open_ones:
        for number in range(IDLE):
            idle = open_ones.enter_context(socket.create_connection((HOST, server.port), timeout=10))
            # A body that has begun holds its place, and places are bounded: those are few.
            idle.sendall(beginnings[number % 2 if number >= BEGUN else 2 + number % 2])
        for _ in range(4):  # some at each worker
            assert server.ask("/invocations", sample("mnist-1.png")).json()["predicted"] == 7
    wait_until(lambda: server.metric("legible_in_work") == 0)


def test_several_images_are_answered_in_their_order_and_a_bad_one_fails_alone(server: Server) -> None:
    names = ["mnist-1.png", "mnist-2.png", "README.md", "mnist-1.png"]
    answer = server.ask("/invocations", fields=[("image", (name, sample(name))) for name in names])
    assert answer.status == 200
    images = answer.json()["images"]
    assert [image.get("predicted") for image in images] == [7, 0, None, 7]
    assert images[2]["status"] == 415


@pytest.mark.parametrize(("count", "status"), [(0, 422), (33, 413)])
def test_a_form_of_no_or_too_many_images_is_refused(server: Server, count: int, status: int) -> None:
    fields = [("image", ("a.png", sample("mnist-1.png")))] * count
    assert server.ask("/invocations", fields=fields).status == status


def test_an_image_among_others_gets_the_answer_that_it_gets_alone(server: Server) -> None:
    names = [f"mnist-{1 + i % 2}.png" for i in range(8)]
    together = server.ask("/invocations", fields=[("image", (name, sample(name))) for name in names]).json()
    for name, one in zip(names, together["images"], strict=True):
        alone = server.ask("/invocations", sample(name)).json()
        assert alone["preprocessed"] == one["preprocessed"]
        assert alone["probabilities"] == pytest.approx(one["probabilities"], abs=1e-5)


def test_a_request_id_comes_back_and_is_in_the_log(server: Server) -> None:
    assert server.ask("/", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    wait_until(lambda: any(line.get("request_id") == "abc-1" for line in server.lines))
    line = next(line for line in server.lines if line.get("request_id") == "abc-1")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/", 200)


def test_a_request_id_that_could_forge_a_log_line_is_replaced(server: Server) -> None:
    answer = server.ask("/", headers={"X-Request-Id": 'a"b'})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_metrics_count_the_answers_of_all_workers(server: Server) -> None:
    counted = 'legible_requests_total{path="/invocations",status="200"}'
    before, zeros = server.metric(counted), server.metric('legible_predicted_total{digit="0"}')
    for _ in range(10):  # each on a connection of its own, which any worker may get
        server.ask("/invocations", sample("mnist-2.png"))
    wait_until(lambda: server.metric(counted) == before + 10)
    assert server.metric('legible_predicted_total{digit="0"}') == zeros + 10
    assert server.metric("legible_in_work") == 0


def test_the_model_is_in_the_metrics(server: Server) -> None:
    assert server.metric(f'legible_model_info{{version="{server.ask("/ping").json()["model"]}"}}') == 1


def test_what_is_not_there_is_a_problem(server: Server) -> None:
    assert server.ask("/nowhere").json()["status"] == 404
    assert server.ask("/ping", b"").json()["status"] == 405


def test_its_front_page_says_what_it_is(server: Server) -> None:
    about = server.ask("/").json()
    assert "digit" in about["name"]
    assert json.loads(server.ask(about["documentation"]).data)["openapi"].startswith("3.1")


def test_the_health_check_asks_the_server_beside_it(server: Server) -> None:
    def status(port: int) -> int:
        variables = os.environ | {"LEGIBLE_INFERENCE_PORT": str(port)}
        return subprocess.run(
            [sys.executable, "-m", "inference_image.healthcheck"], cwd=ROOT, env=variables, check=False
        ).returncode

    assert (status(server.port), status(next(free_ports()))) == (0, 1)


class Healthy(BaseHTTPRequestHandler):
    """Says so."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


class Draining(Healthy):
    status = 503


class Silent(Healthy):
    """Says nothing, and hangs up."""

    def do_GET(self) -> None: ...


def _checked(server: HTTPServer, host: str) -> tuple[int, str]:
    threading.Thread(target=server.handle_request, daemon=True).start()
    variables = os.environ | {
        "LEGIBLE_INFERENCE_HOST": host,
        "LEGIBLE_INFERENCE_PORT": str(server.server_port),
    }
    command = [sys.executable, "-m", "inference_image.healthcheck"]
    run = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    return run.returncode, run.stderr


@pytest.mark.parametrize("other", [Draining, Silent])
def test_the_health_check_tells_who_is_not_well(other: type[Healthy]) -> None:
    with HTTPServer((HOST, 0), other) as server:
        assert _checked(server, HOST) == (1, "")  # and no trace


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"])
def test_the_health_check_asks_where_the_server_listens(host: str) -> None:
    class Here(HTTPServer):
        address_family = family(host)

    try:
        here = Here((host, 0), Healthy)
    except OSError as error:
        if Here.address_family == socket.AF_INET6:  # many containers have none
            pytest.skip(f"{host}: {error.strerror}")
        raise
    with here:
        assert _checked(here, host) == (0, "")
