"""What is put on paper: digits of MNIST and of fonts, and everything that is no digit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference_image.preprocessing import stroke_width
from model_training.data import Digits
from model_training.drawings import drawing
from model_training.rendering import Mask, enlarged, holes, placed, restroked, thickened

NOT_A_DIGIT = -1
Fonts = dict[str, tuple[str, ...]]  # package: its files
HEIGHT = 160  # pixels: marks are drawn at this size and enlarged by who needs more
# What a person could take for a digit is left out: it would teach that a digit is none.
LETTERS = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwx"
SIGNS = "#%&@$*+=?<>~^!"  # in every typeface of handwriting, but for the % of one
SYMBOLS = SIGNS + "[]{}√∞πλμψφΣΔΩЖЯДФШЮ€£§¶†♥★♫✓→←↑↓♀♂÷≠≈¥♪"
TRAINING_FONTS: Fonts = {
    "fontpkg-kalam": ("Kalam-Light.ttf", "Kalam-Regular.ttf", "Kalam-Bold.ttf"),
    "fontpkg-caveat": ("Caveat[wght].ttf",),
    "fontpkg-indie-flower": ("IndieFlower-Regular.ttf",),
    "fontpkg-permanent-marker": ("PermanentMarker-Regular.ttf",),
    "fontpkg-dancing-script": ("DancingScript[wght].ttf",),
    "fontpkg-delius": ("Delius-Regular.ttf",),
    "fontpkg-zeyada": ("Zeyada.ttf",),
    "fontpkg-pacifico": ("Pacifico-Regular.ttf",),
    "font-amatic-sc": ("AmaticSC-Regular.ttf", "AmaticSC-Bold.ttf"),
}
HELD_OUT_FONTS: Fonts = {
    "fontpkg-shadows-into-light": ("ShadowsIntoLight.ttf",),
    "fontpkg-satisfy": ("Satisfy-Regular.ttf",),
    "fontpkg-yellowtail": ("Yellowtail-Regular.ttf",),
}
TYPEFACES = Path(__file__).parent / "typefaces"  # more of them, as files of the repository
TRAINING_HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX)


@dataclass(frozen=True)
class Source:
    """Where marks come from: handwriting and typefaces, one set for training and another that is held out."""

    digits: Digits
    handwriting: tuple[Path, ...]  # typefaces that look written
    print: tuple[Path, ...]  # typefaces for letters and symbols
    plotted: tuple[int, ...]  # OpenCV's own, for both

    @classmethod
    def training(cls, digits: Digits) -> "Source":
        hands = _files(TRAINING_FONTS) + _typefaces("training")
        return cls(digits, hands, _matplotlib("DejaVuSans*.ttf"), TRAINING_HERSHEY)

    @classmethod
    def held_out(cls, digits: Digits) -> "Source":
        hands = _files(HELD_OUT_FONTS) + _typefaces("held-out")
        return cls(digits, hands, _matplotlib("DejaVuSerif*.ttf"), ())  # in OpenCV 5 all of its faces are one


@dataclass(frozen=True)
class Mark:
    """Something drawn, and the digit that it shows: 0..9 or NOT_A_DIGIT."""

    mask: Mask
    digit: int


def written(source: Source, rng: Generator) -> Mark:
    """Take a handwritten digit, with the pen it was written with, or another."""
    which = int(rng.integers(len(source.digits)))
    digit = int(source.digits.labels[which])
    mask = _as_elsewhere(enlarged(source.digits.images[which], HEIGHT), digit, rng)
    return Mark(_repenned(mask, rng), digit)


def typed(source: Source, rng: Generator, *, outlines: bool = True) -> Mark:
    """Set a digit in a typeface that looks written, some as outlines."""
    digit = int(rng.integers(10))
    mask, choice = _text(str(digit), source.handwriting, source, rng), rng.random()
    if outlines and choice < 0.1:
        mask = _outlined(mask, rng)
    elif choice < 0.35:  # a typeface comes in more weights than are installed
        mask = _readable(mask, thickened, rng.uniform(-0.04, 0.08) * HEIGHT)
    elif choice < 0.6:
        mask = _readable(np.pad(mask, 2), restroked, _brush(rng))
    return Mark(_leaned(mask, rng), digit)


def other(source: Source, rng: Generator) -> Mark:
    """Draw something that is not one digit."""
    kinds = (_letter, _letter, _letter, _word, _scribble, _scribble, _shape, _several, _drawing, _drawing)
    return Mark(kinds[rng.integers(len(kinds))](source, rng), NOT_A_DIGIT)


def _as_elsewhere(mask: Mask, digit: int, rng: Generator) -> Mask:
    """Write some digits as Europeans do, rare among MNIST's Americans: 0, 1 and 7 with one stroke more."""
    choice = rng.random()
    if digit == 0 and choice < 0.1:
        return _with_slash(mask, rng)
    if digit == 1 and choice < 0.35:
        return _with_upstroke(mask, rng)
    if digit == 7 and choice < 0.25:
        return _with_bar(mask, rng)
    return mask


