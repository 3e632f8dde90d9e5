"""What was printed before somebody wrote there: lines under and across a digit, and a box that it touches."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.parts import Mask, Parts
from inference_image.ranks import percentiles
from inference_image.shapes import BAR, HAIR, LEANING, RIM, is_table, leaning

_ACROSS, _LEVEL = 0.3, 0.07  # of the picture's width, its slope: a long printed line; many arrows lean
_SHORT = 0.08  # of the picture's width is a line, at least
_BARE = 0.3  # of its columns hold the line alone, where something stands on one
_STANDS = 0.12  # of its length is what stands on a line at least; the hook of a 5's bar is smaller
_FINE = 4  # pixels of the searched picture: a short line is no thicker
_PAST = 0.08  # of its length it goes on at both ends, unless it is long
_HEAD = 0.5  # of what an arrow's head reaches to one side of its shaft it does to the other, at least
_TIP = 5  # times a line's thickness from its end an arrow's head parts from it
_RUN = 0.12  # of the picture's width: so much of a line from edge to edge is level, or leans by a pixel
_BEYOND = 1.25  # times as long as what stands on it is a line; the foot of a 2 and the bar of a 7 are shorter
_BOX, _HOLLOW = 0.08, 0.7  # of the picture's longer side, of it is inked: a box, with what is in it
_CLOSED = 0.4  # of the part's box is within its outline, of a box that leans or is crossed
_CROSSES = 0.35  # of its shorter side: what reaches out of a box is narrower
_LEFT_OVER = 0.8  # of what is within its outline is left without that, at least
_CORNERS = 0.92  # of the rectangle around it; of a 0 no more than 0.79, of one with corners 0.9
_AROUND = 3  # pixels: so exactly is known where a box ends
_WRITTEN = 0.45  # of the box's height is what is written in it, at least; the tail of a square 0 is less
_FILLED, _THIN = 0.3, 0.12  # of its box, of its length: a bar fills more, and is thinner


class _Rectangle(NamedTuple):
    """Where in a part's box its outline is, (x, y) each, in pixels, and by how many degrees it leans."""

    centre: tuple[float, float]
    sides: tuple[float, float]
    lean: float


class _Edge(NamedTuple):
    """How deep a line lies in each column of a strip, (n,), and how thick it is, in pixels."""

    depth: NDArray[np.floating[Any]]
    thickness: float


class _Ruled(NamedTuple):
    """A line through a part, (height, width), how thick it is, and whether it ends as an arrow does."""

    mask: NDArray[np.bool_]
    thickness: float
    may_be_a_shaft: bool


def printed(parts: Parts) -> Iterator[Mask]:
    """Mark the lines that something stands on or crosses, the boxes that it touches: (height, width) each."""
    for part in range(len(parts)):
        for lines in (_ruling(parts, part), _line_under(parts, part), _box_around(parts, part)):
            if lines is not None:
                yield lines


def _line_under(parts: Parts, part: int) -> Mask | None:
    """Mark a line that was there before something was written on it, and runs on beside it: (height, width).

    None where there is none, or nothing stands on it. Where a stroke touches the line both are left, as where
    staves are removed from music (Bainbridge and Bell 1997).
    """
    left, top, width, height = parts.boxes[:, part].astype(int)
    if width < max(_BEYOND * height, _SHORT * parts.labels.shape[1]):
        return None
    alone = parts.alone(part)
    inked = np.count_nonzero(alone, axis=0)
    first, last = alone.argmax(0), height - 1 - alone[::-1].argmax(0)
    bare = np.flatnonzero((inked <= max(HAIR * width, _FINE)) & (last - first < inked))
    if len(bare) < _BARE * width:
        return None
    middle, thickness = (first + last)[bare] / 2, np.median(inked[bare])
    slope, start = _line(bare, middle)
    bare = bare[np.abs(slope * bare + start - middle) <= 1]
    if len(bare) < _BARE * width or abs(slope) > _LEVEL:
        return None
    below = np.arange(height)[:, None] - (slope * np.arange(width) + start)
    away = np.abs(below)
    beside = alone & (away > thickness / 2 + 1)
    if not _runs_on(below, beside, thickness, is_long=width >= _ACROSS * parts.labels.shape[1]):
        return None
    _, labels, stats, _ = cv2.connectedComponentsWithStats(beside.view(np.uint8))
    stats[0] = 0  # what is not beside
    ticks, sides, runs = _ticks(stats, thickness), stats[:, 2:4].max(axis=1), np.ptp(bare)
    if sides.max() <= _STANDS * runs or np.delete(sides, ticks).max() >= runs / _BEYOND:
        return None
    rest = beside & ~np.isin(labels, ticks)
    touched = (rest & (away <= thickness / 2 + 2)).any(axis=0)
    line = np.zeros(parts.labels.shape, np.uint8)
    line[top : top + height, left : left + width] = alone & ~(touched | rest)
    return line


