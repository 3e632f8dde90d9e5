"""From pixels to what the network reads, defined once for training, evaluation and serving.

The target is MNIST's own form: ink is 255 on 0, the digit's longer side is 20 pixels, its centre of mass is
in the middle of 28×28. An image that has this form already comes through as it is.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.decoding import Picture, decode
from inference_image.finding import NOTHING, Box, Found, find_digits
from inference_image.ink import Ink
from inference_image.limits import Limits

PREPROCESSING_VERSION = 13  # raised where a change to what the network sees is worth a training: decision 14
SIDE = 28  # pixels
BOX = 20  # pixels, the longer side of the digit
THINNEST = 2.0  # pixels in the result: MNIST's thin strokes; thinner ones would fade when they are reduced


@dataclass(frozen=True)
class Preprocessed:
    """A view of an upload: what the network reads, and how it came to be."""

    pixels: NDArray[np.uint8]  # (28, 28), ink is 255; all 0 where no ink was found
    appeal: float  # how much it looked like a digit's place: log odds against there being nothing
    inverted: bool | None  # the ink is lighter than the paper
    box: Box | None  # of the digit, in pixels of the upright upload
    rotation: int  # degrees counter-clockwise, by EXIF
    scale: float | None  # pixels here for each pixel of the upload
    stroke_width: float | None  # pixels of the upload
    thickened: bool = False  # the strokes were thinner than MNIST's


def preprocess(data: bytes, limits: Limits | None = None) -> list[Preprocessed]:
    """Read an upload: what may be its digit, the most likely first, at least one.

    Raises ImageError (see `decode`).
    """
    picture = decode(data, limits or Limits())
    found = [_prepared(one, picture) for one in find_digits(picture.pixels)]
    return found or [_nothing(picture)]


def _prepared(found: Found, picture: Picture) -> Preprocessed:
    stroke = stroke_width(found.ink)
    missing = missing_width(found.ink, stroke)
    return Preprocessed(
        pixels=fit(found.ink, missing),
        appeal=found.appeal,
        inverted=found.inverted,
        box=_in_the_upload(found.box, picture),
        rotation=picture.rotation,
        scale=BOX / (max(found.ink.shape) * picture.reduction),
        stroke_width=stroke * picture.reduction,
        thickened=missing > 0,
    )


def _in_the_upload(box: Box, picture: Picture) -> Box:
    """Enlarge a box, no further than the upload goes: its last pixels may be less than a whole one here."""
    left, top, width, height = (edge * picture.reduction for edge in box)
    return left, top, min(width, picture.size[0] - left), min(height, picture.size[1] - top)


def _nothing(picture: Picture) -> Preprocessed:
    return Preprocessed(np.zeros((SIDE, SIDE), np.uint8), NOTHING, None, None, picture.rotation, None, None)


def stroke_width(digit: Ink) -> float:
    """Measure the pen's width in pixels: twice the mean depth along the strokes' ridges."""
    strokes = cv2.copyMakeBorder((digit > 127).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(strokes, cv2.DIST_L2, 5)
    ridge = depth[(depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))]
    return float(2 * ridge.mean() - 1) if len(ridge) else 1.0


def missing_width(digit: Ink, stroke: float) -> int:
    """How many pixels a stroke must grow not to fade when the digit is reduced."""
    scale = BOX / max(digit.shape)
    return 0 if scale == 1 else max(0, int(THINNEST / scale - stroke))


def fit(digit: Ink, missing: int) -> NDArray[np.uint8]:
    """Bring a cropped digit to MNIST's form: (28, 28) uint8. What has this form already is only copied."""
    if missing:
        digit = cv2.dilate(digit, _round(missing + 1)).astype(np.float32)
    return _centred(_resized(digit, BOX / max(digit.shape)))


def _round(width: int) -> NDArray[np.uint8]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)).astype(np.uint8)


def _resized(digit: Ink, scale: float) -> Ink:
    width, height = (max(1, round(side * scale)) for side in digit.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(digit, (width, height), interpolation=method).clip(0, 255).astype(np.float32)


def _centred(digit: Ink) -> NDArray[np.uint8]:
    """Move the centre of mass to the middle, as far as the digit stays inside."""
    height, width = digit.shape
    mass = max(float(digit.sum()), 1e-6)  # what is faint may vanish when it is reduced
    top = _offset(float(digit.sum(axis=1) @ np.arange(height)) / mass, height)
    left = _offset(float(digit.sum(axis=0) @ np.arange(width)) / mass, width)
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + height, left : left + width] = np.rint(digit)
    return image


def _offset(centre: float, length: int) -> int:
    return min(max(math.floor(SIDE / 2 - centre + 0.5), 0), SIDE - length)
