"""List what in a picture may be its digit: parts that stand out, dark or light, wherever one may write."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.choosing import WEIGHTS
from inference_image.ink import STROKE, Inked, Sizes, find_ink, under_light
from inference_image.parts import RING, Each, Map, Mask, Parts, measured, parts_above
from inference_image.printed import printed
from inference_image.shapes import is_no_digit, is_sheet, is_straight, is_table
from inference_image.sheets import lightest, only_on, outlined

NO_INK = 10.0  # grey levels: what stands out less is the paper's own
_LOW, _HIGH = 0.25, 0.5  # floors: shares of the strong ink
_STEP = 0.5  # of its ink: less is left of a step in brightness, more of a stroke, when what is wide is paper
_MARKED = 0.5  # of the size of a ring around it; the inner line of an outlined 6 has less
_WITHIN = 0.9  # of its pixels are within something else
_THICK, _MUCH = 0.25, 0.33  # of its size, of what it is within: a finger, or most of a thick stroke
_ENCLOSED = 0.5  # of what is right around paper between strokes is strokes
_DOUBTFUL = 1.5  # appeal: what has less may be bars of a window's shadow
_LIKELY = 0.3  # that ink is lighter, or darker, than the paper: what is less is searched once only
_BLOB = 0.4  # of its size is its thickest place; of strokes below a third
_RING, _RINGS = 0.75, 3  # of a digit's size are a notebook's rings at most; so many make a row
_ALIKE = 0.4  # by less differ the logarithms of their sides
_ALIGNED = 0.4  # of their size: no further are they off one line
_PEER, _NEAR, _BESIDE = 0.7, 0.35, 0.15  # of a digit's size lie between it and what belongs to it, at most
_FLAT, _SLIGHT = 2, 0.3  # times as wide as high, of the digit's height: a line of print, a piece of a bar
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
    def is_table(self) -> bool:
        """Whether it is lines around something that run on beyond the picture."""
        return is_table(self.parts, self.part)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """Which parts (n,) are seen together: this one and what belongs to it."""
        return _with_neighbours(self.parts, self.part, self.measures, self.cut)

    @cached_property
    def mask(self) -> Mask:
        """Mark the members' pixels by 1."""
        return self.parts.mask(self.members)

    @cached_property
    def surroundings(self) -> NDArray[np.bool_]:
        """Mark the mask and what is right around it."""
        return cv2.dilate(self.mask, RING).astype(np.bool_)

    @property
    def is_cut(self) -> bool:
        """Whether it is half of something, or the outline of the sheet itself."""
        return bool(self.cut[self.part])

    @cached_property
    def alone(self) -> Mask:
        """Mark its own pixels by 1."""
        return self.parts.mask(np.arange(len(self.parts)) == self.part)

    @property
    def is_blob(self) -> bool:
        """Whether it is thicker for its size than strokes are."""
        return bool(_blobs(self.parts)[self.part])

    @property
    def is_surely_one(self) -> bool:
        """Whether it looks like a digit and nothing speaks against it."""
        if self.appeal < _DOUBTFUL or self.is_cut or self.is_blob or self.is_sheet:
            return False
        return not self.is_ruled_out

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than strokes are."""
        return bool(self.parts.thickness[self.part] > STROKE * max(self.searched.ink.shape))

    @property
    def reaches_in(self) -> bool:
        """Whether it comes in from the picture's edge, as hands and their shadows do."""
        return self.is_wide and bool(self.parts.edges[self.part])

    @property
    def is_pen(self) -> bool:
        """Whether it comes in from the picture's edge as a straight bar."""
        return bool(self.parts.edges[self.part]) and self.appeal > 0 and is_straight(self.parts, self.part)

    @property
    def is_pen_on_page(self) -> bool:
        """Whether it is a pen on a photographed page: no 1 runs out of the picture at one edge alone."""
        is_lit = self.searched.inked.light is not None
        return is_lit and bool(self.parts.edges[self.part] == 1) and self.is_pen

    @property
    def is_ruled_out(self) -> bool:
        """Whether its outline tells for certain that it is no digit."""
        return self.is_no_digit or self.is_pen_on_page

    @property
    def is_step(self) -> bool:
        """Whether it looks like nothing, and is no stroke but the line between a shadow and the light."""
        inked = self.searched.inked
        if inked.light is None or self.appeal >= 0 or inked.is_narrow:
            return False
        kept = cv2.mean(inked.narrowed.searched.clip(0), self.alone)[0]
        return kept < _STEP * cv2.mean(self.searched.ink, self.alone)[0]

    def is_piece_of(self, wide: "Candidate") -> bool:
        """Whether it is but a narrow place of something wide, as a finger of a hand's shadow.

        That has the same ink there; of a digit that it shades it has more. For candidates of a narrow search.
        """
        here, there = self.searched.inked, wide.searched.inked
        own, whole = self.parts.area[self.part], wide.parts.area[wide.part]
        is_finger = self.parts.thickness[self.part] > _THICK * self.parts.size[self.part]
        return bool(
            here.sizes is there.sizes
            and here.inverted == there.inverted
            and (is_finger or own > _MUCH * whole)
            and np.count_nonzero(self.alone & wide.alone) >= _WITHIN * own
            and cv2.mean(wide.searched.ink, self.alone)[0] < wide.parts.level[wide.part]
        )

    def is_between(self, other: "Candidate") -> bool:
        """Whether it is paper between the strokes of the other, which is ink of the other polarity."""
        if self.searched.inked.inverted == other.searched.inked.inverted:
            return False
        if other.is_sheet or other.is_blob or not self._is_inside(other):
            return False
        around = cv2.dilate(self.alone, RING) > self.alone
        return bool(np.count_nonzero(other.alone[around]) > _ENCLOSED * np.count_nonzero(around))

    def belongs_to(self, other: "Candidate") -> bool:
        """Whether the other shows it already, as it does the inner line of an outlined 6.

        What lies beside a pen, or in a table, is seen without it.
        """
        if self.parts is not other.parts or not other.members[self.part]:
            return False
        if other.is_no_digit or other.is_table:
            return False
        return bool(self.members[other.part]) or not is_straight(other.parts, other.part)

    def surrounds(self, other: "Candidate") -> bool:
        """Whether it is a ring around the other, as digits are marked: alone it would be a 0."""
        is_marked = other.parts.size[other.part] > _MARKED * self.parts.size[self.part]
        return bool(is_marked and self.measure("frame") and other._is_inside(self))

    def is_beside(self, other: "Candidate") -> bool:
        """Whether their boxes do not overlap."""
        here, there = (one.parts.boxes[:, one.part] for one in (self, other))
        return bool((here[:2] >= there[:2] + there[2:]).any() or (there[:2] >= here[:2] + here[2:]).any())

    def _is_inside(self, other: "Candidate") -> bool:
        """Whether its box is within the other's."""
        inner, outer = (one.parts.boxes[:, one.part] for one in (self, other))
        return bool((inner[:2] > outer[:2]).all() and (inner[:2] + inner[2:] < outer[:2] + outer[2:]).all())


