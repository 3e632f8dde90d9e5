"""The map and the reduce: checked pairs become counts, and counts add up.

Counts are integers throughout, confidences too, so a sum does not depend on the order or the split
of its terms: any engine, and any recount of a part, gives the same report to the last bit.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

DIGITS = 10
BINS = 15
MAX_EXAMPLES = 10
MAX_IDS = 5  # of each confusion
BIN_EDGES: npt.NDArray[np.float64] = np.linspace(0, 1, BINS + 1)
# Confidences are added in units of 2**-26: rounding errs by less than 1e-8, an int64 holds 1.3e11 of them.
CONFIDENCE_UNITS = 2**26

IntArray = npt.NDArray[np.int64]
K = TypeVar("K")
V = TypeVar("V", IntArray, "Rejected", "Newest")


class Group(NamedTuple):
    """What pairs are counted by. None: the pair does not say."""

    model: str | None = None
    day: str | None = None  # YYYY-MM-DD, in UTC


@dataclass(frozen=True)
class Pairs:
    """Checked pairs: every digit is in 0..9 and every confidence in [0, 1]. At most 2**23 of them."""

    true: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  # (n,)
    predicted: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))  # (n,)
    confidence: npt.NDArray[np.float64] | None = None  # (n,), NaN where there is none
    groups: tuple[Group, ...] = (Group(),)
    # (n,) indices into groups; () where all pairs are of one group.
    group: npt.NDArray[np.integer[Any]] = field(default_factory=lambda: np.zeros((), np.intp))
    # Of the pairs that are not correct, in their order; () where none are known.
    wrong_ids: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.true)


@dataclass(frozen=True)
class Rejected:
    """How many inputs were malformed in one way. The examples are the smallest, so that merging commutes."""

    count: int
    examples: tuple[str, ...]

    def __add__(self, other: "Rejected") -> "Rejected":
        examples = sorted({*self.examples, *other.examples})
        return Rejected(self.count + other.count, tuple(examples[:MAX_EXAMPLES]))


class Newest(tuple[str, ...]):
    """Ids of pairs, the newest first: ids that are UUIDv7 sort by time."""

    __slots__ = ()

    def __add__(self, other: tuple[str, ...]) -> "Newest":  # type: ignore[override]  # merges, as all counts do
        return Newest(heapq.nlargest(MAX_IDS, {*self, *other}))


Rejections = Mapping[str, Rejected]  # by reason


@dataclass(frozen=True)
class Batch:
    """A part of the input after the checks: its pairs, and what was no pair."""

    pairs: Pairs = field(default_factory=Pairs)
    rejected: Rejections = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """What the job knows of any part of its input. `Counts()` is the identity of `merge`."""

    matrices: Mapping[Group, IntArray] = field(default_factory=dict)  # (10, 10), rows true, columns predicted
    # (3, 15): per bin of confidence the pairs, the correct ones, the sum of confidences in CONFIDENCE_UNITS.
    calibration: IntArray = field(default_factory=lambda: np.zeros((3, BINS), np.int64))
    rejected: Rejections = field(default_factory=dict)
    confused: Mapping[tuple[int, int], Newest] = field(default_factory=dict)  # ids by (true, predicted)

    @property
    def pairs(self) -> int:
        return sum(int(matrix.sum()) for matrix in self.matrices.values())


def count(batch: Batch) -> Counts:
    """Map: the counts of one batch."""
    pairs = batch.pairs
    return Counts(_matrices(pairs), _calibration(pairs), batch.rejected, _confused(pairs))


def merge(one: Counts, other: Counts) -> Counts:
    """Reduce: the counts of both parts. Associative and commutative; changes neither."""
    return Counts(
        added(one.matrices, other.matrices),
        one.calibration + other.calibration,
        added(one.rejected, other.rejected),
        added(one.confused, other.confused),
    )


def added(one: Mapping[K, V], other: Mapping[K, V]) -> dict[K, V]:
    """Both mappings in one, values of a common key added."""
    total = dict(one)
    for key, value in other.items():
        total[key] = total[key] + value if key in total else value
    return total


def _matrices(pairs: Pairs) -> dict[Group, IntArray]:
    cell = pairs.true * DIGITS + pairs.predicted  # (n,) uint8, 0..99
    if pairs.group.ndim:
        groups = pairs.groups
        counts = np.bincount(pairs.group * DIGITS**2 + cell, minlength=len(groups) * DIGITS**2)
    else:
        groups, counts = (pairs.groups[pairs.group],), _cell_counts(cell)
    total: dict[Group, IntArray] = {}
    for group, matrix in zip(groups, counts.reshape(-1, DIGITS, DIGITS), strict=True):
        if matrix.any():
            total[group] = total.get(group, 0) + matrix
    return total


def _cell_counts(cell: npt.NDArray[np.uint8]) -> IntArray:
    """(100,) how often each cell occurs. Two cells are counted at once: that halves the work."""
    even = len(cell) // 2 * 2
    twice = np.bincount(cell[:even].view(np.uint16), minlength=DIGITS**2 * 2**8).reshape(DIGITS**2, 2**8)
    counts: IntArray = twice.sum(1) + twice.sum(0)[: DIGITS**2]
    counts[cell[even:]] += 1  # the last of an odd number
    return counts


def _calibration(pairs: Pairs) -> IntArray:
    if pairs.confidence is None:
        return np.zeros((3, BINS), np.int64)
    confidence, correct = pairs.confidence, pairs.true == pairs.predicted  # (n,) each
    if (missing := np.isnan(confidence)).any():
        confidence, correct = confidence[~missing], correct[~missing]
    index = _bins(confidence) * 2 + correct
    wrong_and_correct = np.bincount(index, minlength=2 * BINS).reshape(BINS, 2)
    # Whole numbers, so float64 adds 2**23 of them exactly.
    units = np.bincount(index, np.rint(confidence * CONFIDENCE_UNITS), minlength=2 * BINS)
    rows = [wrong_and_correct.sum(1), wrong_and_correct[:, 1], units.reshape(BINS, 2).sum(1)]
    return np.stack(rows).astype(np.int64)


def _confused(pairs: Pairs) -> dict[tuple[int, int], Newest]:
    if not pairs.wrong_ids:
        return {}
    wrong = pairs.true != pairs.predicted
    found = defaultdict(set)
    for true, predicted, id in zip(
        pairs.true[wrong].tolist(), pairs.predicted[wrong].tolist(), pairs.wrong_ids, strict=True
    ):
        if id is not None:
            found[true, predicted].add(id)
    return {cell: Newest() + tuple(ids) for cell, ids in found.items()}


def _bins(confidence: npt.NDArray[np.float64]) -> IntArray:
    """(n,) the bin of each confidence: closed on the right, and 0.0 falls into the first.

    Comparing with every edge takes a fifth of the time of a binary search.
    """
    bins = np.zeros(len(confidence), np.uint8)
    for edge in BIN_EDGES[1:-1]:
        bins += confidence > edge
    return bins.astype(np.int64)
