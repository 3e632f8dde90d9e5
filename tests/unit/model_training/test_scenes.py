"""What lies around a mark must not hide it: a digit that is hidden would teach to guess."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from model_training.rendering import Sheet, plain
from model_training.scenes import with_fingers, with_pen

Lay = Callable[[Sheet, NDArray[np.bool_], Generator], Sheet]
LAYS = pytest.mark.parametrize("lay", [with_pen, with_fingers])


def _blank(height: int, width: int) -> tuple[Sheet, NDArray[np.bool_]]:
    """Return a white sheet, and where nothing shall lie: in its middle."""
    kept = np.zeros((height, width), np.bool_)
    kept[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    return plain(height, width, (255, 255, 255)), kept


@LAYS
def test_what_is_to_be_kept_lies_under_a_shadow_at_most(lay: Lay) -> None:
    sheet, kept = _blank(300, 200)
    for seed in range(40):
        covered = lay(sheet, kept, np.random.default_rng(seed))
        assert covered.shape == sheet.shape
        seen = covered[kept]
        assert seen.min() > 0.5 * 255
        assert np.ptp(seen, axis=1).max() < 1  # grey as shadows are, not of a colour


@LAYS
def test_mostly_something_lies_there(lay: Lay) -> None:
    sheet, kept = _blank(300, 200)
    covered = [lay(sheet, kept, np.random.default_rng(seed)) for seed in range(40)]
    assert np.mean([np.ptp(one) > 50 for one in covered]) > 0.8


@LAYS
def test_where_there_is_no_room_nothing_is_laid(lay: Lay) -> None:
    sheet = plain(60, 60, (255, 255, 255))
    assert lay(sheet, np.ones((60, 60), np.bool_), np.random.default_rng(0)) is sheet
