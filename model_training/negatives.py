"""What is not one digit, in the form the network reads: letters, shapes, scribbles, noise."""

from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference_image.preprocessing import choose, fit

SIDE = 140  # pixels of the sheet that things are drawn on
FONTS = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuSans*.ttf"))
# A letter that a person could take for a digit teaches nothing.
LETTERS = "AEFHKMNPRTUVWXYacdefhkmnprtuvwxy"
SYMBOLS = "#%&@$*+=?<>[]{}~^αβγδλμπσφψωΣΔΩЖЯ"
Sheet = NDArray[np.uint8]


def draw(count: int, digits: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Draw images as (count, 28, 28) uint8; several `digits` (N, 28, 28) together are no digit either."""
    kinds: list[Callable[[Generator], Sheet]] = [_letter, _word, _scribble, _shape, _noise, _texture]
    kinds += [_letter, _scribble, lambda rng: _several(digits, rng)]
    images = [_seen(kinds[rng.integers(len(kinds))](rng)) for _ in range(count - count // 50)]
    blank = [np.zeros((28, 28), np.uint8)] * (count // 50)
    return np.stack(images + blank)


def _seen(sheet: Sheet) -> NDArray[np.uint8]:
    return fit(choose(sheet.astype(np.float32)))


def _letter(rng: Generator) -> Sheet:
    return _text(str(rng.choice(list(LETTERS + SYMBOLS))), rng)


def _word(rng: Generator) -> Sheet:
    return _text("".join(rng.choice(list(LETTERS), rng.integers(2, 6))), rng)


def _text(text: str, rng: Generator) -> Sheet:
    font = ImageFont.truetype(FONTS[rng.integers(len(FONTS))], int(rng.integers(30, 60)))
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).text((SIDE // 2, SIDE // 2), text, 255, font, anchor="mm")
    turned = image.rotate(float(rng.normal(0, 8)), Image.Resampling.BILINEAR)
    return np.asarray(turned)


def _scribble(rng: Generator) -> Sheet:
    steps = rng.normal(0, 1, (int(rng.integers(8, 40)), 2))
    path = cv2.GaussianBlur(np.cumsum(steps, 0), (1, 3), 1).repeat(3, 0)
    path = (path - path.min(0)) / (np.ptp(path, axis=0) + 1e-6) * rng.uniform(40, 110) + 14
    return _line(path, closed=False, rng=rng)


def _shape(rng: Generator) -> Sheet:
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 5))))
    corners = SIDE / 2 + 50 * np.stack([np.cos(angles), np.sin(angles)], 1)
    sheet = _line(corners, closed=True, rng=rng)
    if np.ptp(corners, axis=0).min() > 40 and rng.random() < 0.5:
        cv2.fillPoly(sheet, [corners.astype(np.int32)], 255.0)
    return sheet


def _line(points: NDArray[np.float64], rng: Generator, *, closed: bool) -> Sheet:
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    cv2.polylines(sheet, [points.astype(np.int32)], closed, 255.0, int(rng.integers(3, 13)), cv2.LINE_AA)
    return sheet


def _several(digits: NDArray[np.uint8], rng: Generator) -> Sheet:
    chosen = digits[rng.integers(len(digits), size=rng.integers(2, 4))]
    return np.hstack([digit[:, 3:25] for digit in chosen])


def _noise(rng: Generator) -> Sheet:
    noise = rng.random((28, 28)).astype(np.float32) ** rng.uniform(1, 30)
    return (noise * 255).astype(np.uint8)


def _texture(rng: Generator) -> Sheet:
    noise = cv2.GaussianBlur(rng.normal(0, 1, (56, 56)).astype(np.float32), (0, 0), rng.uniform(0.8, 5))
    raised = np.maximum(noise / noise.std() - rng.uniform(-1, 1.5), 0)
    texture: Sheet = (255 * raised / max(raised.max(), 1e-6)).astype(np.uint8)
    return texture