def _with_slash(mask: Mask, rng: Generator) -> Mask:
    """Cross a 0, so that it is no O: within it, or from outside to outside."""
    pen = stroke_width(255 * mask)
    if holes(mask) != 1 or pen > 0.14 * min(mask.shape):  # it would be filled
        return mask
    sheet = np.pad(mask, HEIGHT // 2)
    middle, rise = np.array(sheet.shape[::-1]) / 2, np.deg2rad(rng.uniform(35, 70))
    half = HEIGHT * rng.uniform(0.25, 0.62) * np.array([np.cos(rise), -np.sin(rise)])
    _stroke(sheet, (middle - half, middle + half), pen)
    return _cropped(sheet)


def _with_upstroke(mask: Mask, rng: Generator) -> Mask:
    """Let a line rise to the top of a plain 1, and put some on a foot."""
    pen = stroke_width(255 * mask)
    if mask.sum() > 1.35 * pen * np.hypot(*mask.shape):  # it has more than one line
        return mask
    sheet = np.pad(mask, ((0, 8), (HEIGHT, HEIGHT)))
    top, bottom = (_middle(sheet, row) for row in (pen / 2, len(sheet) - pen / 2))
    steep, length = np.deg2rad(rng.uniform(28, 65)), HEIGHT * rng.uniform(0.18, 0.6)
    _stroke(sheet, (top, top + length * np.array([-np.cos(steep), np.sin(steep)])), pen)
    if rng.random() < 0.25:
        half = np.array([HEIGHT * rng.uniform(0.12, 0.35), HEIGHT * rng.uniform(-0.03, 0.03)])
        _stroke(sheet, (bottom - half, bottom + half), pen)
    return _cropped(sheet)


def _with_bar(mask: Mask, rng: Generator) -> Mask:
    """Cross the stem of a 7."""
    pen = stroke_width(255 * mask)
    sheet = np.pad(mask, ((0, 0), (HEIGHT // 2, HEIGHT // 2)))
    stem = _middle(sheet, mask.shape[0] * rng.uniform(0.42, 0.62))
    half = np.array([HEIGHT * rng.uniform(0.12, 0.28), HEIGHT * rng.uniform(-0.08, 0.05)])
    _stroke(sheet, (stem - half, stem + half), pen)
    return _cropped(sheet)


def _middle(mask: Mask, row: float) -> NDArray[np.float64]:
    """Find the middle of the ink in a row, or in the nearest that has any, as a point (x, y)."""
    inked = np.flatnonzero((mask > 0.5).any(1))
    nearest = inked[np.abs(inked - row).argmin()]
    return np.array([np.flatnonzero(mask[nearest] > 0.5).mean(), nearest])


def _stroke(sheet: Mask, ends: tuple[NDArray[np.float64], NDArray[np.float64]], pen: float) -> None:
    """Draw a straight line of a pen's width on the sheet."""
    start, end = (tuple(int(4 * at) for at in point) for point in ends)
    line = np.zeros(sheet.shape, np.uint8)
    cv2.line(line, start, end, 255, max(1, round(pen)), cv2.LINE_AA, shift=2)
    np.maximum(sheet, line.astype(np.float32) / np.float32(255), out=sheet)


def _repenned(mask: Mask, rng: Generator) -> Mask:
    """Half of the strokes are as they were written, half are drawn again with a brush of any width."""
    choice = rng.random()
    if choice < 0.35:
        return mask
    if choice < 0.5:
        return _readable(mask, thickened, rng.uniform(-0.03, 0.06) * HEIGHT)
    return _readable(mask, restroked, _brush(rng))


def _brush(rng: Generator) -> float:
    """Choose a brush of any width, in pixels."""
    return float(np.exp(rng.uniform(np.log(0.015), np.log(0.17)))) * HEIGHT


def _readable(mask: Mask, pen: Callable[[Mask, float], Mask], width: float) -> Mask:
    """Draw with the widest pen up to `width` that leaves every hole open: a 0 without one is a 1."""
    for narrower in (1, 0.7, 0.5, 0.35):
        drawn = pen(mask, width * narrower)
        if holes(drawn) == holes(mask):
            return drawn
    return mask


def _text(text: str, fonts: tuple[Path, ...], source: Source, rng: Generator) -> Mask:
    """Set a text in one of the fonts, or in one that is plotted."""
    face = int(rng.integers(len(fonts) + bool(source.plotted)))
    if face == len(fonts):
        return _plotted(text, source.plotted, rng)
    font = _font(fonts[face])
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (max(1, int(right - left)) + 8, max(1, int(bottom - top)) + 8))
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, 255, font)
    return np.asarray(image).astype(np.float32) / np.float32(255)


@cache
def _font(file: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, HEIGHT)


def _plotted(text: str, faces: tuple[int, ...], rng: Generator) -> Mask:
    plain = text if text.isascii() else "#"
    face, thickness = faces[rng.integers(len(faces))], int(rng.integers(3, 14))
    (width, height), base = cv2.getTextSize(plain, face, 5, thickness)
    sheet = np.zeros((height + base + 2 * thickness + 40, width + 2 * thickness + 40), np.uint8)
    cv2.putText(sheet, plain, (20, height + thickness + 10), face, 5, 255.0, thickness, cv2.LINE_AA)
    return _cropped(sheet.astype(np.float32) / np.float32(255))


def _outlined(mask: Mask, rng: Generator) -> Mask:
    """Leave the outline of fat letters, as people draw headings."""
    fat = np.pad(thickened(mask, rng.uniform(0, 0.12) * HEIGHT), 4)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(rng.integers(3, 9)),) * 2)
    return fat - cv2.erode(fat, pen).astype(np.float32)


