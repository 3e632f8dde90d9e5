"""Clients on keep-alive connections, each asking again as soon as it is answered."""

import asyncio
import math
import statistics
import time
from dataclasses import dataclass, field

PATIENCE = 10  # seconds for the first answer, and for the last: a server may leave some waiting for minutes
HEAD = b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"


def request(content_type: str, body: bytes) -> bytes:
    """Return a whole request, made once: the clients shall cost little."""
    return HEAD % (content_type.encode(), len(body)) + body


@dataclass
class Load:
    """What came of some seconds, from when every connection has been answered once, or long should have been.

    Before that, those that are served first have nobody before them, and the others have everybody.
    """

    seconds: float
    waited_for: int  # connections that have not been answered yet
    began: float = math.inf  # on the performance counter
    answers: int = 0  # all of them
    answered: list[float] = field(default_factory=list)  # with 200, within those seconds: when
    # Seconds, of all that was asked within them, and of who had to be left waiting when they began.
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    body: bytes = b""  # of the last answer

    @property
    def until(self) -> float:
        return self.began + self.seconds

    def begin(self) -> None:
        self.began = min(self.began, time.perf_counter())

    @property
    def rate(self) -> float:
        """Answers a second, NaN where fewer than two are known: the slope of their number over time.

        What is on its way when the time begins or ends would count whole or not at all, and of servers that
        answer several at once the first or last several.
        """
        if len(set(self.answered)) < 2:
            return math.nan
        return statistics.linear_regression(self.answered, range(len(self.answered))).slope

    def percentile(self, number: int) -> float:
        """Return the seconds that so many in a hundred took at most, NaN where fewer than two are known."""
        if len(self.latencies) < 2:
            return math.nan
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[number - 1]


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, message: bytes, load: Load) -> None:
        self._message = message
        self._load = load
        self._answer = bytearray()
        self._sent = 0.0
        self._is_new = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a TCP connection
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = bytes(self._answer).partition(b"\r\n\r\n")
        if separator and len(body) >= _content_length(head):
            self._note(head)
            self._load.body = body
            self._answer.clear()
            if time.perf_counter() < self._load.until:
                self._send()
            else:
                self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._load.failures += time.perf_counter() < self._load.until
        self._wait_no_more()
        self.ended.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._message)

    def _note(self, head: bytes) -> None:
        now, load = time.perf_counter(), self._load
        load.answers += 1
        if not head.startswith(b"HTTP/1.1 200"):
            load.failures += 1
        else:
            if load.began <= now < load.until:
                load.answered.append(now)
            if self._sent >= load.began or (self._is_new and now >= load.began):
                load.latencies.append(now - self._sent)
        self._wait_no_more()

    def _wait_no_more(self) -> None:
        self._load.waited_for -= self._is_new
        self._is_new = False
        if not self._load.waited_for:
            self._load.begin()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError(f"an answer without its length: {head!r}")


async def run(
    port: int, message: bytes, connections: int, seconds: float, patience: float = PATIENCE
) -> Load:
    """Ask until every connection has been answered, and then for some seconds more."""
    load = Load(seconds, waited_for=connections)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Client(message, load), "127.0.0.1", port)
        for _ in range(connections)
    ]
    loop.call_later(patience, load.begin)
    await asyncio.wait([client.ended for _, client in made], timeout=seconds + 2 * patience)
    load.failures += sum(
        not client.ended.done() for _, client in made
    )  # their last request never got an answer
    for transport, _ in made:
        transport.abort()
    return load
