"""Find the digit among everything that stands out from the paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.choosing import WEIGHTS
from inference_image.ink import Ink, Inked, find_ink, reduced, under_light
from inference_image.parts import SIDE, Each, Mask, Parts, measured, parts_above

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

_NO_INK = 10.0  # grey levels: what stands out less is the paper's own
_SMALL = 64  # pixels: in a smaller image every pixel counts
# Floors are shares of the ink at percentiles; the last is for a small digit among many faint lines.
_SHARES, _STRONG = (0.25, 0.5, 0.5), (99.5, 99.5, 99.95)
_FILLED = 0.75  # of its box: a sheet of paper, no stroke
_NOTHING = -4.0  # appeal: what has less is no mark at all; so low, because the network judges what is left


@dataclass(frozen=True)
class Found:
    """The digit's ink in [0, 255], 0 everywhere else."""

    ink: Ink
    box: Box
    inverted: bool  # the ink is lighter than the paper


@dataclass(frozen=True)
class Candidate:
    """A part that may be the digit."""

    inked: Inked
    ink: Ink  # reduced and evened out
    blur: float  # by which it was, in pixels of `ink`
    noise: float  # of the paper, in grey levels
    parts: Parts
    part: int
    measures: dict[str, Each]  # of all parts

    @cached_property
    def appeal(self) -> float:
        """How much it looks like the digit: its log odds against there being nothing."""
        return sum(weight * self.measure(name) for name, weight in WEIGHTS.items())

    def measure(self, name: str) -> float:
        """Look up a measure of the part; 0 for what is measured under uneven light only."""
        return float(self.measures[name][self.part]) if name in self.measures else 0.0

    @property
    def is_sheet(self) -> bool:
        """Whether it is a large filled surface rather than strokes."""
        height, width = self.ink.shape
        wide = self.parts.width[self.part] > 0.4 * width and self.parts.height[self.part] > 0.4 * height
        return bool(wide and self.measures["filled"][self.part] > _FILLED)

    @property
    def mask(self) -> Mask:
        """The part and what belongs to it."""
        return self.parts.mask(_with_neighbours(self.parts, self.part, self.measures))


def find_digit(pixels: NDArray[np.uint8]) -> Found | None:
    """Choose the digit's strokes in (height, width, 3) over specks, lines, shadows and edges.

    None if nothing stands out.
    """
    if max(pixels.shape) <= _SMALL:
        return next(filter(None, map(_whole, find_ink(pixels))), None)
    likely = [one for one in candidates(pixels) if one.appeal > _NOTHING]
    marks = [one for one in likely if not one.is_sheet]  # what is on a sheet comes before the sheet
    best = max(marks or likely, key=lambda one: one.appeal, default=None)
    return _cut_out(best) if best else None


def candidates(pixels: NDArray[np.uint8]) -> list[Candidate]:
    """List what may be the digit: parts over several floors, dark or light."""
    found = [one for inked in find_ink(pixels) for one in _standing_out(inked)]
    if any(one.is_sheet and one.inked.light is None for one in found):  # even was the desk, not the paper
        found += [one for inked in under_light(pixels) for one in _standing_out(inked)]
    return found


def _whole(inked: Inked) -> Found | None:
    """Keep all of a small image, but specks."""
    strongest = float(inked.ink.max())
    if strongest < _NO_INK:
        return None
    level = (inked.ink * (255 / strongest)).clip(0, 255)
    level[level < 4] = 0
    count, labels = cv2.connectedComponents((level > 0).astype(np.uint8), connectivity=8)
    weights = np.bincount(labels.ravel(), level.ravel(), minlength=count)
    kept = np.where((weights >= 0.02 * weights[1:].max())[labels], level, 0).astype(np.float32)
    return Found(kept, _box(kept > 0), inked.inverted)


def _standing_out(inked: Inked) -> Iterator[Candidate]:
    """Look for parts on a reduced map, which also evens out grain."""
    ink, blur = _even(reduced(inked.ink, SIDE), inked)
    noise = _noise(ink, inked)
    for floor in _floors(ink, noise):
        parts = parts_above(ink, floor)
        measures = measured(parts, ink, noise, inked) if len(parts) else {}
        for part in range(len(parts)):
            yield Candidate(inked, ink, blur, noise, parts, part, measures)


def _floors(ink: Ink, noise: float) -> Iterator[float]:
    """List floors that differ: low ones keep faint strokes whole, high ones free them from lines."""
    last = 0.0
    for share, strong in zip(_SHARES, np.percentile(ink, _STRONG), strict=True):
        floor = max(_NO_INK, min(4 * noise, 0.6 * strong), share * strong)
        if floor > 1.15 * last:
            yield floor
            last = floor


def _cut_out(chosen: Candidate) -> Found | None:
    """Cut a candidate out of the full image."""
    ink = chosen.inked.ink
    height, width = ink.shape
    near = cv2.resize(chosen.mask, (width, height), interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(near, np.ones((5, 5), np.uint8))
    peak = float(np.percentile(chosen.ink[chosen.mask > 0], 75))
    base = min(max(3 * chosen.noise, 0.25 * peak), 0.5 * peak)
    smooth = cv2.GaussianBlur(ink, (0, 0), chosen.blur * max(height, width) / SIDE)
    clean = ((smooth - base) * (255 / (0.9 * peak - base))).clip(0, 255) * near
    strokes = clean > 100
    return Found(clean.astype(np.float32), _box(strokes), chosen.inked.inverted) if strokes.any() else None


def _even(small: Ink, inked: Inked) -> tuple[Ink, float]:
    """Blur as much as the grain needs: a little, or where dots make up the grey, as in print, more."""
    smooth, blur = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 300).astype(np.float32), 0.5
    if 4 * _noise(smooth, inked) > 0.25 * float(np.percentile(smooth, 99.5)):
        smooth, blur = cv2.GaussianBlur(smooth, (0, 0), 1.2).astype(np.float32), 1.2
    return smooth, blur


def _noise(ink: Ink, inked: Inked) -> float:
    """Measure the paper's usual departure from 0, on even paper along the border, where there is no ink."""
    border = (ink[:4], ink[-4:], ink[:, :4], ink[:, -4:])
    paper = ink if inked.light else np.concatenate([strip.ravel() for strip in border])
    return 1.5 * float(np.median(np.abs(paper)))


def _with_neighbours(parts: Parts, main: int, measures: dict[str, Each]) -> NDArray[np.bool_]:
    """Add to the main part what belongs to it: what is near, as dark, not much smaller, and no line.

    Peers may be further away: a number or a word is to be seen as one, for it is no digit.
    """
    peers = parts.size > 0.4 * parts.size[main]
    right, bottom = parts.left + parts.width, parts.top + parts.height
    across = np.maximum(parts.left - right[main], parts.left[main] - right).clip(0)
    down = np.maximum(parts.top - bottom[main], parts.top[main] - bottom).clip(0)
    keep: NDArray[np.bool_] = np.hypot(across, down) < np.where(peers, 0.7, 0.35) * parts.size[main]
    keep &= (parts.level > 0.5 * parts.level[main]) & (parts.area > 0.02 * parts.area[main])
    keep &= measures["contrast"] > measures["contrast"][main] + np.log(0.3)
    keep &= measures["frame"] == 0
    thin = parts.area < 0.16 * parts.size**2
    keep &= ~(thin & (parts.size > 1.2 * parts.size[main]))
    keep[main] = True
    return keep


def _box(mask: NDArray[np.bool_]) -> Box:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, width, height
