"""The kinds of image that people upload, each as a file around one mark.

Whatever a kind varies is drawn from `rng`. `Style` says how light, blur and noise are made: the images that
measure are made otherwise than the images that train.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ExifTags, Image

from model_training.rendering import (
    Colour,
    Mask,
    Sheet,
    bar,
    blurred,
    covered,
    exposed,
    grained,
    holes,
    inked,
    lit,
    placed,
    plain,
    ruled,
    shadowed,
    tilted,
)


@dataclass(frozen=True)
class Style:
    """How the world looks."""

    curved_shadows: float  # the share of them; the edges of the others are straight
    hands: bool  # what throws a narrow shadow is a hand, else a telephone
    moved: bool  # the camera blurs by moving, else by its lens
    counted: bool  # noise grows with the light, as of photons, else it is the same everywhere
    longest: tuple[int, int]  # pixels, of photographs
    canvas: tuple[int, int]  # pixels, of drawings


TRAINING = Style(
    curved_shadows=0.5, hands=False, moved=False, counted=False, longest=(300, 640), canvas=(140, 520)
)
HELD_OUT = Style(
    curved_shadows=1.0, hands=True, moved=True, counted=True, longest=(480, 2400), canvas=(140, 1001)
)


class Frame(NamedTuple):
    height: int  # pixels
    width: int  # pixels


Kind = Callable[[Mask, Generator, Style], bytes]
Point = NDArray[np.float64]  # (2,), x and y in pixels
_REACHING = 0.3  # of the photographs: a shadow of what reaches over the page
_SHADOW = 500  # pixels: shadows are soft, so that they are drawn no larger
WHITE: Colour = (255.0, 255.0, 255.0)
BLACK: Colour = (0.0, 0.0, 0.0)


def canvas(mark: Mask, rng: Generator, style: Style) -> bytes:
    """Draw: any size and place, any colours that can be told apart, on paper or on nothing."""
    side = int(rng.integers(*style.canvas))
    frame = Frame(side, side if rng.random() < 0.6 else int(side * rng.uniform(0.6, 1.6)))
    mask = anywhere(mark, frame, rng, smallest=0.2)
    paper = _paper_colour(rng)
    ink = _ink_colour(rng, paper)
    if rng.random() < 0.3:
        return _transparent(mask, BLACK if rng.random() < 0.5 else ink)
    pixels = exposed(inked(plain(*frame, paper), mask, ink))
    return encoded(pixels, rng, str(rng.choice(["PNG", "PNG", "JPEG", "WEBP"])))


def scan(mark: Mask, rng: Generator, style: Style) -> bytes:
    """Scan a page: clean, speckled, shone through, faded, dithered, or on a form."""
    side = int(rng.integers(120, style.canvas[1]))
    frame = Frame(side, int(side * rng.uniform(0.7, 1.3)))
    mask = anywhere(mark, frame, rng, smallest=0.3, largest=0.8)
    paper = plain(*frame, (rng.uniform(225, 255),) * 3)
    faded = rng.random() < 0.3
    depth = rng.uniform(0.2, 0.5) if faded else rng.uniform(0.7, 1)
    if rng.random() < 0.3:  # what is on the back shines through, always fainter than what is on the front
        back = anywhere(mark[:, ::-1], frame, rng, smallest=0.3, largest=0.8)
        paper = inked(paper, blurred(back, side / 150), BLACK, depth * rng.uniform(0.05, 0.35))
    if rng.random() < 0.35:
        mask = np.maximum(mask, form(mask, rng) * rng.uniform(0.4, 1))
    sheet = inked(paper, mask, (rng.uniform(0, 60),) * 3, depth)
    pixels = exposed(_noisy(blurred(sheet, rng.uniform(0, 1.2)), rng.uniform(0, 6), rng, style))
    return encoded(pixels if faded else _printed(pixels, rng), rng, str(rng.choice(["PNG", "JPEG", "TIFF"])))


def board(mark: Mask, rng: Generator, style: Style) -> bytes:
    """Marker on a white board, or chalk on a dark one."""
    longest = int(np.exp(rng.uniform(*np.log(style.longest))))
    frame = Frame(int(longest * rng.uniform(0.6, 0.9)), longest)
    mask = anywhere(mark, frame, rng, smallest=0.3, largest=0.8)
    if rng.random() < 0.5:
        sheet = grained(
            plain(*frame, tuple(rng.uniform(205, 245) + rng.normal(0, 4, 3))), 2, longest / 6, rng
        )
        sheet = inked(sheet, _wiped(frame, rng), _marker(rng), rng.uniform(0, 0.18))
        sheet = inked(sheet, mask, _marker(rng), rng.uniform(0.75, 1))
    else:
        slate = tuple(rng.uniform(25, 75) + np.array([0.0, rng.uniform(0, 25), rng.uniform(-5, 10)]))
        sheet = grained(plain(*frame, slate), rng.uniform(1, 8), longest / 20, rng)
        sheet = inked(sheet, _wiped(frame, rng), WHITE, rng.uniform(0, 0.22))
        chalk = tuple(rng.uniform(185, 250) + rng.uniform(-45, 10, 3))
        sheet = inked(sheet, mask * _chalky(frame, rng), chalk)
    if rng.random() < 0.4:
        glare = blob(frame, rng)[..., None]
        sheet = sheet + glare * rng.uniform(5, 50)
    return _photographed(sheet, _inset(rng, surroundings=rng.random() < 0.15), rng, style)


def photo(mark: Mask, rng: Generator, style: Style) -> bytes:
    """Photograph paper with a phone."""
    frame = held(rng, style, 0.55)
    inset = _inset(rng, surroundings=rng.random() < 0.5)
    mask = anywhere(mark, frame, rng, smallest=0.14 / (1 - 2 * max(inset[0], 0)), largest=0.7)
    return _photographed(page(mask, rng), inset, rng, style)


def held(rng: Generator, style: Style, narrowest: float) -> Frame:
    """Hold a camera across or upright; its shorter side is at least the share `narrowest` of its longer."""
    longest = int(np.exp(rng.uniform(*np.log(style.longest))))
    frame = Frame(int(longest * rng.uniform(narrowest, 1)), longest)
    return frame if rng.random() >= 0.5 else Frame(frame.width, frame.height)


def page(mask: Mask, rng: Generator) -> Sheet:
    """Write on paper with a pen or a pencil."""
    frame = Frame(*mask.shape)
    tint = np.array([rng.uniform(-4, 6), 0.0, rng.uniform(-22, 4)])
    sheet = grained(plain(*frame, tuple(rng.uniform(205, 250) + tint)), rng.uniform(0, 4), 2, rng)
    sheet = _lined(sheet, rng)
    if rng.random() < 0.08:
        sheet = bound(sheet, covered(mask), rng)
    ink, opacity = _pen(rng)
    if rng.random() < 0.3:  # a pencil, or a pen that runs dry
        mask = mask * grained(plain(*frame, WHITE), 90, 1.5, rng)[..., 0].clip(90, 255) / 255
    return inked(sheet, mask.astype(np.float32), ink, opacity)


def coarse(mark: Mask, rng: Generator, _: Style) -> bytes:
    """Eight by eight counts of a 32×32 bitmap, or a few more, enlarged: how other collections keep digits."""
    mark, cells = _fat(mark), 8 if rng.random() < 0.7 else int(rng.integers(9, 21))
    side, times = 4 * cells, int(rng.integers(1, 384 // cells))
    scale = side / max(mark.shape)
    size = (max(1, round(mark.shape[1] * scale)), max(1, round(mark.shape[0] * scale)))
    small = cv2.resize(mark, size, interpolation=cv2.INTER_AREA)
    small = small > rng.uniform(0.2, 0.5) * small.max()
    bitmap = placed(small.astype(np.float32), side, side, (side - size[0]) // 2, (side - size[1]) // 2)
    counts = cv2.resize(bitmap, (cells, cells), interpolation=cv2.INTER_AREA)
    method = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    ink = cv2.resize(counts, None, fx=times, fy=times, interpolation=method).clip(0, 1)
    margin = int(rng.integers(0, 3)) * times if rng.random() < 0.5 else 0
    grey = np.pad(ink, margin) if rng.random() < 0.5 else 1 - np.pad(ink, margin)
    return encoded(exposed(np.repeat(grey[..., None] * 255, 3, 2)), rng, "PNG")


def tiny(mark: Mask, rng: Generator, _: Style) -> bytes:
    """Make a thumbnail of 14 to 60 pixels."""
    side = int(rng.integers(14, 60))
    large = anywhere(_fat(mark), Frame(side * 4, side * 4), rng, smallest=0.6, largest=0.95)
    mask = cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    paper = WHITE if rng.random() < 0.5 else BLACK
    return encoded(exposed(inked(plain(side, side, paper), mask, _ink_colour(rng, paper))), rng, "PNG")


def noise(_: Mask, rng: Generator, __: Style) -> bytes:
    """Show no mark at all: noise, grain, stripes or a texture that could be a photograph of anything."""
    height, width = (int(side) for side in rng.integers(28, 500, 2))
    grey = plain(height, width, tuple(rng.uniform(0, 255, 3)))
    for _layer in range(int(rng.integers(1, 4))):
        grey = grained(grey, rng.uniform(5, 80), float(np.exp(rng.uniform(0, 4))), rng)
    if rng.random() < 0.4:
        grey = lit(
            shadowed(grey, rng.uniform(0, 1), rng.uniform(0, 6), rng.random(), 0.02), 0.3, rng.uniform(0, 6)
        )
    return encoded(exposed(grey), rng, str(rng.choice(["PNG", "JPEG"])))


def solid(_: Mask, rng: Generator, __: Style) -> bytes:
    height, width = (int(side) for side in rng.integers(8, 500, 2))
    colour = tuple(rng.uniform(0, 255, 3)) if rng.random() < 0.6 else rng.choice([WHITE, BLACK])
    return encoded(
        exposed(plain(height, width, tuple(colour))), rng, str(rng.choice(["PNG", "JPEG", "WEBP"]))
    )


def anywhere(mark: Mask, frame: Frame, rng: Generator, smallest: float, largest: float = 0.92) -> Mask:
    """Enlarge a mark to a share of the frame, and put it anywhere that it fits."""
    share = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    scale = share * min(frame.height / mark.shape[0], frame.width / mark.shape[1])
    size = (max(1, round(mark.shape[1] * scale)), max(1, round(mark.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    mask = cv2.resize(mark, size, interpolation=method).astype(np.float32)
    top, left = (np.array(frame) - mask.shape) * rng.uniform(0.03, 0.97, 2)
    return placed(mask, *frame, int(left), int(top))


def _fat(mark: Mask) -> Mask:
    """Lines that are left when few pixels are: a tenth of the mark, or as much as leaves its holes open."""
    for width in (max(mark.shape) // 12, max(mark.shape) // 24):
        fat = cv2.dilate(mark, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(1, width),) * 2))
        if holes(fat.astype(np.float32)) == holes(mark):
            return fat.astype(np.float32)
    return mark


def _paper_colour(rng: Generator) -> Colour:
    choice = rng.random()
    if choice < 0.4:
        return WHITE
    if choice < 0.6:
        return BLACK
    low, high = ((0, 60), (190, 255), (0, 255))[rng.integers(3)]
    return tuple(rng.uniform(low, high, 3))


def _ink_colour(rng: Generator, paper: Colour) -> Colour:
    """Black or white on paper that allows it, else any colour that stands out."""
    light = float(np.mean(paper))
    if rng.random() < 0.5 and abs(light - 127) > 60:
        return BLACK if light > 127 else WHITE
    while True:
        ink = rng.uniform(0, 255, 3)
        if np.linalg.norm(ink - paper) > 110:
            return tuple(ink)


def _marker(rng: Generator) -> Colour:
    inks = ((25, 25, 30), (30, 50, 160), (185, 35, 45), (20, 120, 70), (90, 40, 130))
    return tuple(np.array(inks[rng.integers(len(inks))]) + rng.normal(0, 12, 3))


def _pen(rng: Generator) -> tuple[Colour, float]:
    """Blue, black, red, green or grey, and how much of the paper it hides."""
    inks = ((30, 45, 140), (25, 25, 30), (185, 35, 45), (30, 110, 60), (80, 80, 85))
    which = int(rng.choice(5, p=[0.3, 0.3, 0.15, 0.05, 0.2]))
    return tuple(np.array(inks[which]) + rng.normal(0, 12, 3)), rng.uniform(0.6, 1)


def _lined(sheet: Sheet, rng: Generator) -> Sheet:
    """Blank, ruled or squared, sometimes with a red margin."""
    choice = rng.random()
    if choice < 0.4:
        return sheet
    pitch = np.exp(rng.uniform(*np.log((0.02, 0.13)))) * max(sheet.shape)
    fade = rng.uniform(0.3, 1)
    hues = ((150, 180, 215), (175, 175, 180), (190, 170, 200), (160, 205, 190))
    colour = tuple(np.array(hues[rng.integers(4)]) * fade + np.array(sheet[0, 0]) * (1 - fade))
    thick = max(1, round(max(sheet.shape) / rng.uniform(350, 800)))
    return ruled(sheet, pitch, colour, squared=choice > 0.7, thickness=thick)


def bound(sheet: Sheet, kept: NDArray[np.bool_], rng: Generator) -> Sheet:
    """Put the rings of a notebook along the upper or the left edge, if nothing is written there.

    `kept` (height, width) is where something is.
    """
    quarters = int(rng.integers(0, 2))
    turned, kept = np.rot90(sheet, -quarters).copy(), np.rot90(kept, -quarters)
    pitch = max(kept.shape) / rng.uniform(8, 30)
    hole, depth = pitch * rng.uniform(0.12, 0.3), pitch * rng.uniform(0.4, 0.9)
    if kept[: int(depth + 3 * hole)].any():
        return sheet
    wire, lean = (rng.uniform(60, 190),) * 3, rng.normal(0, 0.3) * pitch
    for across in np.arange(rng.uniform(0, pitch), kept.shape[1], pitch):
        at = (int(across), int(depth))
        cv2.circle(turned, at, max(1, int(hole)), (rng.uniform(20, 70),) * 3, cv2.FILLED, cv2.LINE_AA)
        cv2.line(turned, at, (int(across + lean), 0), wire, max(1, int(0.7 * hole)), cv2.LINE_AA)
    return np.ascontiguousarray(np.rot90(turned, quarters))


def _photographed(sheet: Sheet, inset: tuple[float, float], rng: Generator, style: Style) -> bytes:
    """Seen by a hand-held camera: in perspective, see `taken`."""
    height, width = sheet.shape[:2]
    return taken(tilted(sheet, *_view(height, width, inset, rng)), rng, style)


def taken(scene: Sheet, rng: Generator, style: Style) -> bytes:
    """Take a scene with a camera: light and shadows, blur, noise, JPEG, EXIF."""
    height, width = scene.shape[:2]
    seen = lit(scene, rng.uniform(0.45, 1), rng.uniform(0, 2 * np.pi))
    for _ in range(rng.choice(3, p=[0.5, 0.4, 0.1])):
        share, softness = rng.uniform(0.45, 0.9), np.exp(rng.uniform(np.log(0.004), np.log(0.1)))
        if rng.random() < style.curved_shadows:
            seen = seen * (1 - (1 - share) * edge(blob(Frame(height, width), rng), softness)[..., None])
        else:
            seen = shadowed(seen, share, rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.9), softness)
    if rng.random() < _REACHING:
        seen = _reached_over(seen, rng, style)
    scale = max(height, width) / 500
    seen = _moved(seen, rng, scale) if style.moved else blurred(seen, rng.uniform(0.2, 1.6) * scale)
    pixels = exposed(_noisy(seen * rng.uniform(0.75, 1.05), rng.uniform(0.5, 8), rng, style))
    return turned(pixels, int(rng.choice([1, 1, 1, 3, 6, 8])), int(rng.integers(45, 95)))


def _reached_over(scene: Sheet, rng: Generator, style: Style) -> Sheet:
    """Throw the shadow of what reaches over the page from an edge of the picture."""
    height, width = scene.shape[:2]
    scale = min(1, _SHADOW / max(height, width))
    frame = Frame(round(height * scale), round(width * scale))
    reach = np.array([frame.width, frame.height]) * rng.uniform(0.1, 0.9, 2)
    away = rng.uniform(0, 2 * np.pi)
    entry = reach + 1.5 * max(frame) * np.array([np.cos(away), np.sin(away)])
    over = (_hand if style.hands else _telephone)(frame, entry, reach, rng)
    softness = np.exp(rng.uniform(np.log(0.004), np.log(0.05)))
    under = cv2.resize(blurred(over, softness * max(frame)), (width, height))
    shadow: Sheet = scene * (1 - (1 - rng.uniform(0.4, 0.85)) * under)[..., None].astype(np.float32)
    return shadow


def _telephone(frame: Frame, entry: Point, reach: Point, rng: Generator) -> Mask:
    """Hold a bar over the page, thin as a finger to wide as an arm."""
    return bar(frame, entry, reach, max(frame) * np.exp(rng.uniform(np.log(0.06), np.log(0.35))))


def _hand(frame: Frame, entry: Point, reach: Point, rng: Generator) -> Mask:
    """Hold a hand over the page: an arm, and fingers that spread from its end."""
    longest = max(frame)
    wide = longest * rng.uniform(0.12, 0.3)
    over = bar(frame, entry, reach, wide)
    ahead = (reach - entry) / np.linalg.norm(reach - entry)
    aside = np.array([-ahead[1], ahead[0]])
    for spread in rng.uniform(-1, 1, int(rng.integers(1, 6))):
        root = reach + spread * 0.4 * wide * aside
        tip = root + (ahead + 0.6 * spread * aside) * wide * rng.uniform(0.5, 1.3)
        over = np.maximum(over, bar(frame, root, tip, wide * rng.uniform(0.18, 0.28)))
    return over


def _inset(rng: Generator, *, surroundings: bool) -> tuple[float, float]:
    """Between which shares of the frame a sheet's corners are inside it: some of what is around, or all."""
    if not surroundings:
        return -0.08, 0.0
    choice, around = rng.random(), rng.uniform(0.05, 0.27)
    return (-0.08, 0.1) if choice < 0.4 else (0.01, 0.12) if choice < 0.7 else (around, around + 0.06)