def candidates(pixels: NDArray[np.uint8]) -> list[Candidate]:
    """List what may be the digit: parts over several floors, dark or light.

    A sheet is searched by itself, in its own light, and so is what lies beside a finger or a pen. Where
    something wider than a stroke stands out, as the shadow of a hand does, or nothing that surely looks like
    a digit, what is narrow is searched by itself, too, and what has another hue than the paper; beside a pen
    or a printed box on even paper, what is lighter or darker.
    """
    sizes = Sizes.of(pixels)
    inks = find_ink(sizes)
    found = _standing_out(map(Map.of, inks))
    inks += (on_it := _on_the_sheet(sizes, found))
    found += _standing_out(map(Map.of, on_it))
    found += _beside_the_strongest(found)
    is_doubtful = not any(one.is_surely_one for one in found)
    is_lit = any(inked.light and inked.sizes is sizes for inked in inks)
    if not is_lit and (is_doubtful or any(one.reaches_in or one.is_pen for one in found)):
        inks += (more := under_light(sizes))
        found += _standing_out(map(Map.of, more))
    hiding = {id(one.searched.inked) for one in found if is_doubtful or one.is_wide}
    lit = [inked for inked in inks if inked.light and (is_doubtful or inked.light.likely > _LIKELY)]
    hidden = [inked for inked in lit if id(inked) in hiding]
    wide = [one for one in found if one.is_wide]
    narrow = _standing_out(chain.from_iterable(_and_within(Map.of(inked.narrowed)) for inked in hidden))
    found += _standing_out(Map.of(inked.coloured) for inked in hidden if not inked.inverted)
    found += [one for one in narrow if not any(map(one.is_piece_of, wide))]
    return [one for one in found if not one.is_cut]