def _ruling(parts: Parts, part: int) -> Mask | None:
    """Mark the lines that run straight from edge to edge of the picture, where nothing touches them.

    (height, width). None where there are none, one that may be an arrow's shaft, or nothing but bars between
    them. A table that something stands in alone is left whole.
    """
    if parts.edges[part] < 2 or is_table(parts, part):
        return None
    left, top, width, height = parts.boxes[:, part].astype(int)
    alone = parts.alone(part)
    down, across = parts.labels.shape
    lines = [*_through(alone, across)]
    lines += [line._replace(mask=line.mask.T) for line in _through(alone.T, down)]
    if not lines or (len(lines) == 1 and lines[0].may_be_a_shaft):
        return None
    ruled = np.any([line.mask for line in lines], axis=0)
    beside = (alone & ~ruled).view(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(beside)
    shorter, longer = np.sort(stats[1:, 2:4]).T
    if not (shorter > 2 * lines[0].thickness + 2 + _LEVEL * longer).any():
        return None
    untouched = cv2.dilate(beside, np.ones((3, 3), np.uint8)) == 0
    marked = np.zeros(parts.labels.shape, np.uint8)
    marked[top : top + height, left : left + width] = ruled & untouched
    return marked


def _through(alone: NDArray[np.bool_], across: int) -> Iterator[_Ruled]:
    """Find what runs straight through a part, (height, width), and the picture, which is `across` wide."""
    height, width = alone.shape
    if width < max(2, across - 2):
        return
    thick = cv2.dilate(alone.view(np.uint8), np.ones((3, 1), np.uint8))  # it may lean
    level = np.ones((1, int(_RUN * width) + 1), np.uint8)
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, level, borderType=cv2.BORDER_REPLICATE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(runs & alone.view(np.uint8))
    for name in np.flatnonzero(stats[1:, 2] >= width - 2) + 1:
        line = labels == name
        inked = np.count_nonzero(line, axis=0)
        columns = np.flatnonzero(inked)
        middle = line.argmax(axis=0)[columns] + (inked[columns] - 1) / 2
        thickness = float(np.median(inked[columns]))
        slope, start = _line(columns, middle)
        near = np.abs(slope * columns + start - middle) <= 1
        if thickness > HAIR * width or np.count_nonzero(near) < _BARE * width:
            continue
        slope, start = _line(columns[near], middle[near])
        below = np.arange(height)[:, None] - (slope * np.arange(width) + start)
        mask = alone & (np.abs(below) <= thickness / 2 + 1)
        yield _Ruled(mask, thickness, not _runs_on(below, alone & ~mask, thickness, is_long=True))


def _runs_on(
    below: NDArray[np.float64], beside: NDArray[np.bool_], thickness: float, *, is_long: bool
) -> bool:
    """Tell whether a line goes on beyond what is beside it: an arrow's head ends it, to either side alike.

    From how far each pixel lies below the line, and whether it is ink beside it: (height, width) each.
    """
    columns = np.flatnonzero(beside.any(axis=0))
    if not len(columns):
        return False
    width = beside.shape[1]
    end = min(columns[0], width - 1 - columns[-1])
    up, down = -below.min(where=beside, initial=0), below.max(where=beside, initial=0)
    is_head = end < _TIP * thickness and _HEAD * up < down < up / _HEAD
    return bool(not is_head and (is_long or end > _PAST * width))


def _ticks(stats: NDArray[np.int32], thickness: float) -> NDArray[np.intp]:
    """Choose what stands on a line in a row, equally high and as thin as it: the ticks of a comb.

    From OpenCV's statistics (n, 5) of what stands there, to indices into them.
    """
    thin = np.flatnonzero((stats[:, 2] <= 2 * thickness + 2) & (stats[:, 3] > 3 * thickness))
    heights = stats[thin, 3]
    ticks = thin[np.abs(heights - np.median(heights)) <= 2] if len(thin) else thin
    return ticks if len(ticks) > 1 else ticks[:0]


def _box_around(parts: Parts, part: int) -> Mask | None:
    """Mark the sides of a box that what is written in it touches or crosses: (height, width).

    None where there is no box, or nothing in it. Where a stroke touches a side both are left.
    """
    left, top, width, height = parts.boxes[:, part].astype(int)
    is_large = min(width, height) > _BOX * max(parts.labels.shape)
    if not is_large or parts.area[part] > _HOLLOW * width * height:
        return None
    if (box := _rectangle(parts, part)) is None:
        return None
    turn = cv2.getRotationMatrix2D(box.centre, box.lean, 1).astype(np.float64)
    turn[:, 2] += np.array(box.sides) / 2 + _AROUND - box.centre
    across, down = (round(side) + 2 * _AROUND + 1 for side in box.sides)
    alone = parts.alone(part)
    upright = cv2.warpAffine(alone.view(np.uint8), turn, (across, down), flags=cv2.INTER_NEAREST) > 0
    outline = _sides(upright)
    if outline is None or not _holds_something(upright & ~outline):
        return None
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    back = cv2.warpAffine(outline.view(np.uint8), turn, (int(width), int(height)), flags=flags)
    lines = np.zeros(parts.labels.shape, np.uint8)
    lines[top : top + height, left : left + width] = alone & (back > 0)
    return lines


def _rectangle(parts: Parts, part: int) -> _Rectangle | None:
    """Find the rectangle that the part's outline is, but for what reaches out of it."""
    outline, alone = parts.outline(part), parts.alone(part)
    if cv2.contourArea(outline) < _CLOSED * alone.size:
        return None
    filled = np.zeros(alone.shape, np.uint8)
    cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
    opening = np.ones((int(_CROSSES * min(alone.shape)),) * 2, np.uint8)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, opening, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) != 1 or cv2.countNonZero(opened) < _LEFT_OVER * cv2.countNonZero(filled):
        return None
    centre, (one, other), angle = cv2.minAreaRect(outlines[0])
    lean = leaning(angle)
    if cv2.contourArea(outlines[0]) < _CORNERS * one * other or abs(lean) > LEANING:
        return None
    sides = (one, other) if abs(angle - lean) < 45 else (other, one)
    return _Rectangle((centre[0], centre[1]), sides, lean)


