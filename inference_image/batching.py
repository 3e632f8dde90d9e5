"""Reads together what arrived in one turn of the event loop, without a thread or a wait.

Decoding and reading hold the processor anyway: a thread would only add hops. Between two batches the loop
gets its turn: what has arrived meanwhile is refused, answered, cancelled or queued.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

TURN_SECONDS = 0.05  # with so much prepared a batch is full: nobody waits long for the images of others

Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Upload(Generic[Answer]):
    data: bytes
    is_gone: Callable[[], bool]  # its client
    answer: "asyncio.Future[Answer]"


class Batcher(Generic[Prepared, Answer]):
    """A queue before two steps: `prepare` takes one upload, `answer` what was made of several."""

    def __init__(
        self,
        prepare: Callable[[bytes], Prepared],
        answer: Callable[[Sequence[Prepared]], Sequence[Answer]],
        batch: int,
        observe: Callable[[int, float, int], None],
    ) -> None:
        """Answer at most `batch` uploads together.

        `observe` is told how many they were, how many seconds it took, and how many wait now.
        """
        self._prepare = prepare
        self._answer = answer
        self._batch = batch
        self._observe = observe
        self._waiting: deque[_Upload[Answer]] = deque()
        self._scheduled = False

    def submit(self, data: bytes, is_gone: Callable[[], bool]) -> "asyncio.Future[Answer]":
        """Queue one upload. If at its turn nobody waits for it any more, it is cancelled and costs nothing.

        The future raises what `prepare` raises, of this upload alone, or `answer`, of its batch.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Upload(data, is_gone, answer))
        self._schedule()
        return answer

    def _schedule(self) -> None:
        if self._waiting and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        began = time.perf_counter()
        futures, prepared = self._next(began)
        if futures:
            self._settle(futures, prepared)
        self._observe(len(futures), time.perf_counter() - began, len(self._waiting))
        self._schedule()

    def _settle(self, futures: Sequence["asyncio.Future[Answer]"], prepared: Sequence[Prepared]) -> None:
        try:
            answers = self._answer(prepared)
        except Exception as error:  # it belongs to the requests of this turn, not to the loop
            for future in futures:
                future.set_exception(error)
        else:
            for future, answer in zip(futures, answers, strict=True):
                future.set_result(answer)

    def _next(self, began: float) -> tuple[list["asyncio.Future[Answer]"], list[Prepared]]:
        futures: list[asyncio.Future[Answer]] = []
        prepared: list[Prepared] = []
        while self._waiting and len(prepared) < self._batch and time.perf_counter() - began < TURN_SECONDS:
            upload = self._waiting.popleft()
            if upload.is_gone():
                upload.answer.cancel()
            if upload.answer.cancelled():
                continue
            try:
                prepared.append(self._prepare(upload.data))
                futures.append(upload.answer)
            except Exception as error:
                upload.answer.set_exception(error)
                del upload  # of this frame, which the error keeps: it would keep itself, and all these bytes
        return futures, prepared
