import asyncio
import gc
import time
from collections.abc import Sequence

import pytest

from inference_image.batching import TURN_SECONDS, Batcher


class Reader:
    """Prepares the upload's length; refuses b"bad"; is slow about b"slow"; breaks on a length of 5."""

    def __init__(self) -> None:
        self.prepared: list[bytes] = []
        self.batches: list[int] = []

    def prepare(self, data: bytes) -> int:
        self.prepared.append(data)
        if data == b"bad":
            raise ValueError("bad")
        began = time.perf_counter()
        while data == b"slow" and time.perf_counter() - began < TURN_SECONDS:
            pass
        return len(data)

    def answer(self, lengths: Sequence[int]) -> list[str]:
        if 5 in lengths:
            raise RuntimeError("broken")
        return [str(length) for length in lengths]

    def observe(self, images: int, _seconds: float, _waiting: int) -> None:
        self.batches.append(images)

    def batcher(self, batch: int = 8) -> Batcher[int, str]:
        return Batcher(self.prepare, self.answer, batch, self.observe)


def _run(uploads: list[bytes], batch: int = 8) -> tuple[list[str | BaseException], Reader]:
    reader = Reader()

    async def together() -> list[str | BaseException]:
        batcher = reader.batcher(batch)
        answers = (batcher.submit(upload, lambda: False) for upload in uploads)
        return await asyncio.gather(*answers, return_exceptions=True)

    return asyncio.run(together()), reader


def test_what_arrives_in_one_turn_is_read_together_and_each_gets_its_own_answer() -> None:
    answers, reader = _run([b"1", b"22", b"333"])
    assert (answers, reader.batches) == (["1", "2", "3"], [3])


def test_a_batch_has_a_limit() -> None:
    _, reader = _run([b"1"] * 20, batch=8)
    assert reader.batches == [8, 8, 4]


def test_uploads_that_take_long_do_not_share_a_turn() -> None:
    _, reader = _run([b"slow"] * 3)
    assert reader.batches == [1, 1, 1]


def test_one_bad_image_fails_alone() -> None:
    answers, reader = _run([b"1", b"bad", b"22"])
    assert [type(one) for one in answers] == [str, ValueError, str]
    assert reader.batches == [2]


def test_a_failure_reaches_its_requests_and_the_next_batch_is_read() -> None:
    answers, _ = _run([b"fatal", b"1"], batch=1)
    assert [type(one) for one in answers] == [RuntimeError, str]


def test_an_upload_that_nobody_waits_for_is_not_even_prepared() -> None:
    reader = Reader()

    async def together() -> None:
        batcher = reader.batcher()
        gone, late = batcher.submit(b"1", lambda: True), batcher.submit(b"333", lambda: False)
        late.cancel()
        assert await batcher.submit(b"22", lambda: False) == "2"
        for upload in (gone, late):
            with pytest.raises(asyncio.CancelledError):
                await upload

    asyncio.run(together())
    assert reader.prepared == [b"22"]


class Counted(bytes):
    """Counts how many of it there are."""

    alive = 0

    def __init__(self, _: bytes) -> None:
        type(self).alive += 1

    def __del__(self) -> None:
        type(self).alive -= 1


def test_an_upload_that_fails_is_let_go_without_the_collector() -> None:
    def refuse(_: bytes) -> int:
        raise ValueError("bad")

    async def refused() -> None:
        batcher: Batcher[int, int] = Batcher(refuse, list, 8, lambda *_: None)
        for _ in range(10):
            await asyncio.gather(batcher.submit(Counted(b"bad"), lambda: False), return_exceptions=True)

    gc.disable()
    try:
        asyncio.run(refused())
        assert Counted.alive == 0
    finally:
        gc.enable()
