"""Find what may be the digit among everything that stands out from the paper."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.choosing import WEIGHTS
from inference_image.ink import MAP_SIDE, SMALL, Ink, Inked, Sizes, find_ink, under_light
from inference_image.parts import Each, Map, Mask, Parts, measured, parts_above
from inference_image.ranks import percentiles
from inference_image.shapes import is_no_digit, is_sheet

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

_NO_INK = 10.0  # grey levels: what stands out less is the paper's own
_LOW, _HIGH = 0.25, 0.5  # floors: shares of the strong ink
_VIEWS = 4  # at most: what the network is asked to judge
# An appeal: what has less is no mark. Half of the blanks read as digits had less, and 1 digit in 2,000.
NOTHING = -4.0
_BEHIND = 7.0  # appeal: what lies further behind the best is not worth the network's time
_SAME = 0.8  # of two masks' union: views that share more are one
_STEP = 0.5  # of its ink: less is left of a step in brightness, more of a stroke, when what is wide is paper
_MARKED = 0.5  # of the size of a ring around it; the inner line of an outlined 6 has less
_BLOB = 0.4  # of its size is its thickest place; of strokes below a third
_LINE = 1.2  # of what it stands beside: what is as thin as a line and longer is one, if it is no stem
_STEM = 1.5  # of the letter that it stands beside and begins or ends with: no l is taller
_CERTAIN = 6.0  # appeal of all the ink of a small image


@dataclass(frozen=True)
class Found:
    """Strokes that may be the digit."""

    ink: Ink  # of the box, in [0, 255], 0 where there are no strokes
    box: Box
    inverted: bool  # the ink is lighter than the paper
    appeal: float  # log odds against there being nothing


@dataclass(frozen=True)
class Candidate:
    """A part that may be the digit."""

    searched: Map
    parts: Parts
    part: int
    measures: dict[str, Each]  # of all parts
    appeal: float  # how much it looks like the digit: its log odds against there being nothing

    def measure(self, name: str) -> float:
        """Look up a measure of the part; 0 for what is measured under uneven light only."""
        return float(self.measures[name][self.part]) if name in self.measures else 0.0

    @cached_property
    def is_sheet(self) -> bool:
        """Whether it is a large filled surface rather than strokes."""
        return is_sheet(self.parts, self.part)

    @cached_property
    def is_no_digit(self) -> bool:
        """Whether its shape alone tells so."""
        return is_no_digit(self.parts, self.part)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """Which parts (n,) are seen together: this one and what belongs to it."""
        return _with_neighbours(self.parts, self.part, self.measures)

    @cached_property
    def mask(self) -> Mask:
        """Mark the members' pixels by 1."""
        return self.parts.mask(self.members)

    @property
    def is_step(self) -> bool:
        """Whether it looks like nothing, and is no stroke but the line between a shadow and the light."""
        inked = self.searched.inked
        if inked.light is None or self.appeal >= 0:
            return False
        kept = cv2.mean(inked.narrowed.searched.clip(0), self.mask)[0]
        return kept < _STEP * cv2.mean(self.searched.ink, self.mask)[0]

    def belongs_to(self, other: "Candidate") -> bool:
        """Whether the other shows it already, as it does the inner line of an outlined 6."""
        return self.parts is other.parts and bool(other.members[self.part]) and not other.is_no_digit

    def surrounds(self, other: "Candidate") -> bool:
        """Whether it is a ring around the other, as digits are marked: alone it would be a 0."""
        inner, outer = (one.parts.boxes[:, one.part] for one in (other, self))
        inside = (inner[:2] > outer[:2]).all() and (inner[:2] + inner[2:] < outer[:2] + outer[2:]).all()
        return bool(inside and self.measure("frame") and max(inner[2:]) > _MARKED * max(outer[2:]))


def find_digits(pixels: NDArray[np.uint8]) -> list[Found]:
    """List what may be the digit's strokes in (height, width, 3), the most appealing first.

    Specks, lines, shadows and edges appeal less. The list is empty if nothing stands out.
    """
    if max(pixels.shape) <= SMALL:  # every pixel counts
        return [found for inked in find_ink(Sizes(pixels)) if (found := _whole(inked))]
    return [found for one in _likely(candidates(pixels)) if (found := _cut_out(one))]