def _on_the_sheet(sizes: Sizes, found: Sequence[Candidate]) -> list[Inked]:
    """See by itself what is on the sheet that stands out on an even desk, or is lighter, if there is one."""
    on_even = [one for one in found if one.searched.inked.light is None and one.is_sheet]
    if on_even:
        return only_on(outlined(max(on_even, key=lambda one: one.appeal).alone), sizes)
    if any(one.searched.inked.light or (one.is_wide and one.is_blob) for one in found):
        sheet = lightest(sizes)
        return [] if sheet is None else only_on(sheet, sizes, [False])
    return []


def _beside_the_strongest(found: Sequence[Candidate]) -> list[Candidate]:
    """Search beside the best on even paper, where that is no digit: a finger or a printed box outshines them.

    What is within the box of what comes in from the edge may be a piece of it, as of a digit that fills the
    picture.
    """
    even = [one for one in found if one.searched.inked.light is None and one.appeal > 0]
    best = max(even, key=lambda one: one.appeal, default=None)
    if best is None or best.is_sheet or not (best.is_no_digit or best.parts.edges[best.part]):
        return []
    others = _standing_out([best.searched.without(best.surroundings)])
    return [one for one in others if best.is_no_digit or one.is_beside(best)]


def _and_within(searched: Map) -> Iterator[Map]:
    """Search also without what comes in from the picture's edges: a strip of the desk outshines ink."""
    yield searched
    _, labels = cv2.connectedComponents((searched.ink > _HIGH * searched.strong).view(np.uint8))
    reaching = np.zeros(labels.max() + 1, np.bool_)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        reaching[edge] = True
    reaching[0] = False
    if reaching.any():
        yield searched.without(cv2.dilate(reaching[labels].view(np.uint8), RING) > 0)


