"""Connected parts of an ink map, and what can be measured of them."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.ink import Ink, Inked, Light
from inference_image.ranks import median, percentiles, upper_quartile

Each = NDArray[np.float64]  # (n,), a number for each part
Mask = NDArray[np.uint8]
Window = tuple[slice, slice]  # rows, columns

_MOST = 8  # parts that are looked at closely
_AROUND = 3  # pixels around a part that should be paper
RING = np.ones((2 * _AROUND + 1,) * 2, np.uint8)
_BLUR = 2.0  # pixels by which a part may be smaller over a higher floor, and the same
_SAME = 0.8  # of its pixels
_EDGE = 0.04  # of the side: what lies within is at the edge altogether
_STRONG = 99.5, 99.95  # percentiles of the ink
_HOLLOW = 0.3  # of a frame's ink may lie away from the sides of its box
_EMPTY = 0.5  # of what is within its outline is inked; of a sheet that is written on more
STRAIGHT = 0.85  # of the rectangle around a box or a sheet is within its outline; of a 0 no more than 0.79


@dataclass(frozen=True)
class Map:
    """Ink, reduced and evened out, in which parts are searched."""

    inked: Inked
    ink: Ink
    blur: float  # by which it was evened out, in its pixels
    noise: float  # of the paper, in grey levels
    strong: float  # nearly as much ink as there is
    strongest: float  # as a small digit among many faint lines has

    @classmethod
    def of(cls, inked: Inked) -> "Map":
        """Blur as much as the grain needs: a little, or where dots make up the grey, as in print, more."""
        sharp = inked.searched
        smooth = _blurred(sharp, max(sharp.shape) / 300)
        evened = cls._of(inked, smooth, 0.5)
        is_grainy = 4 * evened.noise > 0.25 * evened.strong
        return cls._of(inked, _blurred(smooth, 1.2), 1.2) if is_grainy else evened

    def without(self, place: NDArray[np.bool_]) -> "Map":
        """Take what is there, (height, width), for paper."""
        ink = np.where(place, np.float32(0), self.ink)
        strong, strongest = percentiles(ink[::2, ::2], *_STRONG)
        return replace(self, ink=ink, strong=strong, strongest=strongest)

    @classmethod
    def _of(cls, inked: Inked, smooth: Ink, blur: float) -> "Map":
        strong, strongest = percentiles(smooth[::2, ::2], *_STRONG)
        return cls(inked, smooth, blur, _noise(smooth, inked), strong, strongest)


@dataclass(frozen=True)
class Parts:
    """Connected parts of an ink map, the weightiest first."""

    ink: Ink
    labels: NDArray[np.uint16]  # (height, width), the part that each pixel belongs to
    names: NDArray[np.int64]  # (n,), the parts' labels
    left: Each
    top: Each
    width: Each
    height: Each
    area: Each
    x: Each  # of the centre
    y: Each

    @cached_property
    def size(self) -> Each:
        return np.maximum(self.width, self.height)

    @cached_property
    def level(self) -> Each:
        """Average the ink of each."""
        return self.means(self.ink)

    @cached_property
    def thickness(self) -> Each:
        """Measure the thickest place of each, in pixels."""
        alone = (cv2.copyMakeBorder(inside, *(1,) * 4, cv2.BORDER_CONSTANT) for _, inside in self.close_ups)
        depths = [cv2.distanceTransform(inside, cv2.DIST_L2, 3).max() for inside in alone]
        return 2 * np.array(depths, np.float64)

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """How many of the image's edges each touches."""
        height, width = self.labels.shape
        right, bottom = self.left + self.width, self.top + self.height
        touched = (self.left <= 1, self.top <= 1, right >= width - 1, bottom >= height - 1)
        count: NDArray[np.int64] = np.array(touched).sum(axis=0)
        return count

    @cached_property
    def holds(self) -> NDArray[np.bool_]:
        """Which are within the box of which, and not too small to matter: (n, n), row in column."""
        x, y, size = self.x[:, None], self.y[:, None], self.size[:, None]
        across = (self.left < x) & (x < self.left + self.width)
        down = (self.top < y) & (y < self.top + self.height)
        holds: NDArray[np.bool_] = across & down & (size > 0.12 * self.size) & (size < self.size)
        return holds

    @cached_property
    def _outlines(self) -> dict[int, cv2.typing.MatLike]:
        return {}  # those that were asked for: few are, and these several times

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """Left, top, width, height of each: (4, n)."""
        return np.array([self.left, self.top, self.width, self.height])

    def are_nearly(self, others: "Parts") -> bool:
        """Whether they are the same parts as others, but for the blur of their edges."""
        if len(self) != len(others):
            return False
        moved = np.abs(self.boxes - others.boxes).max(initial=0)
        return bool(moved <= _BLUR and (self.area > _SAME * others.area).all())

    @cached_property
    def close_ups(self) -> list[tuple[Window, Mask]]:
        """Cut out each with what is right around it: where that is, and the part's pixels there as 1."""
        close_ups = []
        for name, (left, top, width, height) in zip(
            self.names, self.boxes.T.astype(int).tolist(), strict=True
        ):
            rows = slice(max(0, top - _AROUND), top + height + _AROUND)
            window = rows, slice(max(0, left - _AROUND), left + width + _AROUND)
            close_ups.append((window, (self.labels[window] == name).view(np.uint8)))
        return close_ups

    def alone(self, part: int) -> NDArray[np.bool_]:
        """Cut out a part, without what is around it: its pixels in its own box, (height, width)."""
        left, top, width, height = self.boxes[:, part].astype(int)
        (rows, columns), inside = self.close_ups[part]
        down, across = top - rows.start, left - columns.start
        return inside[down : down + height, across : across + width].view(np.bool_)

    def outline(self, part: int) -> cv2.typing.MatLike:
        """List the corners of a part's outline in its box, (n, 1, 2): a hundredth of its pixels."""
        if part not in self._outlines:
            alone = self.alone(part).view(np.uint8)
            (outline, *_), _ = cv2.findContours(alone, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            self._outlines[part] = outline
        return self._outlines[part]

    def means(self, values: Ink) -> Each:
        """Average over each part."""
        return np.array([cv2.mean(values[window], inside)[0] for window, inside in self.close_ups])

    def mask(self, which: NDArray[np.bool_]) -> Mask:
        """Mark the pixels of some parts (n,) by 1."""
        mask = np.zeros(self.labels.shape, np.uint8)
        for part in np.flatnonzero(which):
            window, inside = self.close_ups[part]
            mask[window] |= inside
        return mask


def parts_above(ink: Ink, floor: float) -> Parts:
    """Find what is connected above `floor`."""
    above = (ink > floor).view(np.uint8)
    # Around the ink there is nothing to be found: on a drawing half of the time, which goes with the pixels.
    across, down, wide, high = cv2.boundingRect(above)
    box = slice(down, down + max(high, 1)), slice(across, across + max(wide, 1))
    # Labels of 16 bits are enough, and take a third of the time.
    _, found, stats, centres = cv2.connectedComponentsWithStats(above[box], ltype=cv2.CV_16U)
    labels = np.zeros(ink.shape, np.uint16)
    labels[box] = found
    rank = 1 + np.argsort(-stats[1:, 4] * stats[1:, 2:4].max(axis=1))[:_MOST]  # 0 is the paper
    left, top, width, height, area = stats[rank].T.astype(np.float64)
    x, y = centres[rank].T
    return Parts(ink, labels, rank, left + across, top + down, width, height, area, x + across, y + down)


def measured(parts: Parts, searched: Map) -> dict[str, Each]:
    """Measure what tells a digit from specks, lines, frames, shadows and edges, a number for each part."""
    light = searched.inked.light
    height, width = searched.ink.shape
    side = max(height, width)
    levels = parts.means(light.seen) if light else parts.level
    contrast = _contrast(parts, light.seen if light else parts.ink, levels)
    return {
        "is there": np.ones(len(parts)),
        "uneven": np.full(len(parts), np.log(searched.inked.evenness + 0.01)),
        "size": np.log(parts.size / side),
        "speck": np.log((parts.size / (0.06 * side)).clip(0.01, 1)),
        "off centre": np.hypot(parts.x / width - 0.5, parts.y / height - 0.5),
        "share of the ink": np.log(parts.area * parts.level / (parts.area * parts.level).sum()),
        "contrast": np.log(contrast + 1),
        "over the noise": np.log((contrast + 1) / (searched.noise + 1)),
        # Strokes are below a third of the size, blobs near one.
        "thick": np.maximum(parts.thickness / parts.size - 0.3, 0),
        "filled": parts.area / (parts.width * parts.height),
        "frame": _frames(parts),
        "line across": ((parts.width > 6 * parts.height) & (parts.width > 0.25 * width)).astype(float),
        "line down": ((parts.height > 6 * parts.width) & (parts.height > 0.6 * height)).astype(float),
        **(_lit(parts, light, levels, inverted=searched.inked.inverted) if light else {}),
    }


def _lit(parts: Parts, light: Light, levels: Each, *, inverted: bool) -> dict[str, Each]:
    """Look closer under uneven light, where ink may be light or dark and shadows stand out as well."""
    return {
        "at an edge": (parts.edges == 1).astype(float),
        "at two edges": (parts.edges >= 2).astype(float),
        "sliver at an edge": _slivers(parts),
        "inverted": np.full(len(parts), float(inverted)),
        "likely": np.full(len(parts), np.log(light.likely)),
        # Chalk is the lightest thing in sight; a patch of sun on paper is not.
        "not the lightest": _share_above(levels, light.seen) if inverted else np.zeros(len(parts)),
    }


def _share_above(levels: Each, seen: Ink) -> Each:
    """Measure how much of the picture is above each level."""
    sample = seen[::2, ::2].ravel()
    return np.array([np.count_nonzero(sample > level) / sample.size for level in levels])


def _contrast(parts: Parts, seen: Ink, levels: Each) -> Each:
    """How much a part stands out from what is right around it; three quarters of that count, not the mean.

    What continues on one side, as a shadow does, stands out less than a stroke.
    """
    around = [_around(seen[window], inside) for window, inside in parts.close_ups]
    return (levels - around).clip(0)


def _around(seen: Ink, inside: Mask) -> float:
    """Measure what is right around a part; 0 around what fills the picture."""
    ring = seen[cv2.dilate(inside, RING) > inside]
    return upper_quartile(ring) if len(ring) else 0.0


def _slivers(parts: Parts) -> Each:
    """Which parts lie along an edge of the image: something else that shows there."""
    height, width = parts.labels.shape
    right, bottom = parts.left + parts.width, parts.top + parts.height
    across, down = _EDGE * width, _EDGE * height
    near = (right <= across, bottom <= down, parts.left >= width - across, parts.top >= height - down)
    slivers: Each = np.logical_or.reduce(near).astype(np.float64)
    return slivers


def _frames(parts: Parts) -> Each:
    """Which parts are boxes or rings drawn around another part."""
    frames = np.zeros(len(parts))
    for part in np.flatnonzero(parts.holds.any(axis=0)):
        frames[part] = _is_hollow(parts, part) or _is_box(parts, int(part))
    return frames


def _is_hollow(parts: Parts, part: np.intp) -> bool:
    """Whether hardly any of it is away from the sides of the box around it."""
    _, inside = parts.close_ups[part]
    down, across = (_AROUND + max(2, (side - 2 * _AROUND) // 10) for side in inside.shape)
    return bool(inside[down:-down, across:-across].sum() < _HOLLOW * parts.area[part])


def _is_box(parts: Parts, part: int) -> bool:
    """Whether it is the outline of a rectangle, which may lean."""
    outline = parts.outline(part)
    within, (_, sides, _) = cv2.contourArea(outline), cv2.minAreaRect(outline)
    return bool(within > STRAIGHT * math.prod(sides) and parts.area[part] < _EMPTY * within)


def _blurred(ink: Ink, sigma: float) -> Ink:
    return cv2.GaussianBlur(ink, (0, 0), sigma).astype(np.float32, copy=False)


def _noise(ink: Ink, inked: Inked) -> float:
    """Measure the paper's usual departure from 0, on even paper along the border, where there is no ink."""
    border = (ink[:4], ink[-4:], ink[:, :4], ink[:, -4:])
    paper = ink[::2, ::2] if inked.light else np.concatenate([strip.ravel() for strip in border])
    return 1.5 * median(np.abs(paper))


def fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Stretch a mask over a larger or smaller grid."""
    return cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