def candidates(pixels: NDArray[np.uint8]) -> list[Candidate]:
    """List what may be the digit: parts over several floors, dark or light."""
    sizes = Sizes(pixels)
    inks = find_ink(sizes)
    found = _standing_out(inks)
    sheets = [one for one in found if one.is_sheet and one.searched.inked.light is None]
    if sheets:  # even was the desk, not the paper
        seen = [inked for inked in inks if inked.light]
        more = [] if seen else under_light(sizes)
        more += _only_on(max(sheets, key=lambda one: one.appeal), seen or more)
        inks += more
        found += _standing_out(more)
    if all(one.is_sheet or one.appeal < 0 for one in found):  # the edge of a shadow may hide the mark
        found += _standing_out([inked.narrowed for inked in inks if inked.light])
    return found


def _likely(found: Iterable[Candidate]) -> list[Candidate]:
    """Choose a few that differ; what is on a sheet comes before the sheet."""
    ranked = sorted(found, key=lambda one: (one.is_sheet, -one.appeal))
    least = max(NOTHING, max((one.appeal for one in ranked), default=0.0) - _BEHIND)
    ranked = [one for one in ranked if one.appeal > least]
    likely: list[Candidate] = []
    for rank, one in enumerate(ranked):
        if len(likely) == _VIEWS:
            break
        is_shown = any(map(one.belongs_to, ranked[:rank])) or any(
            one.surrounds(other) or _are_one(one, other) for other in likely
        )
        if not (one.is_step or one.is_no_digit or is_shown):
            likely.append(one)
    return likely


def _are_one(one: Candidate, other: Candidate) -> bool:
    shared, together = (np.count_nonzero(mask) for mask in (one.mask & other.mask, one.mask | other.mask))
    return bool(shared > _SAME * together)


def _only_on(sheet: Candidate, lit: Iterable[Inked]) -> list[Inked]:
    """Keep the ink well inside a sheet's outline."""
    points = cv2.findNonZero(sheet.parts.mask(np.arange(len(sheet.parts)) == sheet.part))
    surface = cv2.fillConvexPoly(np.zeros(sheet.searched.ink.shape, np.uint8), cv2.convexHull(points), 1)
    inside: Mask = cv2.erode(surface, np.ones((7, 7), np.uint8), borderValue=0).astype(np.uint8)
    return [replace(inked, gain=inked.gain * _fitted(inside, inked.gain.shape)) for inked in lit]


def _fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    return cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)


def _whole(inked: Inked) -> Found | None:
    """Keep all of a small image, but specks."""
    strongest = float(inked.searched.max())
    if strongest < _NO_INK:
        return None
    level = (inked.searched * (255 / strongest)).clip(0, 255)
    level[level < 4] = 0
    count, labels = cv2.connectedComponents((level > 0).astype(np.uint8), connectivity=8)
    weights = np.bincount(labels.ravel(), level.ravel(), minlength=count)
    kept = np.where((weights >= 0.02 * weights[1:].max())[labels], level, 0).astype(np.float32)
    return _found(kept, kept > 0, inked, _CERTAIN)


def _standing_out(inks: Iterable[Inked]) -> list[Candidate]:
    """Look for parts over each floor; those that were there over a higher one stood out more."""
    found = []
    for searched in map(Map.of, inks):
        before = None
        for floor in reversed([*_floors(searched)]):
            parts = parts_above(searched.ink, floor)
            if before and before.are_nearly(parts):
                continue
            before = parts
            measures = measured(parts, searched) if len(parts) else {}
            appeals = sum((WEIGHTS[name] * each for name, each in measures.items()), np.zeros(len(parts)))
            found += [
                Candidate(searched, parts, part, measures, appeal)
                for part, appeal in enumerate(appeals.tolist())
            ]
    return found


def _floors(searched: Map) -> Iterator[float]:
    """List floors that differ: low ones keep faint strokes whole, high ones free them from lines."""
    last, strong, strongest = 0.0, searched.strong, searched.strongest
    for share, most in ((_LOW, strong), (_HIGH, strong), (_HIGH, strongest)):
        floor = max(_NO_INK, min(4 * searched.noise, 0.6 * most), share * most)
        if floor > 1.15 * last:
            yield floor
            last = floor


