"""Ink, paper, light and lens: what the images of the generator and the samples are put together from.

A mask is (height, width) float32 in [0, 1], 1 is ink. A sheet is (height, width, 3) float32 in [0, 255], RGB.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from skimage.morphology import skeletonize

Mask = NDArray[np.float32]
Sheet = NDArray[np.float32]
Colour = tuple[float, float, float]
Digit = NDArray[np.uint8]  # (28, 28), ink is 255


def enlarged(digit: Digit, height: int) -> Mask:
    """Draw MNIST's 20-pixel ink smoothly at `height` pixels: cubic enlargement, then a soft threshold."""
    rows, columns = np.flatnonzero(digit.max(1)), np.flatnonzero(digit.max(0))
    ink = np.pad(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 2).astype(np.float32) / 255
    scale = height / (ink.shape[0] - 4)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    smooth = cv2.GaussianBlur(
        cv2.resize(ink, size, interpolation=cv2.INTER_CUBIC), (0, 0), max(0.3, scale / 2.5)
    )
    level = smooth - 0.45
    return _soft(level / max(float(np.hypot(*np.gradient(level)).max()), 1e-6))


def restroked(mask: Mask, width: float) -> Mask:
    """Draw the same lines again with a round brush of `width` pixels."""
    lines = skeletonize(mask > 0.5)  # type: ignore[no-untyped-call]  # scikit-image ships it so
    pad = int(width / 2) + 2
    away = cv2.distanceTransform(np.pad(~lines, pad, constant_values=True).astype(np.uint8), cv2.DIST_L2, 5)
    return _soft(width / 2 - away)


def thickened(mask: Mask, pixels: float) -> Mask:
    """Make every stroke wider by `pixels`, or narrower if negative."""
    pad = int(max(pixels, 0)) + 2
    padded = np.pad(mask, pad)
    inside = cv2.distanceTransform((padded > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((padded <= 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return _soft(inside - outside + pixels / 2)


def holes(mask: Mask) -> int:
    """Count what ink encloses."""
    components, _ = cv2.connectedComponents(
        np.pad(mask <= 0.5, 1, constant_values=True).astype(np.uint8), connectivity=4
    )
    return int(components) - 2  # the ink itself is one, the paper around it another


def covered(mask: Mask) -> NDArray[np.bool_]:
    """Where something of a mark is, however faint all of it may be."""
    cover: NDArray[np.bool_] = mask > 0.1 * mask.max()
    return cover


def placed(mask: Mask, height: int, width: int, left: int, top: int) -> Mask:
    """Put a mask on an empty one of `height` × `width`; what lies outside is cut off."""
    move = np.array([[1, 0, left], [0, 1, top]], np.float32)
    return cv2.warpAffine(mask, move, (width, height)).astype(np.float32)


def inked(sheet: Sheet, mask: Mask, colour: Colour, opacity: float = 1.0) -> Sheet:
    result = sheet.copy()
    left, top, width, height = cv2.boundingRect((mask > 0).view(np.uint8))
    window = slice(top, top + height), slice(left, left + width)  # most of a sheet has no ink
    cover = (mask[window] * opacity)[..., None]
    result[window] = result[window] * (1 - cover) + np.array(colour, np.float32) * cover
    return result


def plain(height: int, width: int, colour: Colour) -> Sheet:
    row = np.tile(np.array(colour, np.float32), width)  # several times as fast as pixel by pixel
    return np.tile(row, (height, 1)).reshape(height, width, 3)


def ruled(sheet: Sheet, pitch: float, colour: Colour, *, squared: bool, thickness: int = 1) -> Sheet:
    """Rule a sheet with lines `pitch` pixels apart, across and, if squared, down."""
    result = sheet.copy()
    height, width = sheet.shape[:2]
    for at in np.arange(pitch / 2, height, pitch).astype(int):
        result[at : at + thickness] = colour
    for at in np.arange(pitch / 2, width, pitch).astype(int) if squared else ():
        result[:, at : at + thickness] = colour
    return result


def grained(sheet: Sheet, strength: float, grain: float, rng: Generator) -> Sheet:
    """Give a sheet the texture of paper, slate or film: soft noise of `strength` grey levels."""
    height, width = sheet.shape[:2]
    rows, columns = max(2, int(height / grain)), max(2, int(width / grain))
    noise = rng.standard_normal((rows, columns)).astype(np.float32) * strength
    return sheet + cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]


def lit(sheet: Sheet, darkest: float, angle: float) -> Sheet:
    """Let light fall off across a sheet, down to the share `darkest`."""
    return sheet * (1 - (1 - darkest) * _ramp(sheet, angle))[..., None]


def shadowed(sheet: Sheet, share: float, angle: float, at: float, softness: float) -> Sheet:
    """Throw a shadow with a straight edge; under it the share `share` of the light is left."""
    under = 1 / (1 + np.exp(-(_ramp(sheet, angle) - at) / softness))
    result: Sheet = sheet * (1 - (1 - share) * under)[..., None].astype(np.float32)
    return result


def bar(shape: tuple[int, ...], start: NDArray[np.float64], end: NDArray[np.float64], wide: float) -> Mask:
    """Draw a straight bar `wide` pixels wide with round ends: (height, width) in [0, 1]."""
    mask = np.zeros(shape, np.float32)
    (left, top), (right, bottom) = (start.astype(int).tolist(), end.astype(int).tolist())
    cv2.line(mask, (left, top), (right, bottom), 1.0, max(1, round(wide)))
    return mask


def tilted(sheet: Sheet, corners: NDArray[np.float32], around: Sheet) -> Sheet:
    """See a sheet from the side: its corners go to `corners` (4, 2) in pixels of what is `around` it."""
    height, width = sheet.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    view = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
    size = around.shape[1::-1]
    cover = cv2.warpPerspective(np.ones((height, width), np.float32), view, size)[..., None]
    return cv2.warpPerspective(sheet, view, size).astype(np.float32) + around * (1 - cover)


def blurred(sheet: Sheet | Mask, sigma: float) -> Sheet:
    return cv2.GaussianBlur(sheet, (0, 0), sigma).astype(np.float32) if sigma > 0.2 else sheet


def exposed(sheet: Sheet) -> NDArray[np.uint8]:
    """Turn into the 8-bit pixels that a file holds."""
    return cv2.convertScaleAbs(sheet.clip(min=0)).astype(np.uint8, copy=False)  # rounds, and stops at 255


def _ramp(sheet: Sheet, angle: float) -> Mask:
    """From 0 to 1 across the sheet in the direction `angle` (radians)."""
    height, width = sheet.shape[:2]
    rows, columns = (np.linspace(0, 1, side).astype(np.float32) for side in (height, width))
    along = columns * np.cos(angle) + (rows * np.sin(angle))[:, None]
    ramp: Mask = ((along - along.min()) / max(float(np.ptp(along)), 1e-6)).astype(np.float32)
    return ramp


def _soft(distance: NDArray[np.float32]) -> Mask:
    """Turn a signed distance to an edge in pixels, inside is positive, into coverage."""
    coverage: Mask = (distance + 0.5).clip(0, 1).astype(np.float32)
    return coverage
