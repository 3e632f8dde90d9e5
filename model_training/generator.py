"""Images of every kind, drawn, saved as files, and read by the serving's own preprocessing."""

import copy
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inference_image.preprocessing import Preprocessed, preprocess
from model_training import data, kinds
from model_training.kinds import Kind, Style
from model_training.marks import NOT_A_DIGIT, Mark, Source, other, typed, written
from model_training.scenes import scene
from model_training.things import thing
from model_training.truth import FAINT, Box, box_of, is_shown

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")

UNCLEAR = -2  # a view of a part of a digit, or of a digit and more
CHUNK = 200  # images that one process draws at a time, from a seed of their own


@dataclass(frozen=True)
class Example:
    """One file, what it shows, and the kind of image that it is."""

    file: bytes
    digit: int  # 0..9 or NOT_A_DIGIT
    kind: str


@dataclass(frozen=True)
class Views:
    """What the network sees of many examples, all views of each, the most appealing first."""

    pixels: NDArray[np.uint8]  # (N, 28, 28)
    appeals: NDArray[np.float64]  # (N,), see `Preprocessed`
    targets: NDArray[np.int64]  # (N,), 0..9 or NOT_A_DIGIT: what the example shows
    examples: NDArray[np.int64]  # (N,), which example it is a view of, ascending
    shown: NDArray[np.int64]  # (N,), what is in the view itself: 0..9, NOT_A_DIGIT or UNCLEAR

    @property
    def first(self) -> NDArray[np.bool_]:
        """Which are the first of their example: (N,)."""
        return np.diff(self.examples, prepend=-1) > 0


@dataclass(frozen=True)
class Part:
    """A part of MNIST, the typefaces and the style that go with it."""

    digits: str  # a field of data.Mnist
    style: Style
    source: Callable[[data.Digits], Source]


TRAINING = Part("training", kinds.TRAINING, Source.training)
CALIBRATION = Part("validation", kinds.TRAINING, Source.training)
HELD_OUT = Part("held_out", kinds.HELD_OUT, Source.held_out)

Draw = Callable[[Source, Generator], Mark]


def nothing(_: Source, __: Generator) -> Mark:
    return Mark(np.zeros((8, 8), np.float32), NOT_A_DIGIT)


PAPERS: tuple[Kind, ...] = (kinds.canvas, kinds.scan, kinds.board, kinds.photo)
SEARCHED = {*PAPERS, scene}  # the others are thumbnails, or show no digit


@dataclass(frozen=True)
class Recipe:
    """What is drawn, on which kinds of image, and how many parts of the mixture it makes."""

    draw: Draw
    kinds: tuple[Kind, ...]
    share: int


MIXTURE = {
    "canvas": Recipe(written, (kinds.canvas,), 12),
    "scan": Recipe(written, (kinds.scan,), 14),
    "board": Recipe(written, (kinds.board,), 11),
    "photo": Recipe(written, (kinds.photo,), 19),  # the hardest, so the most
    "scene": Recipe(written, (scene,), 7),
    "coarse": Recipe(written, (kinds.coarse,), 8),
    "tiny": Recipe(written, (kinds.tiny,), 3),
    "font": Recipe(typed, PAPERS, 14),
    "coarse font": Recipe(partial(typed, outlines=False), (kinds.coarse,), 4),
    "not a digit": Recipe(other, (*PAPERS, kinds.tiny), 15),
    "blank": Recipe(nothing, PAPERS, 8),
    "empty scene": Recipe(nothing, (scene,), 7),
    "noise": Recipe(nothing, (kinds.noise,), 3),
    "solid": Recipe(nothing, (kinds.solid,), 1),
    "thing": Recipe(nothing, (thing,), 5),
}


def examples(
    part: Part, count: int, seed: Sequence[int], names: Sequence[str] = tuple(MIXTURE)
) -> Iterator[Example]:
    """Draw `count` examples of the mixture, or of some of it. The same seed gives the same files."""
    for example, *_ in drawn_twice(part, count, seed, names):
        yield example


def drawn_twice(
    part: Part, count: int, seed: Sequence[int], names: Sequence[str] = tuple(MIXTURE)
) -> Iterator[tuple[Example, Kind, Callable[[], bytes]]]:
    """Draw examples; say on which kind of image, and how to draw it again with next to none of its mark."""
    rng = np.random.default_rng(seed)
    source = source_of(part)
    shares = np.array([MIXTURE[name].share for name in names])
    for name in rng.choice(names, count, p=shares / shares.sum()):
        recipe = MIXTURE[name]
        mark = recipe.draw(source, rng)
        kind = recipe.kinds[rng.integers(len(recipe.kinds))]
        faint = partial(kind, mark.mask * FAINT, copy.deepcopy(rng), part.style)
        example = Example(kind(mark.mask, rng, part.style), mark.digit, str(name))
        yield example, kind, faint


