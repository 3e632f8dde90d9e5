"""Measure the shipped weights on images that took no part in training, and write the model card.

`python -m model_training.evaluate`. Every image is read as the server would read it: from a file's bytes.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scipy.stats import binomtest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, roc_auc_score

from inference_image.model import WEIGHTS, Model
from inference_image.preprocessing import Preprocessed, preprocess
from inference_image.reading import Reading, classify
from model_training import arguments, card, data
from model_training.figures import calibration_error, reliability
from model_training.generator import HELD_OUT, MIXTURE, Example, examples, nothing, processes
from model_training.interrupts import interruptible
from model_training.kinds import png
from model_training.marks import NOT_A_DIGIT, other
from model_training.train import SHARE_OF_DIGITS

BATCH = 500
CHUNK = 50  # examples that one process prepares at a time
MNIST_TEST, OTHER_WRITERS = EVALUATION_ONLY = "MNIST test", "other writers"
DRAWN = tuple(MIXTURE)
KINDS = (*EVALUATION_ONLY, *DRAWN)
APART = MNIST_TEST  # from what is said of all kinds together: it would outweigh everything else
NOTHING = ("blank", "solid")
NO_DIGITS = [name for name, recipe in MIXTURE.items() if recipe.draw in {nothing, other}]
REJECTED = 0.5  # of is_digit
DOCS = Path(__file__).parents[1] / "docs"

Chunk = Callable[[], list[Example]]
Prepared = tuple[Example, list[Preprocessed]]


@dataclass(frozen=True)
class Outcome:
    """One example and how it was read."""

    example: Example
    reading: Reading

    @property
    def is_right(self) -> bool:
        return self.reading.answer.predicted == self.example.digit

    @property
    def is_rejected(self) -> bool:
        return self.reading.answer.is_digit < REJECTED


def main() -> None:
    """Read the kinds, print the table, write the card."""
    chosen = _arguments()
    models = [Model.load(folder) for folder in (WEIGHTS, *chosen.beside)]
    sidecars = [_sidecar(folder) for folder in (WEIGHTS, *chosen.beside)]
    for folder, sidecar in zip(chosen.beside, sidecars[1:], strict=True):
        if (unlike := unlike_in(sidecar, sidecars[0])) is not None:
            sys.exit(f"{folder} has not the {unlike} of what is shipped: train that seed again")
    if len({sidecar["settings"]["seed"] for sidecar in sidecars}) < len(sidecars):
        sys.exit("Of each seed one is measured, the shipped one's beside others.")
    seed = seed_of(models[0].version) if chosen.seed is None else chosen.seed
    rows: list[tuple[str, ...]] = []
    together: list[Outcome] = []
    for name, drawn in _tracked(chosen.kinds, chosen.count, seed):
        shown, seen = zip(*drawn, strict=True)
        outcomes, *others = [read_all(shown, seen, model) for model in models]
        rows.append(_row(name, outcomes, others))
        together += map(_lightened, outcomes) if name != APART else []
    summary = summarise(together)
    if chosen.card:
        _draw_card(chosen.card, together)  # first: where it fails, the former card stays
        card.write(chosen.card, sidecars, rows, summary, chosen.seed)
    table = Table(*card.COLUMNS, title=models[0].version)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    for line in summary:
        console.print(*line)


def unlike_in(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    """Name what differs between two sidecars beside the seed and what follows from it, if anything does."""
    for name in ("version", "preprocessing_version", "data"):
        if one[name] != other[name]:
            return name
    settings = ({**sidecar["settings"], "seed": None} for sidecar in (one, other))
    return None if next(settings) == next(settings) else "settings"


def _lightened(outcome: Outcome) -> Outcome:
    """Let go of a file that no sheet of errors shows: all of them take gigabytes."""
    if outcome.example.digit != NOT_A_DIGIT and not outcome.is_right:
        return outcome
    return replace(outcome, example=replace(outcome.example, file=b""))


def seed_of(version: str) -> int:
    """Return the seed of a card's images: each version has its own, for the errors of others were seen."""
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:4])


def mnist_test() -> Iterable[Example]:
    test = data.load().test
    return (
        Example(png(image), int(digit), MNIST_TEST)
        for image, digit in zip(test.images, test.labels, strict=True)
    )


def other_writers() -> Iterable[Example]:
    """Enlarge the 1,797 digits of 8×8 pixels that scikit-learn carries (Alpaydin and Kaynak, UCI)."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    for counts, digit in zip(digits.images, digits.target, strict=True):
        times = int(rng.integers(4, 33))
        method = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        ink = cv2.resize(counts * (255 / 16), None, fx=times, fy=times, interpolation=method).clip(0, 255)
        yield Example(
            png((ink if rng.random() < 0.5 else 255 - ink).astype(np.uint8)), int(digit), OTHER_WRITERS
        )


def read_all(drawn: Sequence[Example], seen: Sequence[Sequence[Preprocessed]], model: Model) -> list[Outcome]:
    """Read what was seen of each example."""
    readings = (
        reading
        for start in range(0, len(seen), BATCH)
        for reading in classify(seen[start : start + BATCH], model)
    )
    return [Outcome(example, reading) for example, reading in zip(drawn, readings, strict=True)]


def summarise(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Figures over all kinds together, as far as there is anything to count."""
    shown = [one for one in outcomes if one.example.digit != NOT_A_DIGIT]
    empty = [one for one in outcomes if one.example.kind in NOTHING]
    summary: list[tuple[str, str]] = []
    if shown:
        summary += [("expected calibration error", f"{calibration_error(_bins(shown)):.4f}")]
    if 0 < len(shown) < len(outcomes):
        scores = np.array([one.reading.answer.is_digit for one in outcomes])
        truth = np.array([one.example.digit != NOT_A_DIGIT for one in outcomes])
        as_in_use = np.where(truth, SHARE_OF_DIGITS / truth.mean(), (1 - SHARE_OF_DIGITS) / (~truth).mean())
        summary += [
            ("AUROC of is_digit", f"{roc_auc_score(truth, scores):.4f}"),
            (
                "expected calibration error of is_digit",
                f"{calibration_error(reliability(scores, truth, as_in_use)):.4f}",
            ),
        ]
    for name, some in (("blank and solid images rejected", empty), ("digits wrongly rejected", shown)):
        if some:
            summary += [(name, f"{_share(one.is_rejected for one in some):.1%}")]
    return summary


