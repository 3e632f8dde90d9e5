"""What a shape alone tells."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from inference_image.ink import Ink
from inference_image.parts import parts_above
from inference_image.shapes import is_no_digit, is_sheet

Draw = Callable[[Ink], object]
SIDE = 200  # pixels


def _drawn(draw: Draw) -> Ink:
    ink = np.zeros((SIDE, SIDE), np.float32)
    draw(ink)
    return cv2.GaussianBlur(ink, (0, 0), 0.8).astype(np.float32)


def _is(shape: Callable[..., bool], draw: Draw) -> bool:
    return shape(parts_above(_drawn(draw), 100), 0)


def _rectangle(width: int, height: int, angle: float = 0) -> Draw:
    corners = cv2.boxPoints(((100.0, 100.0), (float(width), float(height)), angle)).astype(np.int32)
    return lambda ink: cv2.fillConvexPoly(ink, corners, 255.0)


def _written_on(ink: Ink) -> None:
    """Write a large 0 on a turned sheet, in what is no ink to it."""
    _rectangle(150, 140, 12)(ink)
    cv2.ellipse(ink, (100, 100), (40, 55), 0, 0, 360, 0.0, 10)


def _comb(ink: Ink) -> None:
    for left in range(10, 180, 30):
        cv2.rectangle(ink, (left, 80), (left + 30, 110), 255.0, 2)


def _row_askew(ink: Ink) -> None:
    upright = np.zeros_like(ink)
    for left in (20, 70, 120):
        cv2.rectangle(upright, (left, 70), (left + 50, 130), 255.0, 3)
    turn = cv2.getRotationMatrix2D((100, 100), 4, 1)
    cv2.warpAffine(upright, turn, ink.shape, dst=ink)


def _leaning_0(ink: Ink) -> None:
    corners = cv2.boxPoints(((100.0, 100.0), (100.0, 135.0), 9.0)).astype(np.int32)
    cv2.polylines(ink, [corners], True, 255.0, 6)


def _row_cut_off(ink: Ink) -> None:
    cv2.rectangle(ink, (20, 70), (80, 130), 255.0, 3)
    cv2.rectangle(ink, (80, 70), (140, 130), 255.0, 3)
    for height in (70, 130):
        cv2.line(ink, (140, height), (160, height), 255.0, 3)


SHEETS: dict[str, Draw] = {
    "upright": _rectangle(120, 90),
    "turned": _rectangle(120, 90, 15),
    "turned by half": _rectangle(80, 80, 45),
    "written on": _written_on,
    "oval": lambda ink: cv2.ellipse(ink, (100, 100), (95, 80), 0, 0, 360, 255.0, cv2.FILLED),
}
STROKES: dict[str, Draw] = {
    "a 1": lambda ink: cv2.line(ink, (110, 40), (95, 160), 255.0, 12),
    "a 1 from edge to edge": lambda ink: cv2.line(ink, (110, 0), (95, 199), 255.0, 16),
    "a thick 1": _rectangle(150, 40, 60),
    "a 0": lambda ink: cv2.ellipse(ink, (100, 100), (60, 80), 0, 0, 360, 255.0, 10),
    "a thick 0": lambda ink: cv2.ellipse(ink, (100, 100), (60, 70), 0, 0, 360, 255.0, 50),
    "a round 0": lambda ink: cv2.circle(ink, (100, 100), 60, 255.0, 10),
    "a square 0": lambda ink: cv2.rectangle(ink, (60, 30), (140, 170), 255.0, 10),
    "a square 0 that leans": _leaning_0,
    "half of a broken 0": lambda ink: cv2.polylines(
        ink, [np.array([[60, 120], [60, 40], [140, 40], [140, 120]])], False, 255.0, 8
    ),
    "a 7": lambda ink: cv2.polylines(ink, [np.array([[50, 40], [140, 40], [80, 170]])], False, 255.0, 12),
}
NO_DIGITS: dict[str, Draw] = {
    "dot": lambda ink: cv2.circle(ink, (50, 60), 9, 255.0, cv2.FILLED),
    "band": lambda ink: cv2.rectangle(ink, (0, 0), (199, 40), 255.0, cv2.FILLED),
    "margin": lambda ink: cv2.line(ink, (40, 0), (70, 199), 255.0, 2),
    "box": lambda ink: cv2.rectangle(ink, (60, 70), (140, 150), 255.0, 4),
    "border": lambda ink: cv2.rectangle(ink, (4, 4), (195, 195), 255.0, 3),
    "comb": _comb,
    "row of boxes askew": _row_askew,
    "row of boxes that is cut off": _row_cut_off,
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_surface_is_a_sheet_however_it_is_turned(name: str) -> None:
    assert _is(is_sheet, SHEETS[name])
    assert not _is(is_no_digit, SHEETS[name])


@pytest.mark.parametrize("name", NO_DIGITS)
def test_dots_bands_margins_and_empty_boxes_are_no_digits(name: str) -> None:
    assert _is(is_no_digit, NO_DIGITS[name])


@pytest.mark.parametrize("name", STROKES)
def test_strokes_are_neither(name: str) -> None:
    assert not _is(is_sheet, STROKES[name])
    assert not _is(is_no_digit, STROKES[name])


@pytest.mark.parametrize("side", [1, 2, 3])
def test_what_is_next_to_nothing_can_be_asked_as_well(side: int) -> None:
    parts = parts_above(np.pad(np.full((side, side), 255, np.float32), 20), 100)
    assert not is_sheet(parts, 0)
    assert is_no_digit(parts, 0)
