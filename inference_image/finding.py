"""Find what may be the digit among everything that stands out from the paper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.candidates import NO_INK, Candidate, candidates
from inference_image.ink import MAP_SIDE, Ink, Inked, Sizes, without_light
from inference_image.parts import fitted
from inference_image.ranks import percentiles
from inference_image.sheets import within_border
from inference_image.thumbnails import is_thumbnail

Box = tuple[int, int, int, int]  # left, top, width, height in pixels

_VIEWS = 4  # at most: what the network is asked to judge
# An appeal: what has less is no mark. Half of the blanks read as digits had less, and 1 digit in 2,000.
NOTHING = -4.0
_BEHIND = 8.0  # appeal: what lies further behind the best is not worth the network's time
_SAME = 0.8  # of two masks' union: views that share more are one
_CERTAIN = 6.0  # appeal of all the ink of a thumbnail


@dataclass(frozen=True)
class Found:
    """Strokes that may be the digit."""

    ink: Ink  # of the box, in [0, 255], 0 where there are no strokes
    box: Box
    inverted: bool  # the ink is lighter than the paper
    appeal: float  # log odds against there being nothing


def find_digits(pixels: NDArray[np.uint8]) -> list[Found]:
    """List what may be the digit's strokes in (height, width, 3), the most appealing first.

    Specks, lines, shadows and edges appeal less. The list is empty if nothing stands out.
    """
    if is_thumbnail(pixels):
        return [found for inked in without_light(Sizes.of(pixels)) if (found := _whole(inked))]
    rows, columns = within_border(pixels)
    inside = np.ascontiguousarray(pixels[rows, columns])
    strokes = [found for one in _likely(candidates(inside)) if (found := _cut_out(one))]
    return [replace(one, box=_moved(one.box, columns.start, rows.start)) for one in strokes]


def _moved(box: Box, across: int, down: int) -> Box:
    left, top, width, height = box
    return left + across, top + down, width, height


def _likely(found: Sequence[Candidate]) -> list[Candidate]:
    """Choose a few that differ; what is on a sheet or in a table comes before it."""
    by_appeal = sorted(found, key=lambda one: -one.appeal)
    # Shapes take time: only of the few that appeal most they are looked at.
    best = next((one.appeal for one in by_appeal if not one.is_ruled_out), 0.0)
    least = max(NOTHING, best - _BEHIND)
    appealing = [one for one in found if one.appeal > least]  # the few whose shapes are worth a look
    ranked = sorted(appealing, key=lambda one: (one.is_sheet or one.is_table, -one.appeal))
    likely: list[Candidate] = []
    for rank, one in enumerate(ranked):
        if len(likely) == _VIEWS:
            break
        is_shown = any(map(one.belongs_to, ranked[:rank])) or any(
            one.surrounds(other) or one.is_between(other) or _are_one(one, other) for other in likely
        )
        if not (one.is_step or one.is_ruled_out or is_shown or _is_broken(one, appealing)):
            likely.append(one)
    return likely


def _is_broken(one: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether the narrow search broke a ring of strokes nearly too wide for it, which is whole without it."""
    if not one.searched.inked.is_narrow:
        return False
    whole = [other for other in others if not (other.searched.inked.is_narrow or other.is_sheet)]
    return any(_are_one(one, other) and _enclosed(one.mask) < _enclosed(other.mask) for other in whole)


def _enclosed(mask: NDArray[np.uint8]) -> int:
    """Count the places that a mask encloses."""
    paper = (cv2.copyMakeBorder(mask, *(1,) * 4, cv2.BORDER_CONSTANT) == 0).view(np.uint8)
    count, _ = cv2.connectedComponents(paper, connectivity=4)
    return int(count) - 2  # the mask itself is one, the paper around it another


def _are_one(one: Candidate, other: Candidate) -> bool:
    here, there = one.surroundings, other.surroundings  # of two views of a thin line itself little is shared
    shared, together = (np.count_nonzero(mask) for mask in (here & there, here | there))
    return bool(shared > _SAME * together)


def _whole(inked: Inked) -> Found | None:
    """Keep all of a thumbnail, but specks."""
    height, width = inked.sizes.picture.shape[:2]
    ink = inked.close_up(slice(0, height), slice(0, width))
    strongest = float(ink.max())
    if strongest < NO_INK:
        return None
    level = (ink * (255 / strongest)).clip(0, 255)
    level[level < 4] = 0
    count, labels = cv2.connectedComponents((level > 0).astype(np.uint8), connectivity=8)
    weights = np.bincount(labels.ravel(), level.ravel(), minlength=count)
    kept = np.where((weights >= 0.02 * weights[1:].max())[labels], level, 0).astype(np.float32)
    return _found(kept, kept > 0, inked, _CERTAIN)


def _cut_out(chosen: Candidate) -> Found | None:
    """Cut a candidate out of the full image."""
    searched, inked = chosen.searched, chosen.searched.inked
    shape = inked.sizes.picture.shape[:2]
    near = cv2.dilate(fitted(chosen.mask, shape), np.ones((5, 5), np.uint8))
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