def _standing_out(maps: Iterable[Map]) -> list[Candidate]:
    """Look for parts over each floor; those that were there over a higher one stood out more."""
    found = []
    for searched in maps:
        before = None
        for floor in reversed([*_floors(searched)]):
            parts = parts_above(searched.ink, floor)
            if lines := [*printed(parts)]:
                parts = parts_above(np.where(np.any(lines, axis=0), np.float32(0), searched.ink), floor)
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
    """Tell which parts (n,) a sheet's rim touches; none where no sheet is searched by itself."""
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

    Peers may be further away: a number or a word is to be seen as one, for it is no digit. What is flat, as a
    line of print, or comes in from the picture's edge, as a stamp may, has to be right beside it. What comes
    in thicker, as a finger, a shadow or a border does, is none of it, nor is the line under a digit.
    """
    if len(parts) == 1:
        return np.ones(1, np.bool_)
    here = np.arange(len(parts)) == main
    bottom = parts.top + parts.height
    peers = parts.size > 0.4 * parts.size[main]
    keep: NDArray[np.bool_] = _gaps(parts, here) < np.where(peers, _PEER, _NEAR) * parts.size[main]
    keep &= ~_unlike(parts, main) & ~_in_rows(parts, main)
    keep &= (parts.level > 0.5 * parts.level[main]) & (parts.area > 0.02 * parts.area[main])
    keep &= measures["contrast"] > measures["contrast"][main] + np.log(0.3)
    keep &= (measures["frame"] == 0) & ~cut
    thin = parts.area < 0.16 * parts.size**2
    slack = 0.15 * parts.size[main]  # a stem's end is seldom level with the letter's
    past_both_ends = (parts.top < parts.top[main] - slack) & (bottom > bottom[main] + slack)
    stems = (parts.height > 2 * parts.width) & ~past_both_ends
    keep &= ~(thin & (parts.size > np.where(stems, _STEM, _LINE) * parts.size[main]))
    keep |= here
    flat = (parts.width > _FLAT * parts.height) & (parts.height < _SLIGHT * parts.height[main])
    apart = flat | ((parts.edges > 0) & (parts.edges[main] == 0))
    keep &= ~apart | (_gaps(parts, keep & ~apart) < _BESIDE * parts.size[main])
    bars = parts.width > 4 * parts.height
    bars[main] = False
    keep &= ~(bars & (parts.top - bottom[keep & ~bars].max() > parts.thickness))  # a line under the digit
    return keep


def _gaps(parts: Parts, which: NDArray[np.bool_]) -> Each:
    """Measure how far each part's box is from the box around some of them (n,)."""
    right, bottom = parts.left + parts.width, parts.top + parts.height
    across = np.maximum(parts.left - right[which].max(), parts.left[which].min() - right).clip(0)
    down = np.maximum(parts.top - bottom[which].max(), parts.top[which].min() - bottom).clip(0)
    gaps: Each = np.hypot(across, down)
    return gaps


def _in_rows(parts: Parts, main: int) -> NDArray[np.bool_]:
    """Tell which parts (n,) are of a row of smaller ones, alike, that passes by, as a notebook's rings do."""
    rows = np.zeros(len(parts), np.bool_)
    smaller = parts.size < _RING * parts.size[main]
    for part in np.flatnonzero(smaller) if np.count_nonzero(smaller) >= _RINGS else ():
        alike = smaller & (np.abs(np.log(parts.boxes[2:] / parts.boxes[2:, [part]])) < _ALIKE).all(axis=0)
        if np.count_nonzero(alike) >= _RINGS:
            centres = np.stack([parts.x, parts.y])
            middle = centres[:, alike].mean(axis=1)
            _, axes = np.linalg.eigh(np.cov(centres[:, alike]))
            across = np.abs(axes[:, 0] @ (centres - middle[:, None]))  # from the line that they lie on
            if across[alike].max() < _ALIGNED * parts.size[part] and across[main] > parts.size[main] / 2:
                rows |= alike
    return rows


def _unlike(parts: Parts, main: int) -> NDArray[np.bool_]:
    """Tell which parts are no strokes beside strokes, or the other way: fingers, pens, shadows, borders."""
    blobs, enters = _blobs(parts), parts.edges > 0
    times = parts.thickness / parts.thickness[main]
    comes_in = enters & ~enters[main]
    bars = np.array([here and is_straight(parts, part) for part, here in enumerate(comes_in)])
    thicker = (blobs & (times > 3)) | bars | (comes_in & ((times > 1.5) | (parts.edges >= 3)))
    thinner = (blobs[main] & (times < 1 / 3)) | (enters[main] & ~enters & (times < 1 / 1.5))
    unlike: NDArray[np.bool_] = thicker | thinner
    return unlike


def _blobs(parts: Parts) -> NDArray[np.bool_]:
    """Tell which parts (n,) are thicker for their size than strokes are."""
    blobs: NDArray[np.bool_] = parts.thickness > _BLOB * parts.size
    return blobs
