"""From pixels to what the network reads, defined once for training, evaluation and serving.

The target is MNIST's own form: ink is 255 on 0, the digit's longer side is 20 pixels, its centre of mass is
in the middle of 28×28. An image that has this form already comes through as it is.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.decoding import Limits, decode

PREPROCESSING_VERSION = 1  # raised by every change that changes what the network sees
SIDE = 28  # pixels
BOX = 20  # pixels, the longer side of the digit
_NO_INK = 12  # of 255: paper that varies less than this shows nothing
_SPECK = 0.02  # of the largest component's ink: less than this is dirt

Ink = NDArray[np.float32]  # (height, width) in [0, 255], 0 is paper


@dataclass(frozen=True)
class Preprocessed:
    """What the network reads, and how it came to be."""

    pixels: NDArray[np.uint8]  # (28, 28), ink is 255; all 0 where no ink was found
    inverted: bool  # the ink is lighter than the paper
    box: tuple[int, int, int, int] | None  # left, top, width, height in pixels of the upright upload
    rotation: int  # degrees counter-clockwise, by EXIF
    scale: float | None  # pixels here for each pixel of the upload
    stroke_width: float | None  # pixels of the upload


def preprocess(data: bytes, limits: Limits | None = None) -> Preprocessed:
    """Read an upload.

    Raises ImageError (see `decode`).
    """
    picture = decode(data, limits or Limits())
    ink, inverted = find_ink(picture.pixels)
    ink = choose(ink)
    box = bounding_box(ink)
    if box is None:
        empty = np.zeros((SIDE, SIDE), np.uint8)
        return Preprocessed(empty, inverted, None, picture.rotation, None, None)
    reduction = picture.reduction
    return Preprocessed(
        pixels=fit(ink),
        inverted=inverted,
        box=tuple(round(edge * reduction) for edge in box),  # type: ignore[arg-type]  # four, as `box` has
        rotation=picture.rotation,
        scale=BOX / (max(box[2:]) * reduction),
        stroke_width=stroke_width(ink) * reduction,
    )


def find_ink(pixels: NDArray[np.uint8]) -> tuple[Ink, bool]:
    """Tell ink from paper: how far each pixel's colour is from the paper's, along the ink's colour.

    The polarity is decided here and nowhere else: ink is the rarer side.
    """
    colours = pixels.astype(np.float32)  # (height, width, 3)
    difference = colours - _paper(colours)
    _, axes = np.linalg.eigh(np.einsum("hwc,hwd->cd", difference, difference))
    along = difference @ axes[:, -1]  # (height, width), signed distance along the main colour axis
    if float((along**3).sum()) < 0:
        along, axes = -along, -axes
    strongest = float(along.max(initial=0))
    if strongest < _NO_INK:
        return np.zeros_like(along), False
    ink = (along * (255 / strongest)).clip(0, 255).astype(np.float32)
    return ink, bool(axes[:, -1].sum() > 0)


def _paper(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    edge = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    paper: NDArray[np.float32] = np.median(edge, axis=0)
    return paper


def choose(ink: Ink) -> Ink:
    """Keep the digit's components, drop specks."""
    count, labels = cv2.connectedComponents((ink > 0).astype(np.uint8), connectivity=8)
    if count <= 2:
        return ink
    weights = np.bincount(labels.ravel(), ink.ravel(), minlength=count)
    keep = weights >= _SPECK * weights[1:].max()
    return np.where(keep[labels], ink, 0).astype(np.float32)


def bounding_box(ink: Ink) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the ink, None if there is none."""
    if not ink.any():
        return None
    left, top, width, height = cv2.boundingRect((ink > 0).astype(np.uint8))
    return left, top, width, height


def stroke_width(ink: Ink) -> float:
    """Measure the pen's width in pixels: twice the mean depth along the strokes' ridges."""
    depth = cv2.distanceTransform(np.pad((ink > 127).astype(np.uint8), 1), cv2.DIST_L2, 5)
    ridge = (depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))
    return float(2 * depth[ridge].mean() - 1) if ridge.any() else 1.0


def fit(ink: Ink) -> NDArray[np.uint8]:
    """Bring the digit to MNIST's form: (28, 28) uint8. Ink that has this form already is only copied."""
    box = bounding_box(ink)
    if box is None:
        return np.zeros((SIDE, SIDE), np.uint8)
    left, top, width, height = box
    digit = ink[top : top + height, left : left + width]
    if max(width, height) != BOX:
        digit = _resized(digit, BOX / max(width, height))
    return _centred(digit)


def _resized(digit: Ink, scale: float) -> Ink:
    size = tuple(max(1, round(side * scale)) for side in digit.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(digit, size, interpolation=method).clip(0, 255).astype(np.float32)


def _centred(digit: Ink) -> NDArray[np.uint8]:
    """Move the centre of mass to the middle, as far as the digit stays inside."""
    height, width = digit.shape
    mass = float(digit.sum())
    offsets = []
    for axis, length in enumerate((height, width)):
        centre = float(digit.sum(axis=1 - axis) @ np.arange(length)) / mass
        offsets.append(int(np.clip(np.floor(SIDE / 2 - centre + 0.5), 0, SIDE - length)))
    top, left = offsets
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + height, left : left + width] = np.rint(digit)
    return image
