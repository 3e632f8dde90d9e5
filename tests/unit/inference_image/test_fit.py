"""MNIST's form, measured on bars."""

import numpy as np
import pytest

from inference_image.preprocessing import BOX, SIDE, fit, missing_width, stroke_width


def test_a_digit_that_is_smaller_than_mnists_is_enlarged() -> None:
    pixels = fit(np.full((10, 4), 255, np.float32), 0)
    assert np.count_nonzero(pixels.any(axis=1)) == BOX
    assert np.count_nonzero(pixels.any(axis=0)) == 8


def test_a_digit_of_mnists_size_is_moved_and_not_changed() -> None:
    digit = np.random.default_rng(0).integers(0, 256, (BOX, 13)).astype(np.float32)
    pixels = fit(digit, 0)
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    assert (pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == digit).all()


@pytest.mark.parametrize(("heavy", "first"), [(slice(-3, None), 0), (slice(0, 3), SIDE - BOX)])
def test_a_digit_that_is_heavy_at_one_end_stays_inside(heavy: slice, first: int) -> None:
    digit = np.ones((BOX, BOX), np.float32)
    digit[heavy] = 255
    pixels = fit(digit, 0)
    assert np.flatnonzero(pixels.any(axis=1)).tolist() == list(range(first, first + BOX))


def test_grey_levels_are_rounded() -> None:
    assert fit(np.full((BOX, BOX), 99.6, np.float32), 0).max() == 100


def test_a_stroke_of_next_to_no_width_is_still_there() -> None:
    assert np.count_nonzero(fit(np.full((400, 2), 255, np.float32), 0)) == BOX


@pytest.mark.parametrize("width", [1, 5, 11])
def test_a_stroke_is_as_wide_as_its_pen(width: int) -> None:
    bar = np.zeros((100, 40), np.float32)
    bar[10:90, 10 : 10 + width] = 255
    assert stroke_width(bar) == pytest.approx(width, abs=0.1)


def test_strokes_grow_by_the_width_that_is_missing() -> None:
    bar = np.zeros((100, 40), np.float32)
    bar[:, 18:21] = 255
    middle = fit(bar, 7)[SIDE // 2]  # of (3 + 7) pixels, five to one of the result
    assert middle.sum() == pytest.approx(255 * 10 * BOX / 100, rel=0.05)


def test_the_width_that_is_missing_is_that_of_a_stroke_that_would_fade() -> None:
    assert missing_width(np.zeros((100, 40), np.float32), 3.0) == 7  # two pixels of the result are ten
    assert missing_width(np.zeros((100, 40), np.float32), 11.0) == 0
    assert missing_width(np.zeros((BOX, 8), np.float32), 1.0) == 0  # it has MNIST's form, and is only copied
