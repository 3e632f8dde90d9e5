"""Reads together what arrived in one turn of the event loop, without a thread or a wait.

Decoding and reading hold the processor anyway: a thread would only add hops. Between two batches the loop
gets its turn: what has arrived meanwhile is refused, answered or queued.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from inference_image.decoding import ImageError
from inference_image.reading import Reading

Read = Callable[[Sequence[bytes]], Sequence[Reading | ImageError]]
TURN_BYTES = 2**20  # a turn with more than this to decode would keep the loop for too long


class Batcher:
    """A queue in front of `read`, which takes several uploads at once."""

    def __init__(self, read: Read, batch: int, observe: Callable[[int, float], None]) -> None:
        """Read at most `batch` uploads in one turn; `observe` is told how many these were and the seconds."""
        self._read = read
        self._batch = batch
        self._observe = observe
        self._waiting: deque[tuple[bytes, asyncio.Future[Reading]]] = deque()
        self._scheduled = False

    async def read(self, data: bytes) -> Reading:
        """Read one upload together with what waits beside it.

        Raises ImageError.
        """
        answer: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._waiting.append((data, answer))
        self._schedule()
        return await answer

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        turn = self._next()
        began = time.perf_counter()
        try:
            results: Sequence[Reading | Exception] = self._read([data for data, _ in turn])
        except Exception as error:  # it belongs to the requests of this turn, not to the loop
            results = [error] * len(turn)
        self._observe(len(turn), time.perf_counter() - began)
        for (_, answer), result in zip(turn, results, strict=True):
            if answer.done():
                continue  # its client has gone
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)
        self._schedule()

    def _next(self) -> list[tuple[bytes, asyncio.Future[Reading]]]:
        turn: list[tuple[bytes, asyncio.Future[Reading]]] = []
        size = 0
        while self._waiting and len(turn) < self._batch and size < TURN_BYTES:
            data, answer = self._waiting.popleft()
            if not answer.cancelled():
                turn.append((data, answer))
                size += len(data)
        return turn