def _leaned(mask: Mask, rng: Generator) -> Mask:
    """Turn and slant a little: nobody writes a typeface twice the same."""
    height, width = mask.shape
    lean = rng.normal(0, 0.12) if rng.random() < 0.8 else rng.uniform(0, 0.7)  # italics lean far
    turn = np.deg2rad(rng.normal(0, 4))
    grow = np.exp(rng.normal(0, 0.1))
    move = np.array([[grow * np.cos(turn), -np.sin(turn) - lean, 0], [np.sin(turn), np.cos(turn), 0]])
    room = int(0.6 * max(height, width))
    move[:, 2] = np.array([width / 2 + room, height / 2 + room]) - move[:, :2] @ [width / 2, height / 2]
    return _cropped(cv2.warpAffine(mask, move, (width + 2 * room, height + 2 * room)).astype(np.float32))


def _letter(source: Source, rng: Generator) -> Mask:
    by_hand, sign = rng.random() < 0.6, rng.random() < 0.3
    faces, signs = (source.handwriting, SIGNS) if by_hand else (source.print, SYMBOLS)
    mask = _text(str(rng.choice(list(signs if sign else LETTERS))), faces, source, rng)
    if rng.random() < 0.4:  # as a pen writes it
        mask = _readable(np.pad(mask, 2), restroked, HEIGHT * rng.uniform(0.02, 0.14))
    return _leaned(mask, rng)


def _word(source: Source, rng: Generator) -> Mask:
    letters = "".join(rng.choice(list(LETTERS + "osgz"), rng.integers(2, 8)))
    return _leaned(_text(letters, source.print + source.handwriting, source, rng), rng)


