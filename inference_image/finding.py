"""Find the digit among everything that stands out from the paper."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.ink import Ink, Inked, Light, find_ink, reduced

Box = tuple[int, int, int, int]  # left, top, width, height in pixels
Mask = NDArray[np.uint8]
Each = NDArray[np.float64]  # (n,), a number for each part

_NO_INK = 10.0  # grey levels: what stands out less is the paper's own
_SMALL = 64  # pixels: in a smaller image every pixel counts
_SIDE = 256  # pixels of the map that is searched: a digit of a tenth of it still has 25
_PARTS = 10  # that are looked at closely
_FLOORS = (
    0.25,
    0.5,
)  # of the strongest ink: a low one keeps faint strokes whole, a high one frees them from lines
_AROUND = 3  # pixels around a part that should be paper


@dataclass(frozen=True)
class Found:
    """The digit's ink in [0, 255], 0 everywhere else."""

    ink: Ink
    box: Box
    inverted: bool  # the ink is lighter than the paper
    score: float


@dataclass(frozen=True)
class Parts:
    """Connected parts of an ink map, the weightiest first."""

    labels: NDArray[np.int32]  # (height, width), the part that each pixel belongs to
    names: NDArray[np.int64]  # (n,), the parts' labels
    left: Each
    top: Each
    width: Each
    height: Each
    area: Each
    x: Each  # of the centre
    y: Each
    level: Each  # mean ink

    @property
    def size(self) -> Each:
        return np.maximum(self.width, self.height)

    def __len__(self) -> int:
        return len(self.names)


def find_digit(pixels: NDArray[np.uint8]) -> Found | None:
    """Choose the digit's strokes in (height, width, 3) over specks, lines, shadows and edges.

    None if nothing stands out.
    """
    find = _whole if max(pixels.shape) <= _SMALL else _chosen
    found = (find(inked) for inked in find_ink(pixels))
    return max((one for one in found if one is not None), key=lambda one: one.score, default=None)


def _whole(inked: Inked) -> Found | None:
    """Keep all of a small image, but specks."""
    strongest = float(inked.ink.max())
    if strongest < _NO_INK:
        return None
    level = (inked.ink * (255 / strongest)).clip(0, 255)
    level[level < 4] = 0
    count, labels = cv2.connectedComponents((level > 0).astype(np.uint8), connectivity=8)
    weights = np.bincount(labels.ravel(), level.ravel(), minlength=count)
    kept = np.where((weights >= 0.02 * weights[1:].max())[labels], level, 0).astype(np.float32)
    return Found(kept, _box(kept > 0), inked.inverted, strongest)


def _chosen(inked: Inked) -> Found | None:
    """Choose on a reduced map, which also evens out grain; cut out of the full one."""
    small, blur = _even(reduced(inked.ink, _SIDE), inked)
    noise = _noise(small, inked)
    mask, score = _best(small, noise, inked)
    if mask is None:
        return None
    height, width = inked.ink.shape
    near = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(near, np.ones((5, 5), np.uint8))
    peak = float(np.percentile(small[mask > 0], 75))
    base = min(max(3 * noise, 0.25 * peak), 0.5 * peak)
    smooth = cv2.GaussianBlur(inked.ink, (0, 0), blur * max(height, width) / _SIDE)
    clean = ((smooth - base) * (255 / (0.9 * peak - base))).clip(0, 255) * near
    strokes = clean > 100
    return Found(clean.astype(np.float32), _box(strokes), inked.inverted, score) if strokes.any() else None


def _even(small: Ink, inked: Inked) -> tuple[Ink, float]:
    """Blur as much as the grain needs: a little, or where dots make up the grey, as in print, more."""
    smooth, blur = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 300).astype(np.float32), 0.5
    if 4 * _noise(smooth, inked) > _FLOORS[0] * float(np.percentile(smooth, 99.5)):
        smooth, blur = cv2.GaussianBlur(smooth, (0, 0), 1.2).astype(np.float32), 1.2
    return smooth, blur


