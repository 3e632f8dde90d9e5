"""Counts to the report: plain numbers that JSON holds, defined as by scikit-learn with zero_division=0."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from accuracy_job.kernel import BIN_EDGES, CONFIDENCE_UNITS, DIGITS, Counts, IntArray, Rejected

VERSION = 1
Z_95 = NormalDist().inv_cdf(0.975)
NO_PAIRS: IntArray = np.zeros((DIGITS, DIGITS), np.int64)

Report = dict[str, Any]


def build(counts: Counts, made: datetime, classifications: int | None = None) -> Report:
    """Return the report on all pairs. Coverage needs the number of classifications, labelled or not."""
    matrix = sum(counts.matrices.values(), NO_PAIRS)
    digits = _digits(matrix)
    return {
        "version": VERSION,
        "made": made.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        **_accuracy(matrix),
        "digits": digits,
        "macro_average": _average(digits, [1] * DIGITS),
        "weighted_average": _average(digits, [digit["support"] for digit in digits]),
        "baseline": _baseline(matrix),
        "calibration": _calibration(counts.calibration),
        "models": [{"model": name, **_accuracy(part)} for name, part in _parts(counts, "model")],
        "days": [{"day": name, **_accuracy(part)} for name, part in _parts(counts, "day")],
        "coverage": None if classifications is None else _coverage(matrix, classifications),
        "rejected": _rejected(counts.rejected),
    }


def wilson_interval(successes: int, trials: int) -> list[float] | None:
    """Return the 95 % score interval of a proportion, None of no trials.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95**2 / trials
    centre, half = share + z2 / 2, Z_95 * sqrt((share * (1 - share) + z2 / 4) / trials)
    low, high = (centre - half) / (1 + z2), (centre + half) / (1 + z2)
    # Where every trial went one way, rounding would leave the bound beside 0 or 1.
    return [0.0 if successes == 0 else low, 1.0 if successes == trials else high]


def _accuracy(matrix: IntArray) -> Report:
    pairs, correct = int(matrix.sum()), int(matrix.trace())
    return {
        "pairs": pairs,
        "accuracy": _ratio(correct, pairs),
        "accuracy_interval": wilson_interval(correct, pairs),
        "confusion_matrix": matrix.tolist(),
    }


def _digits(matrix: IntArray) -> list[Report]:
    """Per digit, 0 where a ratio has no denominator."""
    hits, support, predicted = (each.tolist() for each in (matrix.diagonal(), matrix.sum(1), matrix.sum(0)))
    return [
        {
            "digit": digit,
            "precision": _ratio(hits[digit], predicted[digit]) or 0.0,
            "recall": _ratio(hits[digit], support[digit]) or 0.0,
            "f1": _ratio(2 * hits[digit], support[digit] + predicted[digit]) or 0.0,
            "support": support[digit],
        }
        for digit in range(DIGITS)
    ]


def _average(digits: list[Report], weights: list[int]) -> Report:
    """Over all ten digits, whether they occur or not."""
    total = sum(weights)
    means = {
        score: _ratio(sum(d[score] * weight for d, weight in zip(digits, weights, strict=True)), total) or 0.0
        for score in ("precision", "recall", "f1")
    }
    return {**means, "support": sum(digit["support"] for digit in digits)}


def _baseline(matrix: IntArray) -> Report | None:
    """Return the best constant classifier: it always says the most frequent digit, the lowest of equals."""
    support = matrix.sum(1)
    best = int(support.argmax())
    return {"digit": best, "accuracy": int(support[best]) / int(support.sum())} if support.any() else None


def _calibration(sums: IntArray) -> Report:
    """Return the bins of confidence and the expected calibration error (Guo et al., ICML 2017, eq. 3)."""
    edges = BIN_EDGES.tolist()
    bins = [
        {
            "lower": lower,
            "upper": upper,
            "count": count,
            "confidence": _ratio(units / CONFIDENCE_UNITS, count),
            "accuracy": _ratio(correct, count),
        }
        for lower, upper, (count, correct, units) in zip(edges, edges[1:], sums.T.tolist(), strict=False)
    ]
    gaps = [abs(correct - units / CONFIDENCE_UNITS) for _, correct, units in sums.T.tolist()]
    return {"ece": _ratio(sum(gaps), int(sums[0].sum())), "bins": bins}


def _parts(counts: Counts, field: str) -> list[tuple[str, IntArray]]:
    """Return the matrix of each model or day, sorted. Pairs that name none are in the totals alone."""
    total: dict[str, IntArray] = {}
    for group, matrix in counts.matrices.items():
        name = getattr(group, field)
        if name is not None:
            total[name] = total.get(name, NO_PAIRS) + matrix
    return sorted(total.items())


def _coverage(matrix: IntArray, classifications: int) -> Report:
    """Return the share that is labelled, and the accuracy were all others wrong, and were they right."""
    labelled, correct = int(matrix.sum()), int(matrix.trace())
    total = max(
        classifications, labelled
    )  # what is deleted between the two listings was labelled all the same
    bounds = [correct / total, (correct + total - labelled) / total] if total else None
    return {
        "classifications": total,
        "labelled": labelled,
        "share": _ratio(labelled, total),
        "accuracy_bounds": bounds,
    }


def _rejected(rejected: Mapping[str, Rejected]) -> Report:
    """Return the most frequent reason first."""
    reasons = sorted(rejected.items(), key=lambda item: (-item[1].count, item[0]))
    return {
        "count": sum(each.count for each in rejected.values()),
        "reasons": [
            {"reason": reason, "count": each.count, "examples": list(each.examples)}
            for reason, each in reasons
        ],
    }


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None
