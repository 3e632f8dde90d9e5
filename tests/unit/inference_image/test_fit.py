"""MNIST's form, measured on bars."""

import numpy as np
import pytest

from inference_image.preprocessing import BOX, SIDE, fit, missing_width


def test_a_digit_that_is_smaller_than_mnists_is_enlarged() -> None:
    pixels = fit(np.full((10, 4), 255, np.float32), 0)
    assert np.count_nonzero(pixels.any(axis=1)) == BOX
    assert np.count_nonzero(pixels.any(axis=0)) == 8


def test_strokes_grow_by_the_width_that_is_missing() -> None:
    bar = np.zeros((100, 40), np.float32)
    bar[:, 18:21] = 255
    middle = fit(bar, 7)[SIDE // 2]  # of (3 + 7) pixels, five to one of the result
    assert middle.sum() == pytest.approx(255 * 10 * BOX / 100, rel=0.05)


def test_the_width_that_is_missing_is_that_of_a_stroke_that_would_fade() -> None:
    assert missing_width(np.zeros((100, 40), np.float32), 3.0) == 7  # two pixels of the result are ten
    assert missing_width(np.zeros((100, 40), np.float32), 11.0) == 0
    assert missing_width(np.zeros((BOX, 8), np.float32), 1.0) == 0  # it has MNIST's form, and is only copied
