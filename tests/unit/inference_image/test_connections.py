"""How long a client may keep a connection open and say nothing, with connections that wait less than ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from inference_image.connections import Connection

LONG = 30.0  # a test that waits for so long has failed


class Hasty(Connection):
    head_seconds = 0.05
    discard_seconds = 0.05


class Patient(Connection):
    head_seconds = LONG
    discard_seconds = LONG


@asynccontextmanager
async def client(
    kind: type[Connection],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection to an application that answers at once, whatever is still to come of the request."""
    config = uvicorn.Config(PlainTextResponse("answer"), ws="none", lifespan="off", log_config=None)
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: kind(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: here\r\n"])
def test_who_asks_nothing_is_let_go(said: bytes) -> None:
    async def ended() -> bytes:
        async with client(Hasty) as (reader, writer):
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
