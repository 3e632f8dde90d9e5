"""Images of every kind, drawn, saved as files, and read by the serving's own preprocessing."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference_image.preprocessing import SIDE, preprocess
from model_training import data, kinds
from model_training.kinds import Kind, Style
from model_training.marks import NOT_A_DIGIT, Mark, Source, other, typed, written

CHUNK = 200  # images that one process draws at a time, from a seed of their own


@dataclass(frozen=True)
class Example:
    """One file, what it shows, and the kind of image that it is."""

    file: bytes
    digit: int  # 0..9 or NOT_A_DIGIT
    kind: str


@dataclass(frozen=True)
class Images:
    """What the network sees of many examples: (N, 28, 28) uint8, and (N,) int64 in 0..9 or NOT_A_DIGIT."""

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """A part of MNIST, the typefaces and the style that go with it."""

    digits: str  # a field of data.Mnist
    style: Style
    source: Callable[[data.Digits], Source]


TRAINING = Part("training", kinds.TRAINING, Source.training)
CALIBRATION = Part("validation", kinds.TRAINING, Source.training)
HELD_OUT = Part("validation", kinds.HELD_OUT, Source.held_out)

Draw = Callable[[Source, Generator], Mark]


def nothing(_: Source, __: Generator) -> Mark:
    return Mark(np.zeros((8, 8), np.float32), NOT_A_DIGIT)


PAPERS: tuple[Kind, ...] = (kinds.canvas, kinds.scan, kinds.board, kinds.photo)


@dataclass(frozen=True)
class Recipe:
    """What is drawn, on which kinds of image, and how much of the mixture it makes."""

    draw: Draw
    kinds: tuple[Kind, ...]
    share: float


MIXTURE = {
    "canvas": Recipe(written, (kinds.canvas,), 0.12),
    "scan": Recipe(written, (kinds.scan,), 0.14),
    "board": Recipe(written, (kinds.board,), 0.11),
    "photo": Recipe(written, (kinds.photo,), 0.19),  # the hardest, so the most
    "coarse": Recipe(written, (kinds.coarse,), 0.05),
    "tiny": Recipe(written, (kinds.tiny,), 0.03),
    "font": Recipe(typed, PAPERS, 0.12),
    "not a digit": Recipe(other, (*PAPERS, kinds.tiny), 0.15),
    "blank": Recipe(nothing, PAPERS, 0.05),
    "noise": Recipe(nothing, (kinds.noise,), 0.03),
    "solid": Recipe(nothing, (kinds.solid,), 0.01),
}


def examples(
    part: Part, count: int, seed: Sequence[int], names: Sequence[str] = tuple(MIXTURE)
) -> Iterator[Example]:
    """Draw `count` examples of the mixture, or of some of it. The same seed gives the same files."""
    rng = np.random.default_rng(seed)
    source = source_of(part)
    shares = np.array([MIXTURE[name].share for name in names])
    for name in rng.choice(names, count, p=shares / shares.sum()):
        recipe = MIXTURE[name]
        mark = recipe.draw(source, rng)
        kind = recipe.kinds[rng.integers(len(recipe.kinds))]
        yield Example(kind(mark.mask, rng, part.style), mark.digit, str(name))


def through(digits: data.Digits) -> Images:
    """Read digits in MNIST's own form as serving does: specks go, what is off the centre moves."""
    return Images(np.stack([preprocess(kinds.png(image)).pixels for image in digits.images]), digits.labels)


def seen(part: Part, count: int, seed: int, advance: Callable[[int], None]) -> Images:
    """Draw examples and preprocess them, on all cores; `advance` is told how many more are done.

    Digits that preprocessing loses altogether are left out: an empty image teaches nothing about them.
    """
    chunks = range((count + CHUNK - 1) // CHUNK)
    images, targets = [], []
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
        for drawn in pool.map(_chunk, [part] * len(chunks), [(seed, number) for number in chunks]):
            images.append(drawn.images)
            targets.append(drawn.targets)
            advance(CHUNK)
    return Images(np.concatenate(images), np.concatenate(targets))


def _chunk(part: Part, seed: tuple[int, int]) -> Images:
    cv2.setNumThreads(1)  # the processes share the cores
    drawn = list(examples(part, CHUNK, seed))
    images = np.stack([preprocess(one.file).pixels for one in drawn])
    targets = np.array([one.digit for one in drawn])
    kept = (images.reshape(-1, SIDE * SIDE).max(axis=1) > 0) | (targets == NOT_A_DIGIT)
    return Images(images[kept], targets[kept])


@cache
def source_of(part: Part) -> Source:
    return part.source(getattr(data.load(), part.digits))
