"""List what in a picture may be its digit: parts that stand out, dark or light, wherever one may write."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.choosing import WEIGHTS
from inference_image.ink import DARK, STROKE, Inked, Sizes, find_ink, under_light
from inference_image.parts import Each, Map, Mask, Parts, fitted, measured, parts_above
from inference_image.shapes import is_no_digit, is_sheet, is_straight

NO_INK = 10.0  # grey levels: what stands out less is the paper's own
_LEAST, _MOST = 0.06, 0.9  # of the picture: a sheet on a desk
_STRAIGHT, _SOLID = 0.8, 0.7  # of the rectangle around it is within its outline; of that is a sheet
_SHARP = 0.5
_LIKELY = 0.3
_LOW, _HIGH = 0.25, 0.5  # floors: shares of the strong ink
_STEP = 0.5  # of its ink: less is left of a step in brightness, more of a stroke, when what is wide is paper
_MARKED = 0.5  # of the size of a ring around it; the inner line of an outlined 6 has less
_BLOB = 0.4  # of its size is its thickest place; of strokes below a third
_LINE = 1.2  # of what it stands beside: what is as thin as a line and longer is one, if it is no stem
_STEM = 1.5  # of the letter that it stands beside and begins or ends with: no l is taller


@dataclass(frozen=True)
class Candidate:
    """A part that may be the digit."""

    searched: Map
    parts: Parts
    part: int
    measures: dict[str, Each]  # of all parts
    cut: NDArray[np.bool_]  # which parts (n,) the outline of the sheet that is searched cuts
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
        return _with_neighbours(self.parts, self.part, self.measures, self.cut)

    @cached_property
    def mask(self) -> Mask:
        """Mark the members' pixels by 1."""
        return self.parts.mask(self.members)

    @property
    def is_cut(self) -> bool:
        """Whether it is half of something, or the outline of the sheet itself."""
        return bool(self.cut[self.part])

    @property
    def alone(self) -> Mask:
        """Mark its own pixels by 1."""
        return self.parts.mask(np.arange(len(self.parts)) == self.part)

    @property
    def is_blob(self) -> bool:
        """Whether it is thicker for its size than strokes are."""
        return bool(self.parts.thickness[self.part] > _BLOB * self.parts.size[self.part])

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than strokes are."""
        return bool(self.parts.thickness[self.part] > STROKE * max(self.searched.ink.shape))

    @property
    def is_step(self) -> bool:
        """Whether it looks like nothing, and is no stroke but the line between a shadow and the light."""
        inked = self.searched.inked
        if inked.light is None or self.appeal >= 0 or inked.is_narrow:
            return False
        kept = cv2.mean(inked.narrowed.searched.clip(0), self.alone)[0]
        return kept < _STEP * cv2.mean(self.searched.ink, self.alone)[0]

    def belongs_to(self, other: "Candidate") -> bool:
        """Whether the other shows it already, as it does the inner line of an outlined 6.

        What lies beside a pen is seen without it.
        """
        if self.parts is not other.parts or not other.members[self.part] or other.is_no_digit:
            return False
        return bool(self.members[other.part]) or not is_straight(other.parts, other.part)

    def surrounds(self, other: "Candidate") -> bool:
        """Whether it is a ring around the other, as digits are marked: alone it would be a 0."""
        inner, outer = (one.parts.boxes[:, one.part] for one in (other, self))
        inside = (inner[:2] > outer[:2]).all() and (inner[:2] + inner[2:] < outer[:2] + outer[2:]).all()
        return bool(inside and self.measure("frame") and max(inner[2:]) > _MARKED * max(outer[2:]))


def candidates(pixels: NDArray[np.uint8]) -> list[Candidate]:
    """List what may be the digit: parts over several floors, dark or light.

    A sheet is searched by itself, in its own light. Where something wider than a stroke stands out, as the
    shadow of a hand does, or nothing that looks like a digit, what is narrow is searched by itself, too.
    """
    sizes = Sizes(pixels)
    inks = find_ink(sizes)
    found = _standing_out(inks)
    surface, polarities = _surface(found), (False, True)
    if surface is None and any(one.searched.inked.light or (one.is_wide and one.is_blob) for one in found):
        surface, polarities = _bright(sizes), (False,)
    if surface is not None:
        on_it = _only_on(surface, sizes, polarities)
        inks += on_it
        found += _standing_out(on_it)
    is_hopeless = all(one.is_sheet or one.is_blob or one.appeal < 0 for one in found)
    if is_hopeless and not all(inked.light for inked in inks[:2]):
        more = under_light(sizes)
        inks += more
        found += _standing_out(more)
    hiding = {id(one.searched.inked) for one in found if is_hopeless or one.is_wide}
    lit = [inked for inked in inks if inked.light and (is_hopeless or inked.light.likely > _LIKELY)]
    found += _standing_out(inked.narrowed for inked in lit if id(inked) in hiding)
    return [one for one in found if not one.is_cut]


def _surface(found: Iterable[Candidate]) -> Mask | None:
    """Outline the sheet that stands out on an even desk."""
    sheets = [one for one in found if one.is_sheet and one.searched.inked.light is None]
    if not sheets:
        return None
    alone = max(sheets, key=lambda one: one.appeal).alone
    return _within(_hull(alone), alone.shape)


def _bright(sizes: Sizes) -> Mask | None:
    """Outline the sheet on an uneven desk: it has less colour, which no shadow changes, or is lighter."""
    colours = cv2.split(np.rint(sizes.coarse).astype(np.uint8))
    least, most = reduce(cv2.min, colours), reduce(cv2.max, colours)
    whiteness = cv2.divide(least, cv2.max(most, np.full_like(most, DARK)), scale=255)
    for level in (whiteness, least):
        smooth = cv2.GaussianBlur(level, (0, 0), 1).astype(np.uint8)
        sheet = _rectangle(smooth)
        if sheet is not None and _is_apart(sheet, smooth) and _step(sheet, most) > 0:
            return fitted(sheet, sizes.searched.shape[:2])
    return None


def _rectangle(level: NDArray[np.uint8]) -> Mask | None:
    """Outline the largest that stands out from the rest by its level (Otsu 1979), if that is a rectangle."""
    _, above = cv2.threshold(level, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    above = cv2.morphologyEx(above, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above)
    if count == 1:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    hull = _hull((labels == largest).view(np.uint8))
    _, sides, _ = cv2.minAreaRect(hull)
    within, around = cv2.contourArea(hull), sides[0] * sides[1]
    is_sheet = (
        _LEAST * level.size < within < _MOST * level.size
        and within > _STRAIGHT * around
        and stats[largest, cv2.CC_STAT_AREA] > _SOLID * within
    )
    return _within(hull, level.shape) if is_sheet else None


def _is_apart(sheet: Mask, level: NDArray[np.uint8]) -> bool:
    """Whether most of its outline is an edge: light that falls off has none."""
    outline = sheet > cv2.erode(sheet, np.ones((3, 3), np.uint8))  # not along the picture's own edges
    edges = cv2.morphologyEx(level, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8))[outline]
    return bool((edges > _SHARP * _step(sheet, level)).mean() > _SHARP)


def _step(sheet: Mask, level: cv2.typing.MatLike) -> float:
    """How far a sheet's level is above the rest."""
    return cv2.mean(level, sheet)[0] - cv2.mean(level, 1 - sheet)[0]


