import signal
from contextlib import suppress

import pytest

from inference_image.bounds import bounded_time
from inference_image.decoding import ImageError


def test_what_computes_for_too_long_is_ended_and_refused() -> None:
    with pytest.raises(ImageError, match="more than") as raised, bounded_time(0.01):
        sum(1 for _ in range(10**8))  # seconds
    assert raised.value.status == 413


def test_what_swallows_that_is_ended_again() -> None:
    with pytest.raises(ImageError), bounded_time(0.01):
        _swallow_one_and_go_on()


def _swallow_one_and_go_on() -> None:
    with suppress(ImageError):
        sum(1 for _ in range(10**8))
    sum(1 for _ in range(10**8))


def test_nothing_is_ended_afterwards() -> None:
    with bounded_time(0.01):
        pass
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