def _scribble(_: Source, rng: Generator) -> Mask:
    """Draw a smooth line that goes nowhere: long ones are tangles, short ones hooks and waves."""
    steps = rng.normal(0, 1, (int(rng.integers(24, 70)), 2)).astype(np.float32)
    path = cv2.GaussianBlur(np.cumsum(steps, 0), (1, 5), 1.2)
    smooth = cv2.resize(path, (2, len(path) * 8), interpolation=cv2.INTER_CUBIC)
    return _lines([smooth.astype(np.float64)], rng)


def _shape(__: Source, rng: Generator) -> Mask:
    corners = int(rng.choice([3, 3, 5, 7]))
    angles = np.arange(corners) * 2 * np.pi / corners + rng.uniform(0, 2 * np.pi)
    order = np.arange(corners) * (1 if corners < 5 else 2)  # triangles and stars: the rest could be a nought
    reach = np.stack([np.cos(angles), np.sin(angles)], 1)[order % corners] * rng.uniform(0.6, 1, 2)
    mask = _lines([np.concatenate([reach, reach[:1]])], rng)
    if rng.random() < 0.3:
        filled = np.zeros(mask.shape, np.uint8)
        outline, _ = cv2.findContours(
            (mask > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        cv2.drawContours(filled, outline, -1, 1.0, cv2.FILLED)
        return filled.astype(np.float32)
    return mask


def _drawing(_: Source, rng: Generator) -> Mask:
    return _lines(drawing(rng), rng)


def _several(source: Source, rng: Generator) -> Mask:
    """Two or three digits side by side, of one pen: a number, not a digit."""
    images = source.digits.images[rng.integers(len(source.digits), size=rng.integers(2, 4))]
    masks = [enlarged(image, int(HEIGHT * rng.uniform(0.85, 1))) for image in images]
    gap = int(rng.uniform(0.08, 0.3) * HEIGHT)
    height, width = max(mask.shape[0] for mask in masks), sum(mask.shape[1] + gap for mask in masks)
    sheet, left = np.zeros((height, width), np.float32), 0
    for mask in masks:
        sheet = np.maximum(sheet, placed(mask, height, width, left, (height - mask.shape[0]) // 2))
        left += mask.shape[1] + gap
    return _repenned(_cropped(sheet), rng)


def _lines(lines: Sequence[NDArray[np.float64]], rng: Generator) -> Mask:
    """Draw lines of points (N, 2) with one pen, as large as the sheet or stretched to it."""
    points = np.concatenate(lines)
    spread = np.maximum(np.ptp(points, axis=0), 1e-3)
    scale = (HEIGHT - 30) / spread.max() if rng.random() < 0.7 else (HEIGHT - 30) / spread
    paths = [((line - points.min(0)) * scale + 15).astype(np.int32) for line in lines]
    sheet = np.zeros((HEIGHT, HEIGHT), np.uint8)
    cv2.polylines(
        sheet, paths, isClosed=False, color=255.0, thickness=int(rng.integers(3, 20)), lineType=cv2.LINE_AA
    )
    return _cropped(sheet.astype(np.float32) / np.float32(255))


def _cropped(mask: Mask) -> Mask:
    left, top, width, height = cv2.boundingRect((mask > 0.02).astype(np.uint8))
    return mask[top : top + height, left : left + width] if width and height else mask


def _files(fonts: Fonts) -> tuple[Path, ...]:
    return tuple(_file(package, name) for package, names in fonts.items() for name in names)


def _typefaces(part: str) -> tuple[Path, ...]:
    return tuple(sorted((TYPEFACES / part).glob("*.woff2")))


def _file(package: str, name: str) -> Path:
    files = metadata.files(package) or []
    return next(Path(str(file.locate())) for file in files if file.name == name)


def _matplotlib(pattern: str) -> tuple[Path, ...]:
    files = sorted((Path(mpl.get_data_path()) / "fonts/ttf").glob(pattern))
    return tuple(file for file in files if "Display" not in file.name)  # these have a few symbols only