def _view(
    height: int, width: int, inset: tuple[float, float], rng: Generator
) -> tuple[NDArray[np.float32], Sheet]:
    """Say where the sheet's corners are seen, and what it lies on."""
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = np.sign(np.array([width, height]) / 2 - flat) * rng.uniform(*inset, (4, 2))
    desk = plain(
        height, width, tuple(rng.uniform(0, 90 if rng.random() < 0.5 else 200) + rng.normal(0, 20, 3))
    )
    desk = grained(desk, rng.uniform(0, 10), max(height, width) / rng.uniform(4, 100), rng)
    return (flat + inward * [width, height]).astype(np.float32), desk


def edge(level: Mask, softness: float) -> Mask:
    """Cut a level at one half: a mask that changes from 0 to 1 within a few `softness` of it."""
    mask: Mask = (1 / (1 + np.exp(-(level - 0.5) / softness))).astype(np.float32)
    return mask


def _moved(sheet: Sheet, rng: Generator, scale: float) -> Sheet:
    length = max(1, int(rng.uniform(0, 4) * scale))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    reach = np.array([np.cos(angle := rng.uniform(0, np.pi)), np.sin(angle)]) * length / 2
    ends = np.rint(np.array([length - reach, length + reach])).astype(int).tolist()
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    moved: Sheet = cv2.filter2D(sheet, -1, kernel / kernel.sum()).astype(np.float32)
    return blurred(moved, rng.uniform(0.2, 0.9) * scale)