def _noise(ink: Ink, inked: Inked) -> float:
    """Measure the paper's usual departure from 0, on even paper along the border, where there is no ink."""
    border = (ink[:4], ink[-4:], ink[:, :4], ink[:, -4:])
    paper = ink if inked.light else np.concatenate([strip.ravel() for strip in border])
    return 1.5 * float(np.median(np.abs(paper)))


def _best(ink: Ink, noise: float, inked: Inked) -> tuple[Mask | None, float]:
    mask, best = None, 0.0
    strong = float(np.percentile(ink, 99.5))
    for share in _FLOORS:
        parts = _parts(ink, max(_NO_INK, min(4 * noise, 0.6 * strong), share * strong))
        if not len(parts):
            continue
        scores = _scores(parts, ink, inked)
        main = int(scores.argmax())
        if scores[main] > 1.15 * best:
            mask, best = _mask(parts, _with_neighbours(parts, main, scores)), float(scores[main])
    return mask, best


def _parts(ink: Ink, floor: float) -> Parts:
    count, labels, stats, centres = cv2.connectedComponentsWithStats((ink > floor).astype(np.uint8))
    weights = np.bincount(labels.ravel(), ink.ravel(), minlength=count)
    rank = 1 + np.argsort(-weights[1:] * stats[1:, 2:4].max(axis=1))[:_PARTS]  # 0 is the paper
    left, top, width, height, area = stats[rank].T.astype(np.float64)
    x, y = centres[rank].T
    level = weights[rank] / area
    return Parts(labels.astype(np.int32), rank, left, top, width, height, area, x, y, level)


def _scores(parts: Parts, ink: Ink, inked: Inked) -> Each:
    """Say how much each part looks like a digit: it stands out, has some size, is no line and no frame."""
    height, width = ink.shape
    score = np.sqrt(parts.size) * np.where(_frames(parts), 0.02, 1)
    score *= 1 - 0.7 * np.hypot(parts.x / width - 0.5, parts.y / height - 0.5)
    score *= np.clip(parts.size / (0.06 * max(height, width)), 0.01, 1) ** 2
    score *= np.where((parts.width > 6 * parts.height) & (parts.width > 0.25 * width), 0.05, 1)
    return score * (
        _contrast(parts, ink)
        if inked.light is None
        else _lit_scores(parts, inked.light, inverted=inked.inverted)
    )


def _lit_scores(parts: Parts, light: Light, *, inverted: bool) -> Each:
    """Look closer under uneven light: ink is strokes, is unlike most around it, and is not at the edge."""
    height, width = parts.labels.shape
    seen = reduced(light.seen, _SIDE)
    score = _contrast(parts, seen) * light.likely
    rare = cv2.resize(light.rare, (width, height), interpolation=cv2.INTER_LINEAR)
    score *= np.clip(_means(parts, rare.astype(np.float32)) / parts.level, 0.05, 1)
    score *= np.clip((0.62 - _thickness(parts)) / 0.25, 0.03, 1)
    score *= np.array([1, 0.15, 0.08, 0.02, 0.02])[_edges(parts)]
    score *= np.where((parts.height > 6 * parts.width) & (parts.height > 0.6 * height), 0.05, 1)
    if inverted:  # chalk is the lightest thing in sight; a patch of sun on paper is not
        lighter = np.array([float((seen > level).mean()) for level in _means(parts, seen)])
        score *= np.clip(1 - lighter / 0.15, 0.05, 1)
    return score


