import cv2
import numpy as np

from inference_image.ink import Ink
from inference_image.parts import Parts, parts_above


def _ring(inside: float) -> Parts:
    """See a ring of ink, over a floor of 60."""
    ink = np.zeros((100, 100), np.float32)
    cv2.circle(ink, (50, 50), 30, inside, cv2.FILLED)
    cv2.circle(ink, (50, 50), 30, 200, 6)
    return _above(ink, 60)


def _above(ink: Ink, floor: float) -> Parts:
    return parts_above(cv2.GaussianBlur(ink, (0, 0), 1).astype(np.float32), floor)


def test_a_part_is_known_by_its_box_its_centre_and_its_pixels_wherever_it_lies() -> None:
    ink = np.zeros((60, 100), np.float32)
    ink[40:50, 70:90] = 200
    parts = parts_above(ink, 60)
    assert parts.boxes.T.tolist() == [[70, 40, 20, 10]]
    assert (parts.x.tolist(), parts.y.tolist(), parts.area.tolist()) == ([79.5], [44.5], [200])
    assert (parts.mask(np.array([True])) == (ink > 0)).all()


def test_where_there_is_no_ink_there_are_no_parts() -> None:
    assert len(parts_above(np.zeros((60, 100), np.float32), 60)) == 0


def test_parts_are_the_same_over_a_floor_that_takes_the_blur_of_their_edges() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[20:80, 40:50] = 200
    assert _above(ink, 130).are_nearly(_above(ink, 50))


def test_what_was_filled_below_is_another_part() -> None:
    filled, open_ = _ring(100), _ring(0)
    assert (filled.boxes == open_.boxes).all()
    assert not open_.are_nearly(filled)


def test_what_reached_further_below_is_another_part() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[20:80, 40:50] = 200
    lined = ink.copy()
    lined[78:80] = 100
    assert not _above(ink, 60).are_nearly(_above(lined, 60))


def test_another_number_of_parts_are_others() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[20:80, 40:50] = 200
    two = ink.copy()
    two[20:80, 80:90] = 200
    assert not _above(ink, 60).are_nearly(_above(two, 60))


def test_levels_are_means_of_the_ink() -> None:
    ink = np.zeros((100, 100), np.float32)
    ink[20:40, 20:40], ink[60:70, 60:70] = 150, 90
    assert parts_above(ink, 50).level.tolist() == [150, 90]
