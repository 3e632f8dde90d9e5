"""Tell thumbnails, enlarged or not: each of their pixels counts, and their paper is of one colour."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]  # (height, width)

_SMALL = 64  # pixels: a smaller image is no photograph
_LOST = 0.06  # of all contrast is lost of an enlarged one without fine detail; of photographs 0.09 at least
_SAME = 0.05  # of all contrast: what differs by less is one colour
_PAPER = 0.1  # of the image has the paper's colour, also around a digit that fills it; of a gradient less
_FLAT = 0.5  # of that differs by a grey level at most, where it is not paper that light falls off on


def is_thumbnail(picture: NDArray[np.uint8]) -> bool:
    """Whether an image (height, width, 3) has 64 pixels on its longer side at most, or no more detail.

    What has no more detail is an enlarged thumbnail where it has paper of one colour; else it may be light.
    """
    if max(picture.shape[:2]) <= _SMALL:
        return True
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    middles = grey[[len(grey) // 2]], grey[:, [grey.shape[1] // 2]]  # of most images they tell enough
    if _is_repeated(middles, grey):
        return _has_paper(grey)
    return _is_smooth(middles, grey) and _has_paper(grey, _FLAT)  # a photograph out of focus is smooth, too


def _is_repeated(middles: tuple[Grey, Grey], grey: Grey) -> bool:
    """Whether pixels were repeated: no two changes are nearer than one of 64."""
    across, down = middles
    least = max(grey.shape) / _SMALL
    changes = (np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) for rows in (across.T, down, grey, grey.T))
    return all((np.diff(each) >= least).all() for each in changes)


def _is_smooth(middles: tuple[Grey, Grey], grey: Grey) -> bool:
    """Whether hardly anything is lost when 64 pixels are left of the longer side."""
    lowest, highest, *_ = cv2.minMaxLoc(grey)
    return all(_lost(part) <= _LOST * (highest - lowest) for part in (*middles, grey))


def _lost(grey: Grey) -> float:
    """Measure how much is lost at most, in grey levels."""
    size = grey.shape[::-1]
    width, height = (max(1, round(side * _SMALL / max(size))) for side in size)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    _, most, *_ = cv2.minMaxLoc(cv2.absdiff(grey, cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)))
    return most


def _has_paper(grey: Grey, flat: float = 0.0) -> bool:
    """Whether a good part of it is as light, or as dark, as anything in it, and of that a share is flat."""
    lowest, highest, *_ = cv2.minMaxLoc(grey)
    same = _SAME * (highest - lowest)
    levels = np.bincount(grey.ravel(), minlength=256)
    paper = max(levels[: int(lowest + same) + 1], levels[math.ceil(highest - same) :], key=np.sum)
    return bool(
        paper.sum() > _PAPER * grey.size and np.convolve(paper, [1, 1, 1]).max() >= flat * paper.sum()
    )
