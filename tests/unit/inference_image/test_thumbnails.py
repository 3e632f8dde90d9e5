"""Which images have no more detail than a thumbnail, and what is seen of them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference_image.finding import find_digits
from inference_image.thumbnails import is_thumbnail

# How much of each of eight by eight places is ink, in sixteenths: a 3 that fills the image.
THREE = np.array(
    [
        [5, 14, 16, 16, 16, 16, 13, 3],
        [4, 10, 8, 8, 9, 15, 16, 9],
        [0, 0, 0, 0, 2, 13, 16, 6],
        [0, 0, 9, 16, 16, 15, 7, 0],
        [0, 0, 3, 6, 8, 14, 16, 6],
        [0, 0, 0, 0, 0, 3, 16, 14],
        [9, 8, 4, 4, 7, 13, 16, 9],
        [10, 16, 16, 16, 16, 13, 7, 0],
    ],
    np.float32,
)
METHODS = [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]


def _enlarged(side: int, method: int, *, light: bool = False) -> NDArray[np.uint8]:
    ink = cv2.resize(THREE, (side, side), interpolation=method).clip(0, 16) / 16
    grey = np.rint(255 * (ink if light else 1 - ink)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _gradient(side: int) -> NDArray[np.uint8]:
    grey = np.rint(np.linspace(225, 120, side)[:, None] * np.ones(side)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("side", [8, 64, 100, 250, 1000])
def test_what_was_enlarged_is_a_thumbnail_all_the_same(side: int, method: int) -> None:
    assert is_thumbnail(_enlarged(side, method))


def test_a_drawing_has_more_detail() -> None:
    drawing = np.full((280, 280, 3), 255, np.uint8)
    cv2.line(drawing, (180, 60), (110, 220), (0, 0, 0), 18, cv2.LINE_AA)
    assert not is_thumbnail(drawing)


def test_a_blurred_photograph_of_an_enlarged_digit_has_more_detail() -> None:
    noise = np.random.default_rng(0).normal(0, 6, (300, 300, 3))
    assert not is_thumbnail((0.7 * _enlarged(300, cv2.INTER_CUBIC) + noise).clip(0, 255).astype(np.uint8))


def test_light_that_falls_off_is_no_paper_of_one_colour() -> None:
    assert not is_thumbnail(_gradient(200))


@pytest.mark.parametrize(("side", "blur"), [(160, 2), (500, 6), (500, 8), (800, 12)])
def test_a_photograph_out_of_focus_is_none_for_light_falls_off_on_its_paper(side: int, blur: int) -> None:
    photo = np.linspace(230, 180, side, dtype=np.float32) * np.ones((side * 3 // 4, 1), np.float32)
    cv2.line(photo, (side // 2, side // 6), (side // 3, side // 2), 40, side // 16, cv2.LINE_AA)
    blurred = np.rint(cv2.GaussianBlur(photo, (0, 0), blur)).astype(np.uint8)
    assert not is_thumbnail(np.repeat(blurred[..., None], 3, axis=2))


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_of_a_digit_that_fills_its_thumbnail_all_is_seen(method: int, *, light: bool) -> None:
    """The border does not tell the paper's colour, so both ways are handed on."""
    found = {one.inverted: one for one in find_digits(_enlarged(200, method, light=light))}
    assert set(found) == {False, True}
    seen = found[light]
    assert seen.box == pytest.approx((0, 0, 200, 200), abs=8)
    shares = np.asarray(Image.fromarray(seen.ink).resize((8, 8), Image.Resampling.BOX)) / 255
    assert np.abs(shares - THREE / 16).mean() < 0.1


def test_on_paper_that_shows_around_it_ink_is_seen_one_way() -> None:
    around = np.pad(_enlarged(200, cv2.INTER_NEAREST), ((100, 100), (100, 100), (0, 0)), constant_values=255)
    assert [one.inverted for one in find_digits(around)] == [False]
