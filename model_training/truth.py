"""Where in an image its mark is: known without labels, because it can be drawn twice.

Once with its mark and once, from the same random numbers, with next to none of it: they differ where it is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.decoding import decode
from inference_image.ink import MAP_SIDE, reduced
from inference_image.limits import Limits
from inference_image.parts import Mask as Binary

Box = tuple[float, float, float, float]  # left, top, width, height

FAINT = np.float32(0.02)  # of the ink: next to none of the mark, all else is as it was
_UNSEEN = 12.0  # grey levels: a fainter mark is not there for anybody
_MOST, _HALF, _LITTLE = 0.7, 0.5, 0.2  # of a box
_LEGIBLE = 0.3  # of the view's longer side: 6 of the 20 pixels that the network sees


def difference(pixels: NDArray[np.uint8], without: NDArray[np.uint8]) -> Binary | None:
    """Mark by 1 where two images (height, width, 3) differ, on the map that is searched.

    None if nobody could see a difference.
    """
    difference = np.abs(pixels.astype(np.float32) - without.astype(np.float32)).max(2)
    small = cv2.GaussianBlur(reduced(difference, MAP_SIDE), (0, 0), 1)
    strong = float(np.percentile(small, 99.9))
    return (small > 0.4 * strong).astype(np.uint8) if strong > _UNSEEN else None


def box_of(file: bytes, without: bytes) -> Box | None:
    """Find the box around the mark that only one of two files has, in pixels of the upright upload."""
    picture, other = (decode(one, Limits()) for one in (file, without))
    mark = difference(picture.pixels, other.pixels)
    if mark is None:
        return None
    scale = max(picture.pixels.shape) / max(mark.shape) * picture.reduction
    left, top, width, height = (scale * side for side in cv2.boundingRect(mark))
    return left, top, width, height


def is_shown(view: Box | None, mark: Box | None) -> bool | None:
    """Tell whether a view shows the mark, given the boxes of both; None where it shows a part of it, or more.

    The mark's box is None where nobody could see it, the view's where nothing was found.
    """
    if mark is None:
        return None
    if view is None:
        return False
    across, down = (_shared(view[side], view[side + 2], mark[side], mark[side + 2]) for side in (0, 1))
    of_the_view, of_the_mark = (across * down / (box[2] * box[3]) for box in (view, mark))
    if of_the_mark < _MOST:
        return False if of_the_view < _LITTLE else None
    if of_the_view > _HALF:
        return True
    return None if max(mark[2:]) > _LEGIBLE * max(view[2:]) else False


def _shared(start: float, length: float, other: float, its_length: float) -> float:
    return max(0, min(start + length, other + its_length) - max(start, other))