def _cut_out(chosen: Candidate) -> Found | None:
    """Cut a candidate out of the full image."""
    searched, inked = chosen.searched, chosen.searched.inked
    shape = inked.sizes.picture.shape[:2]
    near = cv2.dilate(_fitted(chosen.mask, shape), np.ones((5, 5), np.uint8))
    left, top, width, height = cv2.boundingRect(near)
    window = slice(top, top + height), slice(left, left + width)
    (peak,) = percentiles(searched.ink[chosen.mask > 0], 75)
    base = min(max(3 * searched.noise, 0.25 * peak), 0.5 * peak)
    smooth = cv2.GaussianBlur(inked.close_up(*window), (0, 0), searched.blur * max(shape) / MAP_SIDE)
    clean = ((smooth - base) * (255 / (0.9 * peak - base))).clip(0, 255).astype(np.float32, copy=False)
    clean *= near[window]
    return _found(clean, clean > 100, inked, chosen.appeal, (left, top))


def _found(
    ink: Ink, strokes: NDArray[np.bool_], inked: Inked, appeal: float, at: tuple[int, int] = (0, 0)
) -> Found | None:
    """Crop to the strokes; None where there are none."""
    if not strokes.any():
        return None
    left, top, width, height = cv2.boundingRect(strokes.view(np.uint8))
    digit = ink[top : top + height, left : left + width]
    return Found(digit, (at[0] + left, at[1] + top, width, height), inked.inverted, appeal)


def _with_neighbours(parts: Parts, main: int, measures: dict[str, Each]) -> NDArray[np.bool_]:
    """Add to the main part what belongs to it: what is near, as dark, not much smaller, and no line.

    Peers may be further away: a number or a word is to be seen as one, for it is no digit. What comes in from
    the picture's edges, as a finger, a shadow or a border does, is none of it, nor is the line under a digit.
    """
    if len(parts) == 1:
        return np.ones(1, np.bool_)
    peers = parts.size > 0.4 * parts.size[main]
    right, bottom = parts.left + parts.width, parts.top + parts.height
    across = np.maximum(parts.left - right[main], parts.left[main] - right).clip(0)
    down = np.maximum(parts.top - bottom[main], parts.top[main] - bottom).clip(0)
    keep: NDArray[np.bool_] = np.hypot(across, down) < np.where(peers, 0.7, 0.35) * parts.size[main]
    keep &= ~_unlike(parts, main)
    keep &= (parts.level > 0.5 * parts.level[main]) & (parts.area > 0.02 * parts.area[main])
    keep &= measures["contrast"] > measures["contrast"][main] + np.log(0.3)
    keep &= measures["frame"] == 0
    thin = parts.area < 0.16 * parts.size**2
    slack = 0.15 * parts.size[main]  # a stem's end is seldom level with the letter's
    past_both_ends = (parts.top < parts.top[main] - slack) & (bottom > bottom[main] + slack)
    stems = (parts.height > parts.width) & ~past_both_ends
    keep &= ~(thin & (parts.size > np.where(stems, _STEM, _LINE) * parts.size[main]))
    keep[main] = True
    bars = parts.width > 4 * parts.height
    bars[main] = False
    keep &= ~(bars & (parts.top - bottom[keep & ~bars].max() > parts.thickness))  # a line under the digit
    return keep


def _unlike(parts: Parts, main: int) -> NDArray[np.bool_]:
    """Tell which parts are no strokes beside strokes, or the other way: fingers, pens, shadows, borders."""
    blobs, enters = parts.thickness > _BLOB * parts.size, parts.edges > 0
    times = parts.thickness / parts.thickness[main]
    thicker = (blobs & (times > 3)) | (enters & ~enters[main] & ((times > 1.5) | (parts.edges >= 3)))
    thinner = (blobs[main] & (times < 1 / 3)) | (enters[main] & ~enters & (times < 1 / 1.5))
    unlike: NDArray[np.bool_] = thicker | thinner
    return unlike
