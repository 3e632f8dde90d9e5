import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from inference_image.batching import Batcher
from inference_image.decoding import ImageError
from inference_image.model import Answer
from inference_image.preprocessing import Preprocessed
from inference_image.reading import Reading


class Reader:
    """Answers with the upload's length; refuses b"bad"; breaks on b"fatal"."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []

    def __call__(self, images: Sequence[bytes]) -> list[Reading | ImageError]:
        self.batches.append(list(images))
        if b"fatal" in images:
            raise RuntimeError("broken")
        return [ImageError(415, "no") if data == b"bad" else _reading(len(data)) for data in images]


def _reading(digit: int) -> Reading:
    seen = Preprocessed(np.zeros((28, 28), np.uint8), False, None, 0, None, None)
    return Reading(Answer(digit, 1.0, (), 1.0), seen, "test")


def _run(uploads: list[bytes], batch: int = 8) -> tuple[list[Reading | BaseException], Reader, list[int]]:
    reader, sizes = Reader(), list[int]()

    async def together() -> list[Reading | BaseException]:
        batcher = Batcher(reader, batch, lambda images, _: sizes.append(images))
        return await asyncio.gather(*map(batcher.read, uploads), return_exceptions=True)

    return asyncio.run(together()), reader, sizes


def test_what_arrives_in_one_turn_is_read_together_and_each_gets_its_own_answer() -> None:
    answers, reader, sizes = _run([b"1", b"22", b"333"])
    assert [one.answer.predicted for one in answers if isinstance(one, Reading)] == [1, 2, 3]
    assert (reader.batches, sizes) == ([[b"1", b"22", b"333"]], [3])


def test_a_batch_has_a_limit() -> None:
    _, _, sizes = _run([b"1"] * 20, batch=8)
    assert sizes == [8, 8, 4]


def test_large_uploads_do_not_share_a_turn() -> None:
    _, _, sizes = _run([bytes(2**20)] * 3)
    assert sizes == [1, 1, 1]


def test_one_bad_image_fails_alone() -> None:
    answers, _, _ = _run([b"1", b"bad", b"22"])
    assert [type(one) for one in answers] == [Reading, ImageError, Reading]


def test_a_failure_reaches_its_requests_and_the_next_batch_is_read() -> None:
    answers, _, _ = _run([b"fatal", b"1"], batch=1)
    assert [type(one) for one in answers] == [RuntimeError, Reading]


def test_an_upload_whose_client_has_gone_is_not_read() -> None:
    reader = Reader()

    async def gone() -> None:
        batcher = Batcher(reader, 8, lambda _, __: None)
        first, second = (asyncio.create_task(batcher.read(data)) for data in (b"1", b"22"))
        asyncio.get_running_loop().call_soon(first.cancel)  # after both are queued, before the turn
        await second
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(gone())
    assert reader.batches == [[b"22"]]
