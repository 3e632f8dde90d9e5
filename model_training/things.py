"""Photographs of anything but writing: a mug, a face, a keyboard, bricks. None of it is a digit."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from model_training.kinds import Frame, Point, Style, held, taken
from model_training.marks import LETTERS
from model_training.rendering import Colour, Mask, Sheet, bar, blurred, grained, inked, plain
from model_training.scenes import SKIN, brighter, colour, shaded, surface

_KEYS = [letter for letter in LETTERS if letter.isupper()]
_HAIR: tuple[Colour, ...] = ((30, 22, 18), (75, 50, 30), (160, 120, 70), (120, 120, 120))
_BRICK: Colour = (160, 75, 55)


def thing(_: Mask, rng: Generator, style: Style) -> bytes:
    """Photograph one thing."""
    frame = held(rng, style, 0.55)
    return taken(THINGS[rng.integers(len(THINGS))](frame, rng), rng, style)


def _mug(frame: Frame, rng: Generator) -> Sheet:
    """See a mug from above, or a plate."""
    middle, radius = _place(frame, rng, 0.12, 0.4)
    side = _direction(rng)
    thick = radius * rng.uniform(0.08, 0.22)
    cup = _disc(frame, middle, radius)
    handle = _ring(frame, middle + 1.15 * radius * side, radius * rng.uniform(0.25, 0.45), thick)
    china, sheet = colour(rng, 60, 240), surface(frame, rng)
    outline = np.maximum(cup, handle) if rng.random() < 0.7 else cup
    sheet = inked(shaded(sheet, outline, rng.uniform(0.2, 0.5), radius / 4), outline, china)
    within = _disc(frame, middle, radius - thick)
    return inked(sheet, within, colour(rng, 20, 90) if rng.random() < 0.7 else brighter(china, 15))


def _face(frame: Frame, rng: Generator) -> Sheet:
    middle, radius = _place(frame, rng, 0.2, 0.4)
    skin, hair = SKIN[rng.integers(len(SKIN))], _HAIR[rng.integers(len(_HAIR))]
    sheet = grained(plain(*frame, colour(rng, 20, 220)), 6, max(frame) / 8, rng)
    sheet = inked(
        sheet, _disc(frame, middle - np.array([0, 0.25 * radius]), 1.1 * radius, 1.15 * radius), hair
    )
    sheet = inked(sheet, _disc(frame, middle, 0.85 * radius, 1.1 * radius), skin)
    for across in (-0.35, 0.35):
        eye = middle + radius * np.array([across, -0.1])
        sheet = inked(sheet, _disc(frame, eye, 0.13 * radius, 0.07 * radius), (245, 245, 240))
        sheet = inked(sheet, _disc(frame, eye, 0.06 * radius), (40, 30, 25))
        brow = radius * np.array([[-0.16, -0.2], [0.16, -0.2]])
        sheet = inked(sheet, bar(frame, eye + brow[0], eye + brow[1], 0.05 * radius), hair)
    nose, mouth = (middle + np.array([0, down * radius]) for down in (0.25, 0.6))
    sheet = inked(sheet, bar(frame, middle, nose, 0.05 * radius), (0, 0, 0), 0.2)
    return inked(sheet, _disc(frame, mouth, 0.3 * radius, 0.08 * radius), (165, 70, 70))


def _keyboard(frame: Frame, rng: Generator) -> Sheet:
    pitch, dark = max(frame) / rng.uniform(5, 14), rng.random() < 0.5
    keys, letters = np.zeros(frame, np.float32), np.zeros(frame, np.uint8)
    for row, top in enumerate(np.arange(-rng.uniform(0, pitch), frame.height, pitch)):
        for left in np.arange(-rng.uniform(0, 0.6) * pitch * (row % 3), frame.width, pitch):
            corner = (int(left + pitch), int(top + pitch))
            cv2.rectangle(keys, (int(left + 0.1 * pitch), int(top + 0.1 * pitch)), corner, 1.0, cv2.FILLED)
            at = (int(left + 0.35 * pitch), int(top + 0.65 * pitch))
            letter = _KEYS[rng.integers(len(_KEYS))]
            thick = max(1, int(pitch / 30))
            cv2.putText(letters, letter, at, cv2.FONT_HERSHEY_SIMPLEX, pitch / 80, 255, thick, cv2.LINE_AA)
    key = rng.uniform(25, 70) if dark else rng.uniform(190, 240)
    sheet = inked(plain(*frame, (0.6 * key,) * 3), keys, (key,) * 3)
    return inked(sheet, (letters / 255).astype(np.float32), (235 - 0.9 * key,) * 3)


def _bricks(frame: Frame, rng: Generator) -> Sheet:
    high, wide = (max(frame) / rng.uniform(*range_) for range_ in ((8, 22), (3, 9)))
    wall = plain(*frame, (rng.uniform(120, 210),) * 3)
    for row, top in enumerate(np.arange(0, frame.height, high)):
        for left in np.arange(-wide / 2 * (row % 2), frame.width, wide):
            brick = tuple(np.array(_BRICK) + rng.normal(0, 14) + rng.normal(0, 6, 3))
            ends = (int(left + 0.93 * wide), int(top + 0.87 * high))
            cv2.rectangle(wall, (int(left), int(top)), ends, brick, cv2.FILLED)
    return grained(wall, rng.uniform(3, 14), 2, rng)


def _scissors(frame: Frame, rng: Generator) -> Sheet:
    """Lay down two rings and what joins them."""
    middle, size = _place(frame, rng, 0.2, 0.4)
    ahead = _direction(rng)
    aside, thick = np.array([-ahead[1], ahead[0]]), size * rng.uniform(0.08, 0.16)
    tool = np.zeros(frame, np.float32)
    for way in (-1, 1):
        ring = middle - 0.5 * size * ahead + 0.32 * way * size * aside
        tool = np.maximum(tool, _ring(frame, ring, 0.27 * size, thick))
        tool = np.maximum(tool, bar(frame, ring, middle + size * ahead - 0.15 * way * size * aside, thick))
    sheet = surface(frame, rng)
    return inked(shaded(sheet, tool, rng.uniform(0.2, 0.4), thick), tool, colour(rng, 20, 230))


def _leaf(frame: Frame, rng: Generator) -> Sheet:
    """Lay down a leaf with its veins."""
    middle, size = _place(frame, rng, 0.2, 0.42)
    ahead = _direction(rng)
    aside, wide = np.array([-ahead[1], ahead[0]]), rng.uniform(0.2, 0.6)
    along = np.linspace(-1, 1, 40)
    half = wide * np.cos(along * np.pi / 2)
    edges = np.concatenate([np.stack([along, half], 1), np.stack([along, -half], 1)[::-1]])
    leaf = np.zeros(frame, np.float32)
    cv2.fillPoly(leaf, [(middle + size * (edges @ np.stack([ahead, aside]))).astype(int)], 1.0)
    green = (rng.uniform(40, 150), rng.uniform(90, 170), rng.uniform(20, 80))
    sheet = inked(shaded(surface(frame, rng), leaf, 0.3, size / 12), leaf, green)
    for at in np.linspace(-0.7, 0.7, int(rng.integers(4, 10))):
        for way in (-1, 1):
            root = middle + size * at * ahead
            tip = root + 0.8 * size * wide * np.cos(at * np.pi / 2) * (0.4 * ahead + way * aside)
            sheet = inked(sheet, bar(frame, root, tip, size / 60), brighter(green, 40), 0.6)
    return inked(sheet, bar(frame, middle - 1.2 * size * ahead, middle + size * ahead, size / 40), green)


THINGS: tuple[Callable[[Frame, Generator], Sheet], ...] = (
    _mug,
    _mug,
    _face,
    _keyboard,
    _bricks,
    _scissors,
    _leaf,
)


def _place(frame: Frame, rng: Generator, smallest: float, largest: float) -> tuple[Point, float]:
    """Choose where a thing lies, and half its size, in pixels."""
    size = min(frame) * rng.uniform(smallest, largest)
    return np.array([frame.width, frame.height]) * rng.uniform(0.35, 0.65, 2), size


def _direction(rng: Generator) -> Point:
    """Choose any direction: (2,), a pixel long."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def _disc(frame: Frame, middle: Point, across: float, down: float = 0.0) -> Mask:
    """Fill an ellipse; a circle unless it says how far it goes down."""
    mask = np.zeros(frame, np.float32)
    axes = (max(1, int(across)), max(1, int(down or across)))
    cv2.ellipse(mask, middle.astype(int).tolist(), axes, 0, 0, 360, 1.0, cv2.FILLED)
    return blurred(mask, min(axes) / 60)


def _ring(frame: Frame, middle: Point, radius: float, thick: float) -> Mask:
    mask = np.zeros(frame, np.float32)
    cv2.circle(mask, middle.astype(int).tolist(), max(1, int(radius)), 1.0, max(1, round(thick)))
    return mask