def _hull(mask: Mask) -> cv2.typing.MatLike:
    """List the corners of the least convex outline of a connected part."""
    (outline, *_), _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return cv2.convexHull(outline)


def _within(corners: cv2.typing.MatLike, shape: tuple[int, ...]) -> Mask:
    """Mark what is within a convex outline by 1."""
    return cv2.fillConvexPoly(np.zeros(shape, np.uint8), corners, 1).astype(np.uint8)


def _only_on(surface: Mask, sizes: Sizes, polarities: Iterable[bool]) -> list[Inked]:
    """See the ink well inside a sheet's outline, as if the sheet went on around it."""
    inside: Mask = cv2.erode(surface, np.ones((5, 5), np.uint8), borderValue=0).astype(np.uint8)
    lit = under_light(replace(sizes, surface=inside), polarities) if inside.any() else []
    return [replace(inked, gain=inked.gain * fitted(inside, inked.gain.shape)) for inked in lit]


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
            cut = _cut(parts, searched.inked.sizes.rim)
            found += [
                Candidate(searched, parts, part, measures, cut, appeal)
                for part, appeal in enumerate(appeals.tolist())
            ]
    return found


def _cut(parts: Parts, rim: Mask | None) -> NDArray[np.bool_]:
    touched = (
        rim is not None and cv2.copyTo(inside, rim[window]).any() for window, inside in parts.close_ups
    )
    return np.fromiter(touched, np.bool_, len(parts))


def _floors(searched: Map) -> Iterator[float]:
    """List floors that differ: low ones keep faint strokes whole, high ones free them from lines."""
    last, strong, strongest = 0.0, searched.strong, searched.strongest
    for share, most in ((_LOW, strong), (_HIGH, strong), (_HIGH, strongest)):
        floor = max(NO_INK, min(4 * searched.noise, 0.6 * most), share * most)
        if floor > 1.15 * last:
            yield floor
            last = floor


def _with_neighbours(
    parts: Parts, main: int, measures: dict[str, Each], cut: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Add to the main part what belongs to it: what is near, as dark, not much smaller, and no line.

    Peers may be further away: a number or a word is to be seen as one, for it is no digit. What comes in from
    the edges of the picture or the sheet, as a finger, a shadow or a border does, is none of it, nor is the
    line under a digit.
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
    keep &= (measures["frame"] == 0) & ~cut
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
