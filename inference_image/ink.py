"""Tell ink from paper: by colour, under any light, dark on light or light on dark."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.ranks import median, percentiles

Colours = NDArray[np.float32]  # (height, width, 3), RGB in [0, 255]
Ink = NDArray[np.float32]  # (height, width), in grey levels above the paper; paper is about 0

MAP_SIDE = 256  # pixels of the longer side that are searched: a digit of a tenth of it still has 25
_EVEN = 12  # of 255: colours that differ by less are one colour
_MOSTLY, _HALF, _PARTLY = 0.88, 0.5, 0.3  # of the border: one colour for sure, if pure or drawn, perhaps
_COARSE = 144  # pixels of the longer side, on which light is estimated
_WINDOW = 0.25  # of the longer side: what is narrower can be ink
STROKE = 0.08  # of the longer side: what is narrower can be a stroke
_SLATE = 115.0  # of 255: a sheet whose brightest parts are darker is slate rather than paper
_SPARSE = 0.75  # of the pixels in a row: what is reduced further linearly would lose lines between them
_HUE = 1.5  # times: by its hue ink stands out less than by its brightness
DARK = 24.0  # of 255: light below this is too little to divide by, or to be a sheet's


@dataclass(frozen=True)
class Light:
    """What else is known where the paper is unevenly lit."""

    seen: Ink  # on the map: the brightness itself, turned so that ink is high
    likely: float  # in [0, 1]: whether ink of this polarity is to be expected on paper so light or dark


@dataclass(frozen=True)
class Sizes:
    """A picture in the sizes at which it is looked at."""

    picture: NDArray[np.uint8]  # (height, width, 3), RGB
    searched: Colours  # the map, MAP_SIDE long at most
    surface: NDArray[np.uint8] | None = None  # on the map, 1 on the sheet that is looked at by itself

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> "Sizes":
        return cls(picture, reduced(picture, MAP_SIDE))

    def on(self, surface: NDArray[np.uint8]) -> "Sizes":
        """Look at a sheet as if it went on around itself."""
        return replace(self, searched=_continued(self.searched, surface), surface=surface)

    @cached_property
    def rim(self) -> NDArray[np.uint8] | None:
        """Mark the map where the sheet ends by 1."""
        if self.surface is None:
            return None
        around = cv2.dilate(self.surface, np.ones((5, 5), np.uint8))
        inside = cv2.erode(self.surface, np.ones((5, 5), np.uint8), borderValue=0)
        return (around - inside).astype(np.uint8)

    @cached_property
    def coarse(self) -> Colours:
        return reduced(self.searched, _COARSE)

    @cached_property
    def closed(self) -> Colours:
        """The paper under dark ink, coarse."""
        return _closed(self.coarse)


@dataclass(frozen=True)
class Inked:
    """One way to see what is ink: how far a colour is from the paper's along an axis, times a gain.

    What the paper is there, and the gain, change slowly over the picture; they are known on a coarse grid.
    """

    sizes: Sizes
    axis: Ink  # (3,), down which the ink lies
    paper: Ink  # (h, w), coarse: the paper's place on the axis
    gain: Ink  # (h, w), coarse: it makes up for a lack of light
    inverted: bool  # the ink is lighter than the paper
    light: Light | None  # None on paper of one colour: all that stands out there was put there
    evenness: float = 1.0  # of that paper: the share of the border that has its colour
    is_narrow: bool = False  # what is wider than a stroke is none of it

    @cached_property
    def searched(self) -> Ink:
        """The ink of the whole picture, MAP_SIDE long at most."""
        return self._ink(self.sizes.searched, (0, 0), self.sizes.searched.shape[:2])

    @cached_property
    def narrowed(self) -> "Inked":
        """Take all that is wider than a stroke for paper, as either side of a shadow's edge.

        Under uneven light; the paper is then known as finely as the map, on which a step is none of its ink.
        """
        colour = _along(self.sizes.searched, self.axis)  # ink is low, under either polarity
        paper = cv2.morphologyEx(colour, cv2.MORPH_CLOSE, _window(STROKE, colour)).astype(np.float32)
        gain = _gain(-paper if self.inverted else paper)
        if self.sizes.surface is not None:
            gain *= self.sizes.surface  # beside a sheet it is 0
        return replace(self, paper=paper - median(paper - colour), gain=gain, is_narrow=True)

    @cached_property
    def coloured(self) -> "Inked":
        """See only how far a hue is from the paper's: a shadow takes of all colours alike, so it is paper.

        Under uneven light. The axis is at a right angle to the paper's colour, where most of the ink is.
        """
        colours, closed = self.sizes.coarse, self.sizes.closed
        grey = _unit(np.median(closed[::2, ::2].reshape(-1, 3), axis=0))
        missing = self.gain[..., None] * (closed - colours)
        missing -= _along(missing, grey)[..., None] * grey
        amounts = missing[::2, ::2].reshape(-1, 3)
        axis = _main_axis(amounts)
        axis = _unit(axis - (axis @ grey) * grey)
        axis = _towards_ink(axis, amounts @ axis)
        here = _along(colours, axis)
        paper = _eroded(cv2.morphologyEx(here, cv2.MORPH_CLOSE, _window(_WINDOW, here))).astype(np.float32)
        usual = median((self.gain * (paper - here))[::2, ::2])
        paper -= (usual / np.maximum(self.gain, 0.1)).astype(np.float32)  # beside a sheet it is 0
        hue = replace(self, axis=axis, paper=paper, gain=_HUE * self.gain, inverted=False)
        return replace(hue, light=replace(self.light, seen=hue.searched)) if self.light else hue

    def close_up(self, rows: slice, columns: slice) -> Ink:
        """Measure the ink of a window of the picture, pixel by pixel."""
        seen = self.sizes.picture[rows, columns].astype(np.float32)
        return self._ink(seen, (rows.start, columns.start), self.sizes.picture.shape[:2])

    def _ink(self, colours: Colours, at: tuple[int, int], whole: tuple[int, ...]) -> Ink:
        size = colours.shape[:2]
        paper, gain = (_stretched(coarse, at, size, whole) for coarse in (self.paper, self.gain))
        ink: Ink = paper - _along(colours, self.axis)
        ink *= gain
        return ink


def find_ink(sizes: Sizes) -> list[Inked]:
    """List the ways to see what is ink.

    On paper of one colour the ink is the rarer side. Under uneven light either side may be; both are given.
    Where it can be either, as behind a digit that fills the image, all three are.
    """
    paper, evenness = _border(sizes)
    pure = paper.max() < _EVEN or paper.min() > 255 - _EVEN  # no camera sees that
    even = [_along_colour(sizes, paper, evenness)] if evenness > _PARTLY else []
    return even if evenness > (_HALF if pure else _MOSTLY) else [*even, *under_light(sizes)]


def without_light(sizes: Sizes) -> list[Inked]:
    """List the ways to see what is ink on paper that is of one colour for sure.

    Around a digit that fills the image the border does not tell which colour is the paper's.
    """
    paper, evenness = _border(sizes)
    even = _along_colour(sizes, paper, evenness)
    return [even] if evenness > _HALF else _from_either_end(even)


def _border(sizes: Sizes) -> tuple[Ink, float]:
    """Find the usual colour (3,) along the border, and which share of the border has it."""
    picture = sizes.picture
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    border = np.ascontiguousarray(border.T)  # (3, n): with three in a row NumPy takes four times as long
    paper = np.median(border, axis=1).astype(np.float32)
    return paper, float((np.abs(border - paper[:, None]).max(axis=0) < _EVEN).mean())


def _from_either_end(inked: Inked) -> list[Inked]:
    """Take what is darkest and what is lightest along the axis for the paper."""
    ends = percentiles(_along(inked.sizes.searched, inked.axis), 1, 99)
    return [
        replace(inked, axis=axis, paper=np.array([[end]], np.float32), inverted=bool(axis.sum() < 0))
        for axis, end in ((inked.axis, ends[1]), (-inked.axis, -ends[0]))
    ]


def under_light(sizes: Sizes, polarities: Iterable[bool] = (False, True)) -> list[Inked]:
    """Take the light to be uneven: the ways to see dark ink, and light ink (inverted)."""
    return [_under_light(sizes, inverted=inverted) for inverted in polarities]


def _along_colour(sizes: Sizes, paper: Ink, evenness: float) -> Inked:
    """Take the main axis of colours, directed so that the ink, rare and far from the paper, is positive."""
    step = 1 + max(sizes.searched.shape) // 128
    sample = paper[:, None] - sizes.searched[::step, ::step].transpose(2, 0, 1).reshape(3, -1)
    _, axes = np.linalg.eigh(sample @ sample.T)
    axis = axes[:, -1]
    axis = _towards_ink(axis, axis @ sample)
    here = np.array([[paper @ axis]], np.float32)
    return Inked(sizes, axis, here, np.ones_like(here), bool(axis.sum() < 0), light=None, evenness=evenness)


def _under_light(sizes: Sizes, *, inverted: bool) -> Inked:
    """Estimate the paper by closing what is narrow; ink is the share of the paper's light that is missing."""
    turned = 255 - sizes.coarse if inverted else sizes.coarse  # ink is dark
    closed = _closed(turned) if inverted else sizes.closed
    axis = _ink_axis(closed - turned)
    here, paper = _along(turned, axis), _along(closed, axis)
    white = 255 * axis.sum()
    brightness = white - paper if inverted else paper  # in a shadow ink stands out less
    gain = _gain(brightness)
    missing = (gain * (paper - here))[::2, ::2]
    paper -= median(missing) / gain  # what most of the paper seems to lack is no ink
    grey = here / axis.sum()
    seen = _along(sizes.searched, axis if inverted else -axis) / axis.sum() + (0 if inverted else 255)
    light = Light(seen, _likely(grey, inverted=inverted))
    if inverted:
        axis, paper = -axis, paper - white
    return Inked(sizes, axis, paper, gain, inverted, light)


