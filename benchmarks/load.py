"""Clients on keep-alive connections, each asking again as soon as it is answered."""

import asyncio
import math
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
    starved: int = 0  # connections that had to be left waiting when those seconds began
    answers: int = 0  # all of them
    served: float = 0.0  # requests, each by how much of its time lay within those seconds
    # Seconds, of all that was asked within them; infinite for who was starved until they ended, as then the
    # others stop and let it through.
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    body: bytes = b""  # of the last answer

    @property
    def until(self) -> float:
        return self.began + self.seconds

    def begin(self) -> None:
        if math.isinf(self.began):
            self.began, self.starved = time.perf_counter(), self.waited_for

    @property
    def rate(self) -> float:
        """Answers a second.

        What is on its way when the time begins or ends counts in part. Whole or not at all would be wrong by
        several where a server answers several at once.
        """
        return self.served / self.seconds

    def note(self, asked: float, now: float, *, is_first: bool) -> None:
        """Count a request that was answered now, whether or not its connection's first."""
        within = min(now, self.until) - max(asked, self.began)
        self.served += max(within, 0.0) / (now - asked)
        if is_first and now >= self.began:
            self.latencies.append(now - asked if now < self.until else math.inf)
        elif asked >= self.began:
            self.latencies.append(now - asked)


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, message: bytes, load: Load) -> None:
        self._message = message
        self._load = load
        self._answer = bytearray()
        self._sent = 0.0
        self._is_asking = False  # it has no answer yet
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
        self._load.failures += self._is_asking
        self._wait_no_more()
        self.ended.set_result(None)

    def _send(self) -> None:
        self._sent, self._is_asking = time.perf_counter(), True
        self._transport.write(self._message)

    def _note(self, head: bytes) -> None:
        self._is_asking = False
        self._load.answers += 1
        if head.startswith(b"HTTP/1.1 200"):
            self._load.note(self._sent, time.perf_counter(), is_first=self._is_new)
        else:
            self._load.failures += 1
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
    ended = [client.ended for _, client in made]
    await asyncio.wait(ended, timeout=seconds + 2 * patience)
    for transport, _ in made:
        transport.abort()
    await asyncio.wait(ended)  # whose last request never got an answer has failed
    return load
