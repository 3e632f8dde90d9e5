"""Tell ink from paper: by colour, under any light, dark on light or light on dark."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float32]  # (height, width, 3), RGB in [0, 255]
Ink = NDArray[np.float32]  # (height, width), in grey levels above the paper; paper is about 0

MAP_SIDE = 256  # pixels of the map that is searched: a digit of a tenth of it still has 25
_SMALL = 64  # pixels: a smaller image is no photograph, its paper is one colour
_EVEN = 12  # of 255: colours that differ by less are one colour
_MOSTLY, _PARTLY = 0.88, 0.3  # of the border: paper of one colour for sure, perhaps
_COARSE = 144  # pixels of the longer side, on which light is estimated
_WINDOW = 0.25  # of the longer side: what is narrower can be ink
_AROUND = 0.4  # of the longer side: most of what is in such a window is paper
_SLATE = 115.0  # of 255: a sheet whose brightest parts are darker is slate rather than paper
_DARK = 24.0  # of 255: light below this is too little to divide by


@dataclass(frozen=True)
class Light:
    """What else is known where the paper is unevenly lit."""

    seen: Ink  # on the map: the brightness itself, turned so that ink is high
    rare: Ink  # on the map: how far each pixel is from most of what is around it, in grey levels
    likely: float  # in [0, 1]: whether ink of this polarity is to be expected on paper so light or dark


@dataclass(frozen=True)
class Inked:
    """One way to see what is ink."""

    ink: Ink
    inverted: bool  # the ink is lighter than the paper
    light: Light | None  # None on paper of one colour: all that stands out there was put there
    evenness: float = 1.0  # of that paper: the share of the border that has its colour


def find_ink(pixels: NDArray[np.uint8]) -> list[Inked]:
    """Measure how far each pixel of (height, width, 3) is from the paper, along the colour of the ink.

    On paper of one colour the ink is the rarer side. Under uneven light either side may be; both are given.
    Where it can be either, as behind a digit that fills the image, all three are.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (n, 3)
    paper = np.median(border, axis=0).astype(np.float32)
    evenness = float((np.abs(border - paper).max(axis=1) < _EVEN).mean())
    pure = paper.max() < _EVEN or paper.min() > 255 - _EVEN  # no camera sees that
    small = max(pixels.shape) <= _SMALL
    even = [_along_colour(pixels.astype(np.float32) - paper, evenness)] if small or evenness > _PARTLY else []
    is_sure = small or evenness > (0.5 if pure else _MOSTLY)
    return even if is_sure else [*even, *under_light(pixels)]


def under_light(pixels: NDArray[np.uint8]) -> list[Inked]:
    """Measure the ink of (height, width, 3) where the light may be uneven: as dark ink, and as light ink."""
    colours = pixels.astype(np.float32)
    return [_under_light(colours, inverted=inverted) for inverted in (False, True)]


def _along_colour(difference: Colours, evenness: float) -> Inked:
    """Project on the main colour axis, directed so that the ink, rare and far from the paper, is positive."""
    sample = difference[:: 1 + difference.shape[0] // 128, :: 1 + difference.shape[1] // 128].reshape(-1, 3)
    _, axes = np.linalg.eigh(sample.T @ sample)
    axis = axes[:, -1]
    amounts = sample @ axis
    if (amounts * amounts * amounts).sum() < 0:
        axis = -axis
    return Inked(_along(difference, axis), bool(axis.sum() > 0), light=None, evenness=evenness)


def _under_light(colours: Colours, *, inverted: bool) -> Inked:
    """Estimate the paper by closing what is narrow; ink is the share of the paper's light that is missing."""
    height, width = colours.shape[:2]
    turned = 255 - colours if inverted else colours  # ink is dark
    small = reduced(turned, _COARSE)
    paper = _closed(small)
    axis = _ink_axis(paper - small)
    here, most = (
        _along(turned, axis),
        cv2.resize(_along(paper, axis), (width, height), interpolation=cv2.INTER_LINEAR),
    )
    brightness = (
        255 * axis.sum() - most if inverted else most
    )  # of the paper: in a shadow ink stands out less
    ink = (most - here) * (float(np.median(brightness[::4, ::4])) / np.maximum(brightness, _DARK))
    grey = small @ (axis / axis.sum())
    seen = reduced(255 - here / axis.sum(), MAP_SIDE)
    rare = cv2.resize(_rare(grey), seen.shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    light = Light(seen, rare, _likely(grey, inverted=inverted))
    return Inked((ink - np.median(ink[::4, ::4])).astype(np.float32), inverted, light)


def _along(colours: Colours, axis: Ink) -> Ink:
    """Project (height, width, 3) on an axis (3,)."""
    return cv2.transform(colours, axis[None]).astype(np.float32, copy=False)


def _closed(small: Colours) -> Colours:
    window = _odd(_WINDOW * max(small.shape))
    padded = cv2.copyMakeBorder(small, window, window, window, window, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((window, window), np.uint8))
    paper = cv2.erode(closed, np.ones((3, 3), np.uint8))  # without it the paper's edge would have a halo
    return paper[window:-window, window:-window].astype(np.float32)


def _ink_axis(missing: Colours) -> Ink:
    """Find the colour (3,) in which most is missing from the paper."""
    amounts = missing.clip(0).reshape(-1, 3)
    strong = amounts * (amounts**2).sum(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(strong.T @ amounts)
    axis: Ink = np.abs(axes[:, -1]).astype(np.float32)
    return axis


def _rare(grey: Ink) -> Ink:
    around = cv2.medianBlur(grey.clip(0, 255).astype(np.uint8), _odd(_AROUND * max(grey.shape)))
    return around.astype(np.float32) - grey


def _likely(grey: Ink, *, inverted: bool) -> float:
    """Slate has light ink and is dark even where it is brightest; paper has dark ink."""
    brightest = float(np.percentile(255 - grey if inverted else grey, 90))
    paper = float(1 / (1 + np.exp((_SLATE - brightest) / 15)))
    return max(0.1, 1 - paper if inverted else paper)


def reduced(image: Colours | Ink, longest: int) -> NDArray[np.float32]:
    """Reduce to `longest` pixels on the longer side by averaging; a smaller image is only copied."""
    scale = min(1.0, longest / max(image.shape))
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def _odd(size: float) -> int:
    return 2 * int(size / 2) + 1
