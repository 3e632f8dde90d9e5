"""The application as it is served, with a model that fails."""

import asyncio
import gc
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from inference_image.connections import Connection, Server
from inference_image.decoding import ImageError
from inference_image.heartbeats import Heartbeats
from inference_image.model import Answer, Model
from inference_image.preprocessing import Preprocessed
from inference_image.server import Service
from inference_image.settings import Settings
from infrastructure.local.settings import HOST, ROOT, free_ports

IMAGE = (ROOT / "samples" / "mnist-1.png").read_bytes()
HEAD = b"POST /invocations HTTP/1.1\r\nHost: here\r\nConnection: close\r\nX-Request-Id: abc\r\n"
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(IMAGE) + IMAGE


class Broken(Model):
    def classify(self, views: Sequence[Preprocessed]) -> list[Answer]:
        raise RuntimeError(f"broken by {len(views)}")


async def _answer(app: ASGIApp, request: bytes) -> bytes:
    port = next(free_ports())
    server = Server(app, HOST, port, stop_seconds=1)
    serving = asyncio.create_task(server.answer())
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    server.stop()
    await serving
    return answer


def test_a_failure_of_our_own_is_a_problem_with_the_requests_id_and_logged_as_500(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(Broken.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    answer = asyncio.run(_answer(service.app(), REQUEST))
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 500")
    assert {"content-type: application/problem+json", "x-request-id: abc"} <= set(head.splitlines())
    assert "broken" not in body  # it leaks nothing
    failed, request = map(json.loads, capsys.readouterr().out.splitlines())
    assert "RuntimeError: broken by 1" in failed["trace"]
    assert (request["status"], failed["request_id"], request["request_id"]) == (500, "abc", "abc")


@pytest.mark.parametrize(("model", "status", "silent"), [(Model, 200, []), (Broken, 503, [0])])
def test_a_worker_beats_and_the_ping_is_well_while_its_model_reads(
    model: type[Model], status: int, silent: list[int], tmp_path: Path
) -> None:
    heartbeats = Heartbeats(tmp_path, 1)
    service = Service(model.load(), Settings(workers=1), heartbeats, 0)

    async def pinged() -> bytes:
        watching = asyncio.create_task(service.watch())
        await asyncio.sleep(0)  # it reads once, and beats, before it waits
        watching.cancel()
        return await _answer(service.app(), b"GET /ping HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")

    assert asyncio.run(pinged()).startswith(b"HTTP/1.1 %d" % status)
    assert heartbeats.silent() == silent


class Counting(Model):
    count = 0  # of what it has read

    def classify(self, views: Sequence[Preprocessed]) -> list[Answer]:
        self.count += 1
        return super().classify(views)


def test_who_has_read_for_a_client_beats_without_reading_more(tmp_path: Path) -> None:
    model, heartbeats = Counting.load(), Heartbeats(tmp_path, 1)
    service = Service(model, Settings(workers=1), heartbeats, 0)

    async def beat() -> None:
        watching = asyncio.create_task(service.watch())
        await asyncio.sleep(0)
        watching.cancel()

    async def busy_then_idle() -> list[int]:
        counts = []
        for before in (_answer(service.app(), REQUEST), asyncio.sleep(0)):
            await before
            heartbeats.forget(0)
            await beat()
            assert not heartbeats.silent()
            counts.append(model.count)
        return counts

    assert asyncio.run(busy_then_idle()) == [1, 2]


def test_a_form_that_takes_long_to_take_apart_is_refused(tmp_path: Path) -> None:
    form = b"--x\r\n\r\nimage\r\n--x" + b" " * 2_000_000 + b"\r\n"  # looked at byte by byte
    head = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(form)
    settings = Settings(workers=1, max_decoding_seconds=0.05)  # type: ignore[arg-type]  # a whole one would have to pass
    service = Service(Model.load(), settings, Heartbeats(tmp_path, 1), 0)
    answer = asyncio.run(_answer(service.app(), HEAD + head + form))
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_client_that_was_refused_and_stays_does_not_hold_up_the_end(tmp_path: Path) -> None:
    service = Service(Model.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    broken = b"POST /invocations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"

    async def ended() -> None:
        port = next(free_ports())
        server = Server(service.app(), HOST, port, stop_seconds=60)
        serving = asyncio.create_task(server.answer())
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(broken)
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        server.stop()
        await asyncio.wait_for(serving, Connection.discard_seconds / 2)
        writer.close()

    asyncio.run(ended())


@pytest.mark.parametrize("limit", ["max_image_bytes", "max_pixels", "max_decoding_bytes"])
def test_a_limit_on_what_others_send_hinders_no_start(tmp_path: Path, limit: str) -> None:
    settings = Settings(workers=1, **{limit: 100})  # type: ignore[arg-type]  # the name of a number
    Service(Model.load(), settings, Heartbeats(tmp_path, 1), 0).prove()


def test_a_line_of_the_log_is_short_however_long_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(Model.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    request = b"GET /" + b"%00" * 10_000 + b" HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    assert asyncio.run(_answer(service.app(), request)).startswith(b"HTTP/1.1 404")
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line) < 4096  # what a pipe takes whole
    assert json.loads(line)["status"] == 404


@pytest.mark.parametrize("form", [False, True], ids=["image", "form"])
def test_what_was_refused_is_let_go_without_the_collector(tmp_path: Path, *, form: bool) -> None:
    service = Service(Model.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    body = b"--x\r\n\r\nno image\r\n--x--" if form else b"no image"
    kind = b"Content-Type: multipart/form-data; boundary=x\r\n" if form else b""
    request = HEAD + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body
    gc.collect()
    before = _refusals()  # of other tests, which something still holds
    gc.disable()
    try:
        answer = asyncio.run(_answer(service.app(), request))
        assert b"of a kind that is read here" in answer
        assert len(_refusals()) == len(before)
    finally:
        gc.enable()


def _refusals() -> list[object]:
    return [kept for kept in gc.get_objects() if type(kept) is ImageError]


def test_a_request_that_ends_in_none_is_counted_and_logged_as_refused_under_its_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(Model.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    answer = asyncio.run(_answer(service.app(), HEAD + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-request-id: abc\r\n" in answer
    refused, request = map(json.loads, capsys.readouterr().out.splitlines())
    assert (refused["event"], refused["request_id"]) == ("refused", "abc")
    assert (request["status"], request["request_id"]) == (400, "abc")


@pytest.mark.parametrize("path", [b"/invocations/", b"/ping/"])
def test_nobody_is_sent_where_the_host_header_says(tmp_path: Path, path: bytes) -> None:
    service = Service(Model.load(), Settings(workers=1), Heartbeats(tmp_path, 1), 0)
    answer = asyncio.run(_answer(service.app(), HEAD.replace(b"/invocations", path) + b"\r\n"))
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"application/problem+json" in answer
