"""What one candidate is to another."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.candidates import Candidate
from inference_image.ink import Inked, Sizes, under_light
from inference_image.parts import Map, parts_above

PALM = slice(100, 158), slice(90, 145)  # rows, columns: narrow enough to stand out, too wide for a stroke
FINGER = slice(60, 100), slice(90, 104)


def _seen(light: NDArray[np.float64]) -> list[Inked]:
    """See dark ink, and light ink, on a sheet of which (256, 256) in [0, 1] is left."""
    picture = (cv2.GaussianBlur(light, (0, 0), 1)[..., None] * (230, 225, 215)).astype(np.uint8)
    return under_light(Sizes.of(picture))


def _parts(inked: Inked) -> list[Candidate]:
    searched = Map.of(inked)
    parts = parts_above(searched.ink, 20)
    nowhere = np.zeros(len(parts), np.bool_)
    return [Candidate(searched, parts, part, {}, nowhere, 0.0) for part in range(len(parts))]


def test_a_finger_is_a_piece_of_the_shadow_of_a_hand_and_the_digit_in_it_is_not() -> None:
    light = np.ones((256, 256))
    light[PALM] = light[FINGER] = 0.6
    cv2.polylines(
        light, [np.array([(105, 115), (125, 115), (112, 145)])], isClosed=False, color=0.2, thickness=3
    )
    dark, _ = _seen(light)
    hand, *_ = _parts(dark)
    pieces = {one.parts.top[one.part] < PALM[0].start: one.is_piece_of(hand) for one in _parts(dark.narrowed)}
    assert pieces == {True: True, False: False}


def test_the_paper_that_strokes_surround_is_between_them() -> None:
    light = np.ones((256, 256))
    cv2.ellipse(light, (128, 128), (24, 34), 0, 20, 340, 0.3, 12)
    [ring], [paper, *_] = map(_parts, _seen(light))
    assert paper.is_between(ring)
    assert not ring.is_between(paper)


def test_chalk_on_a_slate_is_not_between_strokes() -> None:
    light = np.ones((256, 256))
    light[100:156, 100:156] = 0.3
    cv2.line(light, (120, 112), (134, 144), 0.8, 5)
    [slate], chalk = map(_parts, _seen(light))
    assert chalk
    assert not any(one.is_between(slate) for one in chalk)


def test_what_stands_in_a_shadow_is_not_between_strokes_where_the_lit_paper_is_around_the_shadow() -> None:
    light = np.full((256, 256), 0.5)
    cv2.ellipse(light, (128, 128), (70, 90), 0, -60, 240, 1, 24)  # open above, as around a hand's shadow
    cv2.polylines(
        light, [np.array([(115, 150), (140, 150), (122, 190)])], isClosed=False, color=0.2, thickness=4
    )
    dark, lit = map(_parts, _seen(light))
    around = max(lit, key=lambda one: one.parts.size[one.part])
    written = next(one for one in dark if one.parts.size[one.part] < 60)
    assert not written.is_between(around)
