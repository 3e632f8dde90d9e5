"""Bodies of `make fuzz` but for the bombs, read without HTTP: ten in the time that it takes for one."""

from collections import Counter

import pytest

from inference_image.decoding import ImageError
from inference_image.preprocessing import preprocess
from tests.fuzz.bodies import MUTATIONS, body

COUNT = 2000


def outcome(data: bytes) -> object:
    try:
        return preprocess(data)[0].pixels.shape
    except ImageError as error:
        return error.status


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it makes the best of
def test_whatever_is_sent_is_read_or_refused() -> None:
    outcomes = Counter(outcome(body(2, number, MUTATIONS).data) for number in range(COUNT))
    assert outcomes.keys() == {(28, 28), 413, 415, 422}, outcomes