def _tracked(names: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, list[Prepared]]]:
    """Prepare each kind on all cores, a chunk of examples at a time."""
    kinds = {name: _chunks(name, count, seed) for name in names}
    with processes() as pool, Progress() as progress:
        task = progress.add_task("drawing and reading", total=sum(map(len, kinds.values())))
        started = [
            (name, [pool.submit(_prepared, chunk) for chunk in chunks]) for name, chunks in kinds.items()
        ]
        for name, chunks in started:
            done: list[Prepared] = []
            while chunks:  # whose files go with them
                done += chunks.pop(0).result()
                progress.advance(task)
            yield name, done


def _chunks(name: str, count: int, seed: int) -> list[Chunk]:
    if name == MNIST_TEST:
        return _cut(list(mnist_test()))
    if name == OTHER_WRITERS:
        return _cut(list(other_writers()))
    number = DRAWN.index(name)
    return [partial(_drawn, name, (seed, number, start)) for start in range(0, count, CHUNK)]


def _cut(some: Sequence[Example]) -> list[Chunk]:
    return [partial(list, some[start : start + CHUNK]) for start in range(0, len(some), CHUNK)]


def _drawn(name: str, seed: tuple[int, ...]) -> list[Example]:
    return list(examples(HELD_OUT, CHUNK, seed, [name]))


def _prepared(chunk: Chunk) -> list[Prepared]:
    return [(one, preprocess(one.file)) for one in chunk()]


def _row(name: str, outcomes: Sequence[Outcome], others: Sequence[Sequence[Outcome]]) -> tuple[str, ...]:
    rejected = f"{_share(one.is_rejected for one in outcomes):.1%}"
    if outcomes[0].example.digit == NOT_A_DIGIT:
        return name, f"{len(outcomes)}", "", "", "", rejected
    right = sum(one.is_right for one in outcomes)
    low, high = binomtest(right, len(outcomes)).proportion_ci(method="wilson")
    seeds = [100 * _share(one.is_right for one in some) for some in (outcomes, *others)]
    spread = f"{np.mean(seeds):.2f} ± {np.std(seeds, ddof=1):.2f} %" if others else ""
    shown = f"{right / len(outcomes):.2%}", f"{low:.2%} – {high:.2%}"
    return name, f"{len(outcomes)}", *shown, spread, rejected


def _sidecar(folder: Path) -> dict[str, Any]:
    sidecar: dict[str, Any] = json.loads(next(folder.glob("*.json")).read_text(encoding="utf-8"))
    return sidecar


def _draw_card(folder: Path, outcomes: Sequence[Outcome]) -> None:
    shown = [one for one in outcomes if one.example.digit != NOT_A_DIGIT]
    predicted = [one.reading.answer.predicted for one in shown]
    matrix = confusion_matrix([one.example.digit for one in shown], predicted, labels=range(10))
    wrong = sorted((one for one in shown if not one.is_right), key=lambda one: -one.reading.answer.confidence)
    sheet = [
        (one.example.file, one.example.digit, one.reading)
        for one in wrong
        if one.example.kind not in EVALUATION_ONLY  # nobody shall be led by their errors
    ]
    card.draw(folder, _bins(shown), matrix, sheet[:48])


def _bins(outcomes: Sequence[Outcome]) -> NDArray[np.float64]:
    confidence = np.array([one.reading.answer.confidence for one in outcomes])
    return reliability(confidence, np.array([one.is_right for one in outcomes]))


def _share(which: Iterable[bool]) -> float:
    values = list(which)
    return sum(values) / len(values)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--count",
        type=arguments.positive,
        default=1000,
        help="images of each kind that is drawn, rounded up to fifties",
    )
    parser.add_argument(
        "--seed",
        type=arguments.seed,
        help="of what is drawn; without it the version's own, for the card alone: tune on others",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="*",
        default=(),
        metavar="FOLDER",
        help="weights of other seeds: the table then has mean ± deviation over all",
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, metavar="KIND", help=f"of {', '.join(KINDS)}"
    )
    parser.add_argument(
        "--card",
        type=arguments.folder,
        metavar="FOLDER",
        help="where the card goes; docs/ if all kinds are measured with the version's own seed, else nowhere",
    )
    chosen = parser.parse_args()
    if chosen.card is None and chosen.seed is None and set(chosen.kinds) == set(KINDS):
        chosen.card = DOCS
    if chosen.card and set(chosen.kinds) <= {*NO_DIGITS, APART}:
        parser.error(f"a card needs a kind that shows digits, beside {APART}")
    return chosen


if __name__ == "__main__":
    with interruptible("No card has been written."):
        main()
