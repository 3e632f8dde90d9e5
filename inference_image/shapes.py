"""What a part's shape alone says: that it is a surface to write on, or that nobody wrote it as a digit."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.parts import STRAIGHT, Parts

_WIDE, _FILLED = 0.4, 0.75  # of the picture's sides and of its box: a surface of any outline
_LEAST = 0.3  # of the picture's shorter side: a sheet that is a rectangle
_LEFT = 0.5  # of what is within its outline is not written over
_SLIM = 0.3  # of its length: what is slimmer is a stroke
_BARREL = 0.12  # of its length is a pen's width
_DOT = 0.8  # of its size is its thickest place
_BAND = 0.9  # of its box is filled
HAIR = 0.05  # of its length: what is so narrow from edge to edge of the picture is ruled, not written
_SQUARE = 0.8  # of its height: a box that is narrower may be a 0 of straight strokes
_BORDER = 0.08  # of the picture's sides: a box so near to all edges is a border, however narrow
RIM, _INSIDE = 0.1, 0.2  # of a box's sides: an outline stays within the one, a 0 does not
_ASKEW, LEANING = 0.3, 12.0  # degrees by which a box is turned before its sides are looked at
BAR = 0.8  # of its length is inked: a side of a box, or a bar in it


def is_sheet(parts: Parts, part: int) -> bool:
    """Whether it is a large filled surface rather than strokes.

    A rectangle may be turned, and have holes: a digit on it, and what that encloses, is no part of it.
    """
    _, _, width, height = parts.boxes[:, part]
    down, across = parts.labels.shape
    filled = parts.area[part] / (width * height)
    if filled > _FILLED and width > _WIDE * across and height > _WIDE * down:
        return True
    least = _LEAST * min(down, across)
    # Before the outline is followed: turned by 45° a square fills half of its box.
    if min(width, height) < least or filled < _LEFT * STRAIGHT / 2:
        return False
    outline = parts.outline(part)
    shorter, longer = _least_sides(outline)
    within = cv2.contourArea(outline)
    is_rectangle = within > STRAIGHT * shorter * longer and shorter > max(least, _SLIM * longer)
    return bool(is_rectangle and parts.area[part] > _LEFT * within)


def is_table(parts: Parts, part: int) -> bool:
    """Whether it is lines around something, as a form has them, that run on beyond the picture."""
    is_thin = parts.thickness[part] < HAIR * parts.size[part]
    return bool(is_thin and parts.edges[part] >= 2 and parts.holds[:, part].any())


def is_straight(parts: Parts, part: int) -> bool:
    """Whether it is a bar, as a pen is, in any direction."""
    shorter, longer = _least_sides(parts.outline(part))
    return shorter < _BARREL * longer


def is_no_digit(parts: Parts, part: int) -> bool:
    """Whether it is a dot, a band at an edge, a line from edge to edge, or an empty box."""
    return any(shape(parts, part) for shape in (_is_dot, _is_band, _is_ruled, _is_empty_box))


def _is_dot(parts: Parts, part: int) -> bool:
    return bool(parts.thickness[part] > _DOT * parts.size[part]) and not is_sheet(parts, part)


def _is_band(parts: Parts, part: int) -> bool:
    return bool(parts.edges[part] >= 3 and parts.area[part] > _BAND * parts.width[part] * parts.height[part])


def _is_ruled(parts: Parts, part: int) -> bool:
    """Whether it is straight, thin and ends at two edges of the picture: a margin, the edge of something."""
    length = np.hypot(parts.width[part], parts.height[part])
    if parts.edges[part] < 2 or parts.area[part] > HAIR * length**2:
        return False
    shorter, longer = _least_sides(parts.outline(part))
    return shorter < HAIR * longer


def _is_empty_box(parts: Parts, part: int) -> bool:
    """Whether it is a rectangle's outline, with bars or without: no 0 has four corners."""
    height, width = parts.labels.shape
    left, top, across, down = parts.boxes[:, part]
    gaps = left / width, top / height, 1 - (left + across) / width, 1 - (top + down) / height
    is_border = max(gaps) <= _BORDER
    if not is_border and across < _SQUARE * down:  # upright it is narrower still
        return False
    box = _upright(parts, part)
    if not is_border and box.shape[1] < _SQUARE * box.shape[0]:
        return False
    rim, inside = (np.ceil(np.multiply(share, box.shape)).astype(int) for share in (RIM, _INSIDE))
    sides = box[: rim[0]], box[-rim[0] :], box[:, : rim[1]].T, box[:, -rim[1] :].T
    above, below, *ends = (side.any(0).mean() > BAR for side in sides)
    within = box[inside[0] : -inside[0], inside[1] : -inside[1]]
    if not (within.size and above and below):
        return False
    bars = (within.mean(0) > BAR).any()  # a row of boxes may be cut off at one end
    empty = _without_bars(within)
    return bool(sum(ends) + bars >= 2 and empty.size and not empty.any())


def _upright(parts: Parts, part: int) -> NDArray[np.bool_]:
    """Cut out the part, and turn what leans a little, as a form that was laid askew."""
    alone = parts.alone(part)
    centre, _, angle = cv2.minAreaRect(parts.outline(part))
    lean = leaning(angle)
    if not _ASKEW < abs(lean) < LEANING:
        return alone
    turn = cv2.getRotationMatrix2D(centre, lean, 1)
    turned = cv2.warpAffine(alone.view(np.uint8), turn, alone.shape[::-1], flags=cv2.INTER_NEAREST)
    left, top, width, height = cv2.boundingRect(turned)
    return turned[top : top + height, left : left + width].astype(np.bool_)


def leaning(angle: float) -> float:
    """Turn the angle of one of a rectangle's sides into how far it leans: from -45 to 45 degrees."""
    return (angle + 45) % 90 - 45


def _without_bars(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out the columns, then the rows, that are filled, and what is right beside them."""
    for _ in range(2):
        if mask.size:
            bars = (mask.mean(0) > BAR).astype(np.uint8)
            mask = mask[:, cv2.dilate(bars[None], np.ones((1, 5), np.uint8))[0] == 0].T
    return mask


def _least_sides(outline: cv2.typing.MatLike) -> tuple[float, float]:
    """Measure the least rectangle around an outline: its shorter and its longer side."""
    _, sides, _ = cv2.minAreaRect(outline)
    return min(sides), max(sides)