def _sides(box: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Mark the sides of an upright box, (height, width) with `_AROUND` pixels around it, and bars in it.

    What touches them is left. None where it has not four thin sides.
    """
    strips = [np.rot90(box, turn)[: 2 * _AROUND + int(RIM * box.shape[turn % 2])] for turn in range(4)]
    edges: list[_Edge] = []
    for strip in strips:
        if (edge := _edge(strip)) is None:
            return None
        edges.append(edge)
    thickness = min(edge.thickness for edge in edges)  # all are of one pen
    if thickness > RIM * min(box.shape):
        return None
    outline = np.zeros_like(box)
    for turn, (strip, edge) in enumerate(zip(strips, edges, strict=True)):
        rows, columns = np.arange(len(strip)), np.arange(strip.shape[1])
        below = rows[:, None] - edge.depth
        side = strip & (below > -2) & (below < thickness + 0.5)
        touched = (strip & ~side & (below > -3) & (below < thickness + 1.5)).any(axis=0)
        corner = 2 * _AROUND + int(thickness)
        touched &= (columns >= corner) & (columns < len(columns) - corner)
        marked = np.rot90(outline, turn)[: len(strip)]  # a view
        np.logical_or(marked, side & ~touched, out=marked)
    return outline | _bars(box, thickness)


def _bars(box: NDArray[np.bool_], thickness: float) -> NDArray[np.bool_]:
    """Mark the bars between boxes in a row, (height, width), as thin as the sides.

    What touches them is left.
    """
    bars = np.zeros_like(box)
    inked = box[2 * _AROUND : -2 * _AROUND].mean(axis=0) > BAR
    starts, ends = np.flatnonzero(np.diff(inked, prepend=False, append=False)).reshape(-1, 2).T
    for start, end in zip(starts, ends, strict=True):
        if end - start < thickness + 2 and 2 * _AROUND <= start <= end < box.shape[1] - 2 * _AROUND:
            touched = box[:, start - 2] | box[:, end + 1]
            bars[:, start - 1 : end + 1] = box[:, start - 1 : end + 1] & ~touched[:, None]
    return bars


def _edge(strip: NDArray[np.bool_]) -> _Edge | None:
    """Find the side of a box in a strip (rows, n) from its outside inwards.

    Here and there something crosses it, and something inside may touch most of it.
    """
    columns, rows = np.arange(strip.shape[1]), np.arange(len(strip))[:, None]
    first = strip.argmax(axis=0)
    clear = strip.any(axis=0) & (columns >= 2 * _AROUND) & (columns < len(columns) - 2 * _AROUND)
    if not clear.any():
        return None
    away = first - np.median(first[clear])
    crossed, clear = clear & (away < -2), clear & (np.abs(away) <= 2)
    inked, length = np.count_nonzero(crossed | clear), len(columns) - 4 * _AROUND
    if inked < BAR * length or np.count_nonzero(clear) < max(BAR / 2 * length, 2):
        return None
    slope, start = _line(columns[clear], first[clear])
    ends = np.where(strip | (rows < first), len(strip), rows).min(axis=0)
    thickness, *_ = percentiles((ends - first)[clear].astype(np.float32), 25)
    return _Edge(slope * columns + start, thickness)


def _line(across: NDArray[np.int64], down: NDArray[Any]) -> tuple[float, float]:
    """Fit a line's slope and start by least squares; np.polyfit takes ten times as long for so few points."""
    middle = across.mean()
    slope = float((across - middle) @ down / ((across - middle) @ (across - middle)))
    return slope, float(down.mean() - slope * middle)


def _holds_something(within: NDArray[np.bool_]) -> bool:
    """Tell whether what is left of a box without its sides is more than specks and bars."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(within.view(np.uint8))
    _, _, width, height, area = stats[1:].T
    bars = (height > BAR * len(within)) & (area > _FILLED * width * height) & (width < _THIN * height)
    return bool(((height > _WRITTEN * len(within)) & ~bars).any())
