"""What a connection makes of its client's bytes, and how long it waits for them: some wait less than ours."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from inference_image.connections import CONNECTIONS, HEAD_BYTES, PIPELINED, Connection

ANSWER = PlainTextResponse("answer")
LONG = 30.0  # a test that waits for so long has failed


class Patient(Connection):
    head_seconds = LONG
    discard_seconds = LONG
    unread_seconds = LONG


class Speechless(Patient):
    head_seconds = 0.05


class Hasty(Patient):
    discard_seconds = 0.05
    unread_seconds = 0.05


@asynccontextmanager
async def client(
    kind: type[Connection], keep_alive: int = int(LONG), app: ASGIApp = ANSWER
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection to an application: one answers at once, whatever is still to come of the request."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=keep_alive,
    )
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: kind(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()
        async with asyncio.timeout(LONG):
            while state.connections:  # what the client has sent is read before its end
                await asyncio.sleep(0)


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: here\r\n"])
def test_who_asks_nothing_is_let_go(said: bytes) -> None:
    async def ended() -> bytes:
        async with client(Speechless) as (reader, writer):
            writer.write(said)
            return await asyncio.wait_for(reader.read(), LONG)

    assert asyncio.run(ended()) == b""


@pytest.mark.parametrize("said", [b"", b"a", b"2\r\nab\r\n"])
def test_who_never_ends_a_body_that_was_answered_is_let_go(said: bytes) -> None:
    async def ended() -> bytes:
        async with client(Hasty) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n" + said)
            return await asyncio.wait_for(reader.read(), LONG)

    assert asyncio.run(ended()).endswith(b"answer")


def test_after_the_rest_of_a_refused_body_the_connection_is_used_again() -> None:
    async def second() -> bytes:
        async with client(Patient) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 200000\r\n\r\n")
            await reader.readuntil(b"answer")
            writer.write(bytes(200_000) + b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            return await asyncio.wait_for(reader.readuntil(b"answer"), LONG)

    assert asyncio.run(second()).startswith(b"HTTP/1.1 200")


def test_a_client_that_leaves_after_a_body_which_came_at_once_is_seen_to_go() -> None:
    async def seen() -> None:
        begun, left = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, _: Send) -> None:
            begun.set()
            await Request(scope, receive).body()
            while not scope["state"]["is_gone"]():
                await asyncio.sleep(0)
            left.set()

        async with client(Patient, app=app) as (_, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 200000\r\n\r\n")
            await begun.wait()
            writer.write(bytes(200_000))
            writer.close()
            await asyncio.wait_for(left.wait(), LONG)

    asyncio.run(seen())


def test_who_is_refused_and_asks_for_no_more_reads_the_answer_after_all_that_was_sent() -> None:
    async def answer() -> bytes:
        async with client(Patient) as (reader, writer):
            writer.write(
                b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n"
            )
            for _ in range(20):
                writer.write(bytes(10**6))
                await writer.drain()
            return await asyncio.wait_for(reader.read(), LONG)

    assert asyncio.run(answer()).endswith(b"answer")


def test_after_the_rest_of_a_refused_body_nobody_waits_for_ever() -> None:
    async def ended() -> bytes:
        async with client(Patient, keep_alive=1) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 200000\r\n\r\n")
            await reader.readuntil(b"answer")
            writer.write(bytes(200_000))
            return await asyncio.wait_for(reader.read(), LONG)

    assert asyncio.run(ended()) == b""


@pytest.mark.parametrize(("said", "status"), [(b"GET /", 431), (b"no request\r\n", 400)])
def test_who_sends_no_request_or_no_end_of_one_reads_the_refusal_however_much_was_sent(
    said: bytes, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refusal() -> bytes:
        async with client(Patient) as (reader, writer):
            writer.write(said)
            for _ in range(2 * HEAD_BYTES // 2**10):
                writer.write(b"a" * 2**10)
                await writer.drain()
                await asyncio.sleep(0)  # the server's turn
            answer = await asyncio.wait_for(reader.read(), LONG)
            writer.write(b"a")
            await writer.drain()
            return answer

    head, _, body = asyncio.run(refusal()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert b"content-type: application/problem+json" in head
    (id,) = (
        line.removeprefix(b"x-request-id: ")
        for line in head.split(b"\r\n")
        if line.startswith(b"x-request-id")
    )
    assert json.loads(body)["status"] == status
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert id.decode() in [line["request_id"] for line in logged if line["event"] == "refused"]


def test_a_client_that_is_refused_and_stays_is_let_go() -> None:
    async def is_gone() -> bool:
        async with client(Hasty) as (reader, writer):
            writer.write(b"GET /" + b"a" * 2 * HEAD_BYTES)
            assert (await asyncio.wait_for(reader.read(), LONG)).startswith(b"HTTP/1.1 431")
            async with asyncio.timeout(LONG):
                while not writer.is_closing():  # which it is once what is sent meets no one
                    writer.write(b"a")
                    await asyncio.sleep(0.01)
            return True

    assert asyncio.run(is_gone())


def test_who_sends_but_an_empty_line_after_an_answer_is_let_go() -> None:
    async def rest() -> bytes:
        async with client(Patient, keep_alive=1) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            await reader.readuntil(b"answer")
            writer.write(b"\r\n")
            return await asyncio.wait_for(reader.read(), LONG)

    assert asyncio.run(rest()) == b""


def test_who_does_not_read_the_answer_is_let_go() -> None:
    async def ended() -> None:
        gone = asyncio.Event()

        async def endless(scope: Scope, _: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})
            while not scope["state"]["is_gone"]():
                await send({"type": "http.response.body", "body": bytes(2**20), "more_body": True})
            gone.set()

        async with client(Hasty, app=endless) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            await asyncio.wait_for(gone.wait(), LONG)

    asyncio.run(ended())


def test_who_comes_when_all_connections_are_taken_is_let_go() -> None:
    async def ended() -> tuple[bool, bool]:
        config = uvicorn.Config(PlainTextResponse("answer"), ws="none", lifespan="off", log_config=None)
        state = ServerState()
        wires = [Wire() for _ in range(CONNECTIONS + 1)]
        for wire in wires:
            Patient(config, state, {}).connection_made(wire)
        return any(wire.is_aborted for wire in wires[:-1]), wires[-1].is_aborted

    assert asyncio.run(ended()) == (False, True)


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.is_aborted = False
        self.is_closed = False
        self.is_paused = False
        self.most_unsent: int | None = None  # uvloop's own

    @property
    def written(self) -> bytes:
        return b"".join(self.packets)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.packets.append(bytes(data))

    def write_eof(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002
        self.most_unsent = high

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(body)(scope, receive, send)


async def _broken(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    raise ValueError("there is no body")


async def _answer(segments: Iterable[bytes]) -> bytes:
    return (await _answered(segments)).written


async def _answered(segments: Iterable[bytes], app: ASGIApp = _echo) -> Wire:
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None)
    wire, state = Wire(), ServerState()
    connection = Patient(config, state, {})
    connection.connection_made(wire)
    for segment in segments:
        connection.data_received(segment)
    while state.tasks:
        await asyncio.wait_for(asyncio.gather(*state.tasks), LONG)
    return wire


@pytest.mark.parametrize("said", [b"Upgrade", b"Upgrade, close"])
def test_an_offer_of_another_protocol_costs_no_body_wherever_the_head_is_cut(said: bytes) -> None:
    body = b"\r\nUpgrade: is no header here"
    offer = b"Connection: %b\r\nUpgrade: h2c\r\n" % said
    head = b"POST / HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (offer, len(body))
    for segments in _cuts(head + body):
        answer = asyncio.run(_answer(segments))
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"\r\n\r\n" + body), segments


PLAIN = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
OFFER = PLAIN.replace(b"\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", 1)


@pytest.mark.parametrize("both", [PLAIN + PLAIN, PLAIN + OFFER, OFFER + PLAIN, OFFER + OFFER])
def test_requests_that_come_together_are_answered_wherever_they_are_cut(both: bytes) -> None:
    for segments in _cuts(both):
        assert asyncio.run(_answer(segments)).count(b"\r\n\r\nbody") == 2, segments


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        (PLAIN, [200]),
        (PLAIN + PLAIN, [200, 200]),
        (PLAIN.replace(b"POST", b"HEAD"), [200]),
        (PLAIN.replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1), [100, 200]),
    ],
)
def test_an_answer_is_one_packet(asked: bytes, statuses: list[int]) -> None:
    packets = asyncio.run(_answered([asked])).packets
    assert [packet[:12] for packet in packets] == [b"HTTP/1.1 %d" % status for status in statuses]


def test_the_head_of_an_answer_that_fails_goes_out_before_the_end() -> None:
    wire = asyncio.run(_answered([PLAIN], _broken))
    assert wire.written.startswith(b"HTTP/1.1 200")
    assert wire.is_closed


BROKEN = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"


@pytest.mark.parametrize("broken", [b"no request\r\n", BROKEN])
def test_what_is_refused_is_the_end_of_all_that_waits_for_an_answer_or_a_body(broken: bytes) -> None:
    for before in (b"", PLAIN, PLAIN + PLAIN):
        answer = asyncio.run(_answer([before + broken]))
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 431), (PLAIN * (PIPELINED + 2), 400)],
    ids=["head", "requests"],
)
def test_what_is_too_much_is_refused_though_it_comes_whole(head: bytes, status: int) -> None:
    answer = asyncio.run(_answer([head]))
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_as_long_as_requests_wait_for_answers_no_more_are_read() -> None:
    async def waiting() -> tuple[int, int]:
        config = uvicorn.Config(_echo, ws="none", lifespan="off", log_config=None)
        wire, most = Wire(), 0
        connection = Patient(config, ServerState(), {})
        connection.connection_made(wire)
        for _ in range(20):
            if not wire.is_paused:
                connection.data_received(PLAIN * PIPELINED)
            most = max(most, len(connection.pipeline))
            await asyncio.sleep(0)
        async with asyncio.timeout(LONG):
            while not connection.cycle.response_complete:
                await asyncio.sleep(0)
        return most, wire.written.count(b"\r\n\r\nbody") % PIPELINED

    assert asyncio.run(waiting()) == (PIPELINED - 1, 0)


def test_a_body_that_comes_behind_an_answer_has_its_own_time() -> None:
    async def second() -> bytes:
        async with client(Hasty, app=_echo) as (reader, writer):
            writer.write(PLAIN + PLAIN[:-4])
            await reader.readuntil(b"body")
            await asyncio.sleep(4 * Hasty.discard_seconds)
            writer.write(b"late")
            return await asyncio.wait_for(reader.readuntil(b"late"), LONG)

    assert asyncio.run(second()).startswith(b"HTTP/1.1 200")


def test_a_refusal_is_read_by_who_still_sends_also_where_reading_had_paused() -> None:
    large = b"%x\r\n%b\r\n" % (HEAD_BYTES + 1, bytes(HEAD_BYTES + 1))
    wire = asyncio.run(_answered([BROKEN.replace(b"no size", large + b"no size")]))
    assert wire.written.startswith(b"HTTP/1.1 400")
    assert not wire.is_paused


def test_a_client_that_sends_what_is_broken_is_not_asked_to_go_on() -> None:
    answer = asyncio.run(_answer([BROKEN.replace(b"\r\n", b"\r\nExpect: 100-continue\r\n", 1)]))
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_who_leaves_while_requests_wait_is_written_nothing_and_forgotten(error: Exception | None) -> None:
    async def left() -> tuple[bytes, bool]:
        gone = asyncio.Event()

        async def late(scope: Scope, receive: Receive, send: Send) -> None:
            await gone.wait()
            await ANSWER(scope, receive, send)

        config, state, wire = (
            uvicorn.Config(late, ws="none", lifespan="off", log_config=None),
            ServerState(),
            Wire(),
        )
        connection = Patient(config, state, {})
        connection.connection_made(wire)
        connection.data_received(PLAIN + PLAIN)
        tasks = [*state.tasks]
        connection.connection_lost(error)
        gone.set()
        await asyncio.wait_for(asyncio.gather(*tasks), LONG)
        return wire.written, bool(connection.pipeline)

    assert asyncio.run(left()) == (b"", False)


def test_no_timer_keeps_a_client_that_was_answered_and_has_reset_the_connection() -> None:
    async def kept() -> bool:
        config, state = uvicorn.Config(ANSWER, ws="none", lifespan="off", log_config=None), ServerState()
        connection = Patient(config, state, {})
        connection.connection_made(Wire())
        connection.data_received(PLAIN)
        await asyncio.wait_for(asyncio.gather(*state.tasks), LONG)
        connection.connection_lost(ConnectionResetError())
        return connection.timeout_keep_alive_task is not None

    assert not asyncio.run(kept())


def test_what_the_kernel_does_not_take_counts_as_unread_from_the_first_byte() -> None:
    assert asyncio.run(_answered([PLAIN])).most_unsent == 0


def test_of_a_refused_body_nothing_is_kept() -> None:
    async def kept() -> int:
        config = uvicorn.Config(ANSWER, ws="none", lifespan="off", log_config=None)
        state = ServerState()
        connection = Patient(config, state, {})
        connection.connection_made(Wire())
        connection.data_received(b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + bytes(200_000))
        await asyncio.wait_for(asyncio.gather(*state.tasks), LONG)
        return len(connection.cycle.body)

    assert asyncio.run(kept()) == 0


def _cuts(whole: bytes) -> list[list[bytes]]:
    """Cut it nowhere, once at every place, and everywhere."""
    cuts = [[whole[:cut], whole[cut:]] for cut in range(1, len(whole))]
    return [[whole], *cuts, [bytes([one]) for one in whole]]
