"""What a view of a drawn image shows is known from the image without its mark."""

import cv2
import numpy as np
import pytest

from inference_image.decoding import decode
from inference_image.limits import Limits
from model_training.generator import TRAINING, drawn_twice, seen
from model_training.kinds import png
from model_training.marks import NOT_A_DIGIT
from model_training.truth import box_of, is_shown

MARK = (100, 50, 40, 60)  # left, top, width, height


@pytest.mark.parametrize(
    ("view", "shows"),
    [
        (MARK, True),
        ((95, 45, 50, 70), True),
        ((10, 10, 40, 60), False),
        ((0, 0, 400, 300), False),
        (None, False),
        ((100, 50, 40, 25), None),
        ((70, 20, 70, 90), None),
        ((0, 40, 150, 150), None),
    ],
    ids=[
        "the mark",
        "a little more",
        "something else",
        "the sheet",
        "nothing",
        "half of it",
        "and a line",
        "and a pen",
    ],
)
def test_a_view_shows_the_mark_or_something_else_or_neither_is_clear(
    view: tuple[int, int, int, int] | None, *, shows: bool | None
) -> None:
    assert is_shown(view, MARK) is shows


def test_of_a_mark_that_nobody_sees_no_view_is_known() -> None:
    assert is_shown(MARK, None) is None


@pytest.mark.parametrize(("ink", "box"), [(60, MARK), (218, None)])
def test_the_mark_is_where_two_images_differ_if_that_can_be_seen(
    ink: int, box: tuple[int, int, int, int] | None
) -> None:
    without = np.full((300, 400, 3), 220, np.uint8)
    left, top, width, height = MARK
    pixels = without.copy()
    pixels[top : top + height, left : left + width] = ink
    found = box_of(png(pixels), png(without))
    assert found == (box and pytest.approx(box, abs=4))


@pytest.mark.parametrize("kind", ["canvas", "scan", "board", "photo", "scene"])
def test_what_is_drawn_again_without_its_mark_is_the_same_elsewhere(kind: str) -> None:
    for example, _, faint in drawn_twice(TRAINING, 12, (0, 1), [kind]):
        here, there = (decode(file, Limits()).pixels.astype(np.float32) for file in (example.file, faint()))
        changed = cv2.GaussianBlur(np.abs(here - there).max(2), (0, 0), 2) > 0.3 * np.abs(here - there).max()
        assert changed.mean() < 0.4
        assert np.median(np.abs(here - there)[~changed]) < 6


def test_of_images_of_digits_the_views_of_something_else_are_known() -> None:
    views = seen(TRAINING, 200, 0, lambda _: None)
    digits = views.targets >= 0
    shown = np.unique(views.examples[views.shown >= 0])
    assert len(shown) > 0.95 * len(np.unique(views.examples[digits]))
    assert (views.shown[views.shown >= 0] == views.targets[views.shown >= 0]).all()
    assert (views.shown[~digits] == NOT_A_DIGIT).all()
    assert (views.shown[digits] == NOT_A_DIGIT).any()
