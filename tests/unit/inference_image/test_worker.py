"""How a worker ends."""

import asyncio

from inference_image import worker
from inference_image.admission import Admission
from inference_image.metrics import Metrics


def test_who_comes_and_goes_between_two_looks_keeps_the_end_away() -> None:
    async def is_over() -> bool:
        admission = Admission(1, 1, Metrics("digits-test"))
        waiting = asyncio.create_task(worker.quiet(admission, 30))
        for _ in range(6):
            with admission.admit(1, 1):
                pass
            await asyncio.sleep(worker.QUIET_SECONDS / 2)
        over = waiting.done()
        await waiting
        return over

    assert not asyncio.run(is_over())