def through(digits: data.Digits, advance: Callable[[int], None]) -> Views:
    """Read digits in MNIST's own form as serving does: specks go, what is off the centre moves."""
    parts = [digits[start : start + CHUNK] for start in range(0, len(digits), CHUNK)]
    return _on_all_cores(_read, parts, advance)


def seen(part: Part, count: int, seed: int, advance: Callable[[int], None]) -> Views:
    """Draw examples and preprocess them; `advance` is told how many more are done."""
    chunks = [(part, (seed, number)) for number in range((count + CHUNK - 1) // CHUNK)]
    return _on_all_cores(_drawn, chunks, advance)


def _on_all_cores(work: Callable[[Any], Views], jobs: Sequence[Any], advance: Callable[[int], None]) -> Views:
    """Do jobs of CHUNK examples each."""
    with processes() as pool:
        parts: list[Views] = []
        for views in in_order(pool, work, jobs):
            parts.append(views)
            advance(CHUNK)
    return joined(parts)


def joined(parts: Sequence[Views]) -> Views:
    """Put views one after another, and number their examples on."""
    ends = np.cumsum([0, *(one.examples[-1] + 1 for one in parts)])
    numbered = [replace(one, examples=one.examples + end) for one, end in zip(parts, ends[:-1], strict=True)]
    columns = zip(
        *((one.pixels, one.appeals, one.targets, one.examples, one.shown) for one in numbered), strict=True
    )
    return Views(*map(np.concatenate, columns))


@contextmanager
def processes() -> Iterator[ProcessPoolExecutor]:
    """Start a process for each core, that keeps to one. Whatever is raised here ends them at once."""
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    with watched, held:
        pool = ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, _begin, (watched,))
        try:
            yield pool
        except BaseException:
            held.close()  # what has been handed to them cannot be cancelled, and takes up to a minute
            if sys.version_info < (3, 11, 5):  # waits for ever to hand on what nobody reads: gh-94777
                pool._call_queue._reader.close()  # type: ignore[attr-defined]
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def in_order(
    pool: ProcessPoolExecutor, work: Callable[[_Job], _Result], jobs: Iterable[_Job]
) -> Iterator[_Result]:
    """Do all jobs, as `pool.map` does; which on ctrl-C cancels them while its processes end.

    For what is cancelled by then the pool's thread prints a trace.
    """
    for started in [pool.submit(work, job) for job in jobs]:
        yield started.result()


def _begin(watched: Connection) -> None:
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # on ctrl-C the terminal asks every process; one answers


def _end_with(watched: Connection) -> None:
    """End with the pipe's other end, which the parent alone holds: one that is killed tells nobody.

    The pool's processes have no public name, and `active_children` are all that the program has.
    """
    watched.poll(None)
    os._exit(1)


def _drawn(chunk: tuple[Part, tuple[int, int]]) -> Views:
    part, seed = chunk
    drawn, shown = [], []
    for example, kind, faint in drawn_twice(part, CHUNK, seed):
        views = preprocess(example.file)
        drawn.append((views, example.digit))
        is_clear = example.digit == NOT_A_DIGIT or len(views) == 1 or kind not in SEARCHED
        mark = None if is_clear else box_of(example.file, faint())
        shown += [example.digit if is_clear else _shown(example, kind, view, mark) for view in views]
    return replace(_listed(drawn), shown=np.array(shown, np.int64))


def _shown(example: Example, kind: Kind, view: Preprocessed, mark: Box | None) -> int:
    """Tell what a view shows. Beside a scan's mark its back may be seen, on which a 0, 1 or 8 is one too."""
    shows = is_shown(view.box, mark)
    if shows is None:
        return UNCLEAR
    return example.digit if shows else UNCLEAR if kind is kinds.scan else NOT_A_DIGIT


def _read(digits: data.Digits) -> Views:
    return views_of([kinds.png(image) for image in digits.images], digits.labels)


def views_of(files: Sequence[bytes], targets: Sequence[int] | NDArray[np.int64]) -> Views:
    """Preprocess files that show `targets`, and nothing else."""
    return _listed([(preprocess(file), int(target)) for file, target in zip(files, targets, strict=True)])


def _listed(seen: Sequence[tuple[Sequence[Preprocessed], int]]) -> Views:
    """List all views of examples, each with what it shows."""
    counts = [len(views) for views, _ in seen]
    targets = np.repeat(np.array([target for _, target in seen], np.int64), counts)
    return Views(
        np.stack([view.pixels for views, _ in seen for view in views]),
        np.array([view.appeal for views, _ in seen for view in views]),
        targets,
        np.repeat(np.arange(len(seen)), counts),
        targets,
    )


@cache
def source_of(part: Part) -> Source:
    return part.source(getattr(data.load(), part.digits))