def _gain(brightness: Ink) -> Ink:
    """Make up for a lack of light: by how much paper so bright is darker than most of it."""
    usual = max(median(brightness[::2, ::2]), DARK)
    return (usual / np.maximum(brightness, DARK)).astype(np.float32)


def _continued(seen: Colours, surface: NDArray[np.uint8]) -> Colours:
    """Continue a sheet beyond its outline, as light as it is nearby."""
    small = tuple(max(1, side // 4) for side in seen.shape[1::-1])
    alone = cv2.copyTo(cv2.merge([seen, np.full(surface.shape, 255, np.float32)]), surface)
    alone = cv2.resize(alone, small, interpolation=cv2.INTER_AREA)
    mean = 1e-3 * np.array(cv2.mean(alone), np.float32)  # where nothing is near
    near = cv2.GaussianBlur(alone, (0, 0), max(small) / 12) + mean
    around = cv2.resize(near[..., :3] * (255 / near[..., 3:]), seen.shape[1::-1])
    return cv2.copyTo(seen, surface, around).astype(np.float32, copy=False)


def _towards_ink(axis: Ink, amounts: Ink) -> Ink:
    """Turn an axis so that amounts (N,) along it, of which few are ink and that a lot, are positive."""
    return -axis if (amounts * amounts * amounts).sum() < 0 else axis


def _unit(axis: Ink) -> Ink:
    """Scale to a length of 1; what is next to none, as the hue of a grey picture, stays so."""
    return (axis / max(float(np.linalg.norm(axis)), 1e-3)).astype(np.float32)


def _along(colours: Colours, axis: Ink) -> Ink:
    """Project (height, width, 3) on an axis (3,)."""
    return cv2.transform(colours, axis[None]).astype(np.float32, copy=False)


def _stretched(coarse: Ink, at: tuple[int, int], size: tuple[int, ...], whole: tuple[int, ...]) -> Ink:
    """Interpolate what is known on a coarse grid over a whole, for a window of some size at some place."""
    if coarse.size == 1:  # it holds everywhere
        return coarse
    if size == whole:
        return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
    (down, across), (top, left) = (known / side for known, side in zip(coarse.shape, whole, strict=True)), at
    matrix = np.array([[across, 0, (left + 0.5) * across - 0.5], [0, down, (top + 0.5) * down - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    stretched = cv2.warpAffine(coarse, matrix, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return stretched.astype(np.float32, copy=False)


def _closed(small: Colours) -> Colours:
    window = _window(_WINDOW, small)
    around = len(window) // 2 + 1  # as far as both kernels see
    whole = np.rint(small).astype(np.uint8)  # many times as fast as fractions
    padded = cv2.copyMakeBorder(whole, around, around, around, around, cv2.BORDER_REPLICATE)
    paper = _eroded(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, window))
    return paper[around:-around, around:-around].astype(np.float32)


def _window(share: float, image: Colours | Ink) -> NDArray[np.uint8]:
    return np.ones((_odd(share * max(image.shape)),) * 2, np.uint8)


def _eroded(closed: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Take a pixel of what is light: without it the paper's edge would have a halo."""
    return cv2.erode(closed, np.ones((3, 3), np.uint8))


def _ink_axis(missing: Colours) -> Ink:
    """Find the colour (3,) in which most is missing from the paper."""
    return np.abs(_main_axis(missing[::2, ::2].clip(0).reshape(-1, 3)))


def _main_axis(amounts: Ink) -> Ink:
    """Find the direction (3,) of the strongest of (N, 3), or its opposite."""
    strong = amounts * np.einsum("ij,ij->i", amounts, amounts)[:, None]
    _, axes = np.linalg.eigh(strong.T @ amounts)
    axis: Ink = axes[:, -1].astype(np.float32)
    return axis


def _likely(grey: Ink, *, inverted: bool) -> float:
    """Slate has light ink and is dark even where it is brightest; paper has dark ink."""
    sample = grey[::2, ::2]
    (brightest,) = percentiles(255 - sample if inverted else sample, 90)
    paper = float(1 / (1 + np.exp((_SLATE - brightest) / 15)))
    return max(0.1, 1 - paper if inverted else paper)


def reduced(image: NDArray[np.uint8] | Colours | Ink, longest: int) -> NDArray[np.float32]:
    """Reduce to `longest` pixels on the longer side; a smaller image is only copied.

    By halves, averaging, and the rest linearly, as in a mipmap (Williams 1983).
    """
    least: cv2.typing.MatLike = image
    while max(least.shape) >= 2 * longest and min(least.shape[:2]) > 1:
        height, width = (side // 2 for side in least.shape[:2])
        least = cv2.resize(least[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    scale = min(1.0, longest / max(least.shape))
    if scale < _SPARSE:
        least = cv2.GaussianBlur(least, (3, 3), 0)
    width, height = (max(1, round(side * scale)) for side in least.shape[1::-1])
    least = cv2.resize(least, (width, height), interpolation=cv2.INTER_LINEAR) if scale < 1 else least
    return least.astype(np.float32)


def _odd(size: float) -> int:
    return 2 * int(size / 2) + 1