def _with_neighbours(parts: Parts, main: int, scores: Each) -> NDArray[np.bool_]:
    """Add to the main part what belongs to it: what is near, as dark, not much smaller, and no line.

    Peers may be further away: a number or a word is to be seen as one, for it is no digit.
    """
    peers = parts.size > 0.4 * parts.size[main]
    right, bottom = parts.left + parts.width, parts.top + parts.height
    across = np.maximum(parts.left - right[main], parts.left[main] - right).clip(0)
    down = np.maximum(parts.top - bottom[main], parts.top[main] - bottom).clip(0)
    keep: NDArray[np.bool_] = np.hypot(across, down) < np.where(peers, 0.7, 0.35) * parts.size[main]
    keep &= (parts.level > 0.5 * parts.level[main]) & (scores > 0.05 * scores[main])
    keep &= parts.area > 0.02 * parts.area[main]
    thin = parts.size > 6 * np.minimum(parts.width, parts.height)
    keep &= ~(thin & (parts.size > 1.2 * parts.size[main]))
    keep[main] = True
    return keep


def _mask(parts: Parts, which: NDArray[np.bool_]) -> Mask:
    keep = np.zeros(int(parts.labels.max()) + 1, np.uint8)
    keep[parts.names[which]] = 1
    mask: Mask = keep[parts.labels]
    return mask


def _contrast(parts: Parts, seen: Ink) -> Each:
    """How much a part stands out from what is right around it; three quarters of that count, not the mean.

    What continues on one side, as a shadow does, stands out less than a stroke.
    """
    contrast = []
    for part in range(len(parts)):
        rows, columns = _window(parts, part, margin=_AROUND)
        inside = (parts.labels[rows, columns] == parts.names[part]).astype(np.uint8)
        ring = cv2.dilate(inside, np.ones((2 * _AROUND + 1,) * 2, np.uint8)) > inside
        values = seen[rows, columns]
        around = float(np.percentile(values[ring], 75)) if ring.any() else 0.0
        contrast.append(max(0.0, float(values[inside > 0].mean()) - around))
    return np.array(contrast)


def _means(parts: Parts, values: Ink) -> Each:
    sums = np.bincount(parts.labels.ravel(), values.ravel(), minlength=int(parts.names.max()) + 1)
    means: Each = sums[parts.names] / parts.area
    return means


def _thickness(parts: Parts) -> Each:
    """Measure the thickest place as a share of the size: strokes are below a third, blobs near one."""
    thickness = []
    for part in range(len(parts)):
        inside = parts.labels[_window(parts, part)] == parts.names[part]
        depth = cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3)
        thickness.append(2 * float(depth.max()) / parts.size[part])
    return np.array(thickness)


def _edges(parts: Parts) -> NDArray[np.int64]:
    """How many of the image's edges a part touches."""
    height, width = parts.labels.shape
    right, bottom = parts.left + parts.width, parts.top + parts.height
    touched = (parts.left <= 1, parts.top <= 1, right >= width - 1, bottom >= height - 1)
    count: NDArray[np.int64] = np.sum(touched, axis=0).astype(np.int64)
    return count


def _frames(parts: Parts) -> Sequence[bool]:
    """Which parts are boxes drawn around another part."""
    x, y, size = parts.x[:, None], parts.y[:, None], parts.size[:, None]  # (n, 1): of what is held
    holds = (parts.left < x) & (x < parts.left + parts.width)  # (n, n): row in column
    holds &= (parts.top < y) & (y < parts.top + parts.height)
    holds &= size > 0.12 * parts.size
    np.fill_diagonal(holds, val=False)
    return [bool(holds[:, part].any()) and _is_hollow(parts, part) for part in range(len(parts))]


def _is_hollow(parts: Parts, part: int) -> bool:
    inside = parts.labels[_window(parts, part)] == parts.names[part]
    down, across = (max(2, side // 10) for side in inside.shape)
    return bool(inside[down:-down, across:-across].sum() < 0.3 * parts.area[part])


def _window(parts: Parts, part: int, margin: int = 0) -> tuple[slice, slice]:
    left, top, width, height = (
        int(edge[part]) for edge in (parts.left, parts.top, parts.width, parts.height)
    )
    rows = slice(max(0, top - margin), top + height + margin)
    return rows, slice(max(0, left - margin), left + width + margin)


def _box(mask: NDArray[np.bool_]) -> Box:
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, width, height
