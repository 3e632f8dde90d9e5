import asyncio

import pytest

from benchmarks.accuracy_store import Requests, answer, key, label

GET = f"GET /stub/{key('2026-01-01', 3)} HTTP/1.1\r\n\r\n".encode()


class Wire(asyncio.Transport):
    """Notes what is answered, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.written: asyncio.Future[tuple[bytes, float]] = asyncio.get_running_loop().create_future()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.set_result((bytes(data), asyncio.get_running_loop().time()))


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_an_answer_comes_as_late_as_the_store_is_far_away(seconds: float) -> None:
    async def answered() -> tuple[bytes, float]:
        connection, wire = Requests({}, seconds), Wire()
        connection.connection_made(wire)
        asked = asyncio.get_running_loop().time()
        connection.data_received(GET)
        body, written = await wire.written
        return body, written - asked

    body, waited = asyncio.run(answered())
    assert body == answer(label(key("2026-01-01", 3)))
    assert waited >= seconds
