"""A page among other things: on a table or a cloth, beside a pen, between fingers; or ink on a photograph."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from model_training.kinds import Frame, Style, anywhere, blob, edge, encoded, held, page, taken
from model_training.rendering import (
    Colour,
    Mask,
    Sheet,
    bar,
    blurred,
    covered,
    exposed,
    grained,
    inked,
    plain,
    tilted,
)

SKIN = ((225, 180, 150), (190, 135, 105), (120, 80, 60), (240, 200, 175), (80, 55, 40))
_BARRELS = ((30, 60, 160), (25, 25, 25), (210, 50, 50), (240, 180, 40), (60, 140, 80), (235, 235, 235))
_WOODS = ((150, 105, 65), (185, 145, 100), (95, 65, 45), (205, 175, 135))
_INKS = ((255, 255, 255), (0, 0, 0), (255, 40, 40), (255, 235, 0), (40, 90, 255))
_METAL: Colour = (170, 170, 175)
_APART = 150  # of the ink from a photograph's mean colour
_TRIES = 8  # to lay something down without hiding the mark


def scene(mark: Mask, rng: Generator, style: Style) -> bytes:
    """Photograph a page and what is around it, or draw on a photograph."""
    frame = held(rng, style, 0.6)
    if rng.random() < 0.2:
        return _on_a_photograph(mark, frame, rng)
    mask = anywhere(mark, frame, rng, smallest=0.25, largest=0.7)
    corners = _corners(frame, rng, whole=rng.random() < 0.7)
    sheet = tilted(page(mask, rng), corners, surface(frame, rng))
    kept = covered(tilted(np.repeat(mask[..., None], 3, 2), corners, plain(*frame, (0, 0, 0)))[..., 0])
    pens, fingers = (0.35, 0.35) if mask.any() else (0.1, 0.5)  # a pen alone is the stroke of a 1
    thing = rng.random()
    if thing < pens:
        sheet = with_pen(sheet, kept, rng)
    elif thing < pens + fingers:
        sheet = with_fingers(sheet, kept, rng)
    return taken(sheet, rng, style)


def _on_a_photograph(mark: Mask, frame: Frame, rng: Generator) -> bytes:
    """Draw as telephones let people draw: in a bright colour that the picture does not have."""
    mask = anywhere(mark, frame, rng, smallest=0.3, largest=0.8)
    picture = _photograph(frame, rng)
    away = [np.linalg.norm(picture.mean((0, 1)) - ink) for ink in _INKS]
    drawn = inked(picture, mask, _INKS[rng.choice(np.flatnonzero(np.array(away) > _APART))])
    return encoded(exposed(blurred(drawn, rng.uniform(0, 1))), rng, str(rng.choice(["PNG", "JPEG"])))


def _photograph(frame: Frame, rng: Generator) -> Sheet:
    """Imitate a photograph of anything: soft areas of some colours, and texture."""
    picture = plain(*frame, colour(rng, 40, 200))
    for _ in range(int(rng.integers(1, 5))):
        area = edge(blob(frame, rng) + rng.uniform(-0.2, 0.2), np.exp(rng.uniform(-5, -1.5)))
        picture = inked(picture, area, colour(rng, 30, 220), rng.uniform(0.3, 0.9))
    picture = grained(picture, rng.uniform(0, 35), max(frame) / rng.uniform(3, 8), rng)
    return grained(picture, rng.uniform(0, 15), max(frame) / rng.uniform(10, 60), rng)


def colour(rng: Generator, low: float, high: float) -> Colour:
    red, green, blue = rng.uniform(low, high, 3)
    return red, green, blue


def _corners(frame: Frame, rng: Generator, *, whole: bool) -> NDArray[np.float32]:
    """Say where the corners of a page are seen, turned, that is in the picture as a whole or fills it."""
    height, width = frame
    turn = np.deg2rad(rng.normal(0, 8 if whole else 3))
    cos, sin = np.cos(turn), np.sin(turn)
    half = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    half *= rng.uniform(0.55, 0.9) if whole else 1.08
    middle = np.array([width, height]) * (0.5 + rng.uniform(-0.08, 0.08, 2) * whole)
    bent = rng.uniform(-0.03, 0.03, (4, 2)) * min(frame)
    corners: NDArray[np.float32] = (half @ [[cos, sin], [-sin, cos]] + middle + bent).astype(np.float32)
    return corners


def surface(frame: Frame, rng: Generator) -> Sheet:
    """Lay out a table of wood, a cloth with checks, or something plain."""
    choice = rng.random()
    if choice < 0.4:
        return _wood(frame, rng)
    if choice < 0.7:
        pitch = int(max(frame) / rng.uniform(8, 26))
        rows, columns = (np.arange(side) // pitch % 2 for side in frame)
        checks = ((rows[:, None] + columns) / 2).astype(np.float32)
        cloth = inked(plain(*frame, (240, 240, 240)), checks, colour(rng, 30, 200))
        return grained(cloth, 5, 1.5, rng)
    return grained(plain(*frame, colour(rng, 30, 220)), rng.uniform(2, 10), rng.uniform(1, 6), rng)


def _wood(frame: Frame, rng: Generator) -> Sheet:
    """Cut boards, across or along: fibres and the waves of the rings."""
    height, width = frame
    fibres = rng.standard_normal((height // 3 + 1, 4)).astype(np.float32) * rng.uniform(3, 12)
    rings = np.linspace(0, rng.uniform(40, 120), height, dtype=np.float32)[:, None] + 4 * blob(frame, rng)
    veins = cv2.resize(fibres, (width, height)) + np.sin(rings) * np.float32(rng.uniform(2, 14))
    board = plain(*frame, _WOODS[rng.integers(len(_WOODS))]) + veins[..., None].astype(np.float32)
    if rng.random() < 0.5:
        board = cv2.resize(np.rot90(board), (width, height)).astype(np.float32)
    return grained(board, 5, 1.5, rng)


def with_pen(sheet: Sheet, kept: NDArray[np.bool_], rng: Generator) -> Sheet:
    """Lay a pen or a pencil beside what is to be kept visible, with its shadow."""
    height, width = kept.shape
    for _ in range(_TRIES):
        middle = rng.uniform(0.05, 0.95, 2) * [width, height]
        angle, length = rng.uniform(0, np.pi), rng.uniform(0.5, 0.9) * max(kept.shape)
        ahead = np.array([np.cos(angle), np.sin(angle)])
        thick = max(kept.shape) * rng.uniform(0.018, 0.04)
        back, front = middle - ahead * length / 2, middle + ahead * length / 2
        if not (kept & (bar(kept.shape, back, front, 3 * thick) > 0)).any():
            break
    else:
        return sheet
    side = np.array([-ahead[1], ahead[0]]) * thick / 4
    barrel = bar(kept.shape, back, front, thick)
    tip = bar(kept.shape, front, front + 2 * thick * ahead, thick / 3)
    shine = bar(kept.shape, back + side, front + side, thick / 6)
    paint = _BARRELS[rng.integers(len(_BARRELS))]
    sheet = shaded(sheet, np.maximum(barrel, tip), rng.uniform(0.2, 0.45), thick)
    return inked(inked(inked(sheet, tip, _METAL), barrel, paint), shine, brighter(paint, 60))


def with_fingers(sheet: Sheet, kept: NDArray[np.bool_], rng: Generator) -> Sheet:
    """Let fingers reach in from an edge, as a hand holds a page, beside what is to be kept visible."""
    quarters = int(rng.integers(4))
    kept = np.rot90(kept, quarters)
    for _ in range(_TRIES):
        thick = rng.uniform(0.05, 0.2) * min(kept.shape)
        fingers, nails = _hand(kept.shape, thick, rng)
        if not (kept & (blurred(fingers, thick / 6) > 0.02)).any():
            break
    else:
        return sheet
    skin = SKIN[rng.integers(len(SKIN))]
    fingers = blurred(fingers, thick / 30)
    around = rng.uniform(0.1, 0.4) * blurred(1 - fingers, thick / 5)  # darker where they turn away
    seen = shaded(np.rot90(sheet, quarters), fingers, rng.uniform(0.1, 0.4), thick / 2)
    seen = inked(inked(seen, fingers, skin), fingers * around, (0, 0, 0))
    seen = inked(seen, blurred(nails, thick / 20), brighter(skin, 20), rng.uniform(0, 0.6))
    return np.ascontiguousarray(np.rot90(seen, -quarters))


def _hand(shape: tuple[int, ...], thick: float, rng: Generator) -> tuple[Mask, Mask]:
    """Draw one to three fingers that reach in from the lower edge, and their nails."""
    height, width = shape
    fingers, nails = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    count, lean = int(rng.choice([1, 1, 2, 3])), rng.normal(0, 0.4)
    first, up = rng.uniform(0.15, 0.85) * width, thick * np.array([np.sin(lean), -np.cos(lean)])
    longest = 3.5 if count == 1 else 2  # one alone points
    for number in range(count):
        root = np.array([first + 1.1 * thick * number, height])
        tip = root + rng.uniform(0.5, longest) * up + rng.normal(0, 0.2, 2) * thick
        fingers = np.maximum(fingers, bar(shape, root - 2 * up, tip, thick))
        nails = np.maximum(nails, bar(shape, tip, tip + 0.15 * up, thick / 2))
    return fingers, nails


def brighter(paint: Colour, by: float) -> Colour:
    red, green, blue = (min(255.0, part + by) for part in paint)
    return red, green, blue


def shaded(sheet: Sheet, thing: Mask, depth: float, away: float) -> Sheet:
    """Throw the shadow of something that lies on the sheet, `away` pixels down and to the right."""
    moved = np.roll(thing, (round(away / 2), round(away / 2)), (0, 1))
    darker: Sheet = sheet * (1 - depth * blurred(moved, away / 2))[..., None]
    return darker
