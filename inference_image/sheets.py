"""Find the sheet that lies among other things, and see what is on it in its own light."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.ink import DARK, Inked, Sizes, under_light
from inference_image.parts import Mask, fitted

_LEAST, _MOST = 0.06, 0.9  # of the picture is the sheet
_STRAIGHT = 0.8  # of the rectangle around a sheet is within its outline, tilted as it may be
_SOLID = 0.7  # of what is within is the sheet; the rest is written on or lies on it
_APERTURE = (
    7  # of the coarse picture's pixels: what is narrower does not connect two areas, nor is it an edge
)
_SHARP = 0.5  # of the whole difference, within an aperture, along so much of the outline: an edge
_CHECKS = 18  # side by side are as long as half of the picture
_CALMER = 40.0  # grey levels from one check to the next; wood and shadows change less
_BORDER = 0.03  # of the picture's shorter side: a border is no deeper
_ONE_COLOUR = 24  # of 255: colours that differ by less are one
_PLAIN, _OTHER = 0.9, 0.5  # of a line has the border's colour, at least in it, at most further inwards
_OUTLINE = 2  # pixels inside the outline the sheet's own ink begins


def within_border(picture: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Find the rows and columns inside a border of one colour, as a canvas or a screenshot of it may have.

    Or inside several, as where a page shows around one. Without a border they are all.
    """
    (top, bottom, left, right), (height, width) = _border(picture), picture.shape[:2]
    if not top:
        return slice(0, height), slice(0, width)
    rows, columns = within_border(picture[top : height - bottom, left : width - right])
    return slice(rows.start + top, rows.stop + top), slice(columns.start + left, columns.stop + left)


def _border(picture: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Measure how deep the outermost border is at the top, bottom, left and right; all 0 without one.

    Paper goes on further inwards, and around a digit that is closely cropped so does most of it.
    """
    height, width = picture.shape[:2]
    deepest = int(_BORDER * min(height, width)) + 1
    if min(height, width) <= 2 * (deepest + 1):
        return 0, 0, 0, 0
    sides = picture, picture[::-1], picture.swapaxes(0, 1), picture.swapaxes(0, 1)[::-1]
    colour = np.median(picture[0], axis=0)
    depths = []
    for side in sides:
        if _plain(side[0], colour) < _PLAIN or _plain(side[deepest], colour) > _OTHER:
            return 0, 0, 0, 0
        first = next(depth for depth in range(1, deepest + 1) if _plain(side[depth], colour) < _PLAIN)
        if _plain(side[first + 1], colour) > _OTHER:
            return 0, 0, 0, 0
        depths.append(first + 1)  # where it fades into the paper
    top, bottom, left, right = depths
    return top, bottom, left, right


def _plain(line: NDArray[np.uint8], colour: NDArray[np.float64]) -> float:
    """Measure which share of a line of pixels (n, 3) has a colour."""
    return float((np.abs(line - colour).max(axis=1) < _ONE_COLOUR).mean())


def lightest(sizes: Sizes) -> Mask | None:
    """Outline the sheet on a desk that is not even, on the map; None if there is none.

    Paper has less colour than wood or cloth, which no shadow changes, or is lighter than what is around it,
    or nothing changes there, as the checks of a cloth do.
    """
    for level, seen, enough in _levels(cv2.split(np.rint(sizes.coarse).astype(np.uint8))):
        sheet = _rectangle(level)
        if sheet is not None and _has_an_edge(sheet, level) and _above(sheet, seen) > enough:
            return fitted(sheet, sizes.searched.shape[:2])
    return None


def outlined(part: Mask) -> Mask:
    """Mark all within the convex outline of a connected part."""
    return _within(_hull(part), part.shape)


def only_on(sheet: Mask, sizes: Sizes, polarities: Iterable[bool] = (False, True)) -> list[Inked]:
    """See what is inside a sheet's outline as if the sheet went on around it."""
    inside: Mask = cv2.erode(sheet, _square(2 * _OUTLINE + 1), borderValue=0).astype(np.uint8)
    lit = under_light(sizes.on(inside), polarities) if inside.any() else []
    return [replace(inked, gain=inked.gain * fitted(inside, inked.gain.shape)) for inked in lit]


def _levels(colours: Sequence[cv2.typing.MatLike]) -> Iterator[tuple[Mask, cv2.typing.MatLike, float]]:
    """List (height, width) levels in 0..255 that paper has more of, and by how much of what it stands out."""
    least, most = reduce(cv2.min, colours), reduce(cv2.max, colours)
    whiteness = cv2.divide(least, cv2.max(most, np.full_like(most, DARK)), scale=255)
    for level in (whiteness, least):
        yield cv2.GaussianBlur(level, (0, 0), 1).astype(np.uint8), most, 0
    calm = _calm(colours)
    yield calm, calm, _CALMER


def _rectangle(level: NDArray[np.uint8]) -> Mask | None:
    """Outline the largest area that is above the rest (Otsu 1979), if that is about a rectangle."""
    _, above = cv2.threshold(level, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    above = cv2.morphologyEx(above, cv2.MORPH_OPEN, _square(_APERTURE))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above)
    if count == 1:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    hull = _hull((labels == largest).view(np.uint8))
    _, (width, height), _ = cv2.minAreaRect(hull)
    within = cv2.contourArea(hull)
    is_sheet = (
        _LEAST * level.size < within < _MOST * level.size
        and within > _STRAIGHT * width * height
        and stats[largest, cv2.CC_STAT_AREA] > _SOLID * within
    )
    return _within(hull, level.shape) if is_sheet else None


def _calm(colours: Sequence[cv2.typing.MatLike]) -> NDArray[np.uint8]:
    """Turn how much the colours change nearby, over checks of a width or less, so that calm is high."""
    edges = reduce(cv2.max, (cv2.morphologyEx(one, cv2.MORPH_GRADIENT, _square(3)) for one in colours))
    check = _square(2 * (max(edges.shape) // _CHECKS) + 1)
    calm: NDArray[np.uint8] = 255 - cv2.morphologyEx(edges, cv2.MORPH_CLOSE, check).astype(np.uint8)
    return calm


def _has_an_edge(sheet: Mask, level: NDArray[np.uint8]) -> bool:
    """Whether the level changes at once along most of its outline: where light falls off it does not."""
    outline = sheet > cv2.erode(sheet, _square(3))  # not where that is the picture's own edge
    edges = cv2.morphologyEx(level, cv2.MORPH_GRADIENT, _square(_APERTURE))[outline]
    return edges.size > 0 and bool((edges > _SHARP * _above(sheet, level)).mean() > _SHARP)


def _above(sheet: Mask, level: cv2.typing.MatLike) -> float:
    """How far the sheet's level is above that of the rest."""
    return cv2.mean(level, sheet)[0] - cv2.mean(level, 1 - sheet)[0]


def _hull(part: Mask) -> cv2.typing.MatLike:
    (outline, *_), _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return cv2.convexHull(outline)


def _within(corners: cv2.typing.MatLike, shape: tuple[int, ...]) -> Mask:
    return cv2.fillConvexPoly(np.zeros(shape, np.uint8), corners, 1).astype(np.uint8)


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)