def _noisy(sheet: Sheet, strength: float, rng: Generator, style: Style) -> Sheet:
    spread = np.sqrt(sheet.clip(4, 255) / 128) * strength if style.counted else np.float32(strength)
    cv2.setRNGSeed(int(rng.integers(2**31)))  # its numbers take a third of the time of NumPy's
    normal = np.empty((len(sheet), sheet[0].size), np.float32)
    cv2.randn(normal, np.zeros(1), np.ones(1))
    noise: Sheet = sheet + normal.reshape(sheet.shape) * spread
    return noise


def _printed(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Leave it grey, make it black and white by a threshold or by dithering, or sprinkle salt and pepper."""
    choice = rng.random()
    if choice < 0.2:
        grey = pixels.mean(2, keepdims=True)
        between = grey.min() + rng.uniform(0.35, 0.6) * (np.median(grey) - grey.min())
        return np.where(grey < between, 0, 255).astype(np.uint8).repeat(3, 2)
    if choice < 0.4:
        return np.asarray(Image.fromarray(pixels).convert("1").convert("RGB"))
    if choice < 0.7:
        hit = rng.random(pixels.shape[:2])
        share = np.exp(rng.uniform(np.log(0.002), np.log(0.06)))
        pixels = pixels.copy()
        pixels[hit < share / 2], pixels[hit > 1 - share / 2] = 0, 255
    return pixels


def form(mask: Mask, rng: Generator) -> Mask:
    """Draw a form's box around the mark, or the row of a table or of boxes in which it stands."""
    if mask.any():
        left, top, width, height = cv2.boundingRect(covered(mask).view(np.uint8))
    else:  # it has not been filled in
        left, top, width, height = (rng.uniform(0.1, 0.4, 4) * min(mask.shape)).astype(int).tolist()
    gap = int(rng.uniform(0.08, 0.4) * max(width, height)) + 3
    lines = np.zeros(mask.shape, np.uint8)
    thick = max(1, int(max(mask.shape) * rng.uniform(0.003, 0.012)))
    side = max(width, height) if rng.random() < 0.5 else 0
    left, right = left - gap, left + max(width, side) + gap
    top, bottom = top - gap, top + max(height, side) + gap
    if rng.random() < 0.6:
        cv2.rectangle(lines, (left, top), (right, bottom), 1.0, thick)
        return lines.astype(np.float32)
    frame = Frame(*mask.shape)
    first, last = (0, frame.width) if rng.random() < 0.5 else (left, right)  # of the walls
    start, end = (0, frame.height) if rng.random() < 0.3 else (top, bottom)  # of each
    lean = rng.normal(0, 0.025)  # of all lines, around the box's corner
    for across in range(left % (right - left), frame.width, right - left):
        if first <= across <= last:
            ends = [(int(across - lean * (down - top)), down) for down in (start, end)]
            cv2.line(lines, ends[0], ends[1], 1.0, thick)
    for down in (top, bottom) if rng.random() < 0.7 else (bottom,):
        ends = [(across, int(down + lean * (across - left))) for across in (0, frame.width)]
        cv2.line(lines, ends[0], ends[1], 1.0, thick)
    return lines.astype(np.float32)


def _wiped(frame: Frame, rng: Generator) -> Mask:
    """Leave what a sponge leaves: streaks without an edge."""
    streaks = rng.random((12, 4)).astype(np.float32) ** 2
    return cv2.resize(streaks, (frame.width, frame.height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def _chalky(frame: Frame, rng: Generator) -> Mask:
    grain = rng.uniform(1, 3)
    rough = rng.random((int(frame.height / grain), int(frame.width / grain))).astype(np.float32)
    cover = cv2.resize(rough, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR)
    return (cover * 2 + rng.uniform(0, 1)).clip(0.15, 1).astype(np.float32)


def blob(frame: Frame, rng: Generator) -> Mask:
    """One smooth bright area with a curved outline, in [0, 1]."""
    coarse_noise = rng.random((2, 3)).astype(np.float32)
    blob = cv2.resize(coarse_noise, (frame.width, frame.height), interpolation=cv2.INTER_CUBIC)
    stretched: Mask = ((blob - blob.min()) / max(float(np.ptp(blob)), 1e-6)).astype(np.float32)
    return stretched


def _transparent(mask: Mask, ink: Colour) -> bytes:
    """Strokes on nothing; what is under alpha 0 is black, as canvases keep it."""
    colour = exposed(inked(plain(mask.shape[0], mask.shape[1], BLACK), (mask > 0).astype(np.float32), ink))
    rgba = np.dstack([colour, np.rint(mask * 255).astype(np.uint8)])
    return _saved(Image.fromarray(rgba, "RGBA"), "PNG", compress_level=1)


def encoded(pixels: NDArray[np.uint8], rng: Generator, form: str) -> bytes:
    """Write pixels (height, width, 3) as a PNG, JPEG, WebP or TIFF file, how well is drawn from `rng`."""
    image = Image.fromarray(pixels)
    if form == "PNG":
        return _saved(image, form, compress_level=1)
    return _saved(image, form) if form == "TIFF" else _saved(image, form, quality=int(rng.integers(40, 96)))


def turned(pixels: NDArray[np.uint8], orientation: int, quality: int) -> bytes:
    """Store an image as JPEG, turned, with the EXIF orientation that turns it back."""
    turns = {1: 0, 3: 2, 6: 1, 8: 3}  # quarters counter-clockwise
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = np.ascontiguousarray(np.rot90(pixels, turns[orientation]))
    return _saved(Image.fromarray(stored), "JPEG", quality=quality, exif=exif)


def png(pixels: NDArray[np.uint8]) -> bytes:
    return _saved(Image.fromarray(pixels), "PNG")


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
