"""The report's figures computed again, from the pairs themselves, by scikit-learn and SciPy."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isclose, isnan
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, chi2_contingency
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    fbeta_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from accuracy_job.kernel import BINS, DIGITS, Batch, Group
from accuracy_job.report import MAX_CONFUSIONS, Report

TOLERANCE = 1e-8  # the report rounds each confidence by up to 2**-27
SCORES = ("precision", "recall", "f0_5", "f1", "f2", "support")


@dataclass(frozen=True)
class AllPairs:
    """Every pair, in memory. (n,) each."""

    true: npt.NDArray[np.uint8]
    predicted: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float64]  # NaN where there is none
    group: npt.NDArray[np.intp]  # indices into groups
    groups: list[Group]

    def of(self, field: str) -> Iterator[tuple[str, Report]]:
        """Return the accuracy of each model or each day."""
        for name in sorted({getattr(group, field) for group in self.groups} - {None}):
            rows = np.array([getattr(group, field) == name for group in self.groups])[self.group]
            if rows.any():
                yield name, _accuracy(self.true[rows], self.predicted[rows])


def differences(report: Report, batches: Iterable[Batch]) -> list[str]:
    """Where the report differs from what scikit-learn says of the same pairs; nothing where it does not."""
    figures = expected(gather(batches))
    derived = {
        **_trend(report.get("trend")),
        **_coverage(report.get("coverage"), figures),
        "top_confusions": _top_confusions(figures["confusion_matrix"]),
    }
    return list(_unequal("", {**figures, **derived}, report))


def gather(batches: Iterable[Batch]) -> AllPairs:
    """Put the pairs of all batches behind one another: 18 bytes a pair, and as much again for a moment."""
    index: dict[Group, int] = {}
    parts: list[tuple[npt.NDArray[Any], ...]] = [tuple(np.zeros(0, kind) for kind in "BBdp")]
    for pairs in (batch.pairs for batch in batches):
        groups = np.array([index.setdefault(group, len(index)) for group in pairs.groups], np.intp)
        confidence = np.full(len(pairs), np.nan) if pairs.confidence is None else pairs.confidence
        group = groups[np.broadcast_to(pairs.group, len(pairs))]
        parts.append((pairs.true, pairs.predicted, confidence, group))
    true, predicted, confidence, group = (np.concatenate(part) for part in zip(*parts, strict=True))
    return AllPairs(true, predicted, confidence, group, list(index))


def expected(pairs: AllPairs) -> Report:
    """Return the figures of the report that scikit-learn and SciPy know, in the report's form."""
    if not len(pairs.true):  # of which scikit-learn knows none
        return {"pairs": 0, "accuracy": None, "confusion_matrix": np.zeros((DIGITS, DIGITS), int).tolist()}
    return {
        **_accuracy(pairs.true, pairs.predicted),
        **_agreement(pairs.true, pairs.predicted),
        **_scores(pairs.true, pairs.predicted),
        "baseline": _baseline(pairs.true),
        "calibration": _calibration(pairs),
        "models": [{"model": name, **part} for name, part in pairs.of("model")],
        "days": [{"day": name, **part} for name, part in pairs.of("day")],
    }


def _accuracy(true: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> Report:
    interval = binomtest(int((true == predicted).sum()), len(true)).proportion_ci(method="wilson")
    return {
        "pairs": len(true),
        "accuracy": accuracy_score(true, predicted),
        "accuracy_interval": [interval.low, interval.high],
        "confusion_matrix": confusion_matrix(true, predicted, labels=range(DIGITS)).tolist(),
    }


def _agreement(true: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> Report:
    with warnings.catch_warnings(action="ignore"):  # of one digit alone neither is defined
        kappa = float(cohen_kappa_score(true, predicted, labels=range(DIGITS)))
        mcc = matthews_corrcoef(true, predicted)
    return {"cohen_kappa": None if isnan(kappa) else kappa, "mcc": mcc}


def _scores(true: npt.NDArray[np.uint8], predicted: npt.NDArray[np.uint8]) -> Report:
    options = {"labels": range(DIGITS), "zero_division": 0}

    def scores(average: str | None) -> list[Any]:
        """Return SCORES: of each an array of ten, or one number."""
        precision, recall, f1, support = precision_recall_fscore_support(
            true, predicted, average=average, **options
        )
        half, double = (
            fbeta_score(true, predicted, beta=beta, average=average, **options) for beta in (0.5, 2)
        )
        return [precision, recall, half, f1, double, len(true) if support is None else support]

    rows = zip(*scores(None), strict=True)
    averages = {
        f"{average}_average": dict(zip(SCORES, scores(average), strict=True))
        for average in ("macro", "weighted")
    }
    return {
        "digits": [{"digit": digit, **dict(zip(SCORES, row, strict=True))} for digit, row in enumerate(rows)],
        **averages,
    }


def _trend(trend: Report | None) -> Report:
    """Return the p-value of the report's counts by SciPy, where it has one."""
    if trend is None or trend["p_value"] is None:
        return {}
    samples = (trend["previous"], trend)
    right = [round(each["pairs"] * each["accuracy"]) for each in samples]
    table = [(each, sample["pairs"] - each) for each, sample in zip(right, samples, strict=True)]
    return {"trend": {"p_value": chi2_contingency(table, correction=False).pvalue}}


def _coverage(coverage: Report | None, figures: Report) -> Report:
    """Return what share of the report's number of classifications the pairs are, where it has one."""
    if coverage is None or not (total := coverage["classifications"]):
        return {}
    labelled, correct = figures["pairs"], round((figures["accuracy"] or 0) * figures["pairs"])
    bounds = [correct / total, (correct + total - labelled) / total]
    return {"coverage": {"labelled": labelled, "share": labelled / total, "accuracy_bounds": bounds}}


def _top_confusions(matrix: list[list[int]]) -> list[Report]:
    """Return the most frequent mistakes of scikit-learn's matrix, those of the rarest digit first."""
    mistakes = [
        {"true": true, "predicted": predicted, "count": count, "of": sum(row)}
        for true, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(mistakes, key=lambda each: (-each["count"], each["of"]))[:MAX_CONFUSIONS]


def _baseline(true: npt.NDArray[np.uint8]) -> Report:
    constant = DummyClassifier(strategy="most_frequent").fit(true, true)
    return {"digit": int(constant.predict(true[:1])[0]), "accuracy": constant.score(true, true)}


def _calibration(pairs: AllPairs) -> Report:
    known = ~np.isnan(pairs.confidence)
    confidence, correct = pairs.confidence[known], (pairs.true == pairs.predicted)[known]
    if not len(confidence):
        return {"ece": None}
    edges = [-1.0, *np.linspace(0, 1, BINS + 1)[1:]]  # 0.0 belongs to the first bin
    counts = [int(((low < confidence) & (confidence <= high)).sum()) for low, high in pairwise(edges)]
    accuracies, means = calibration_curve(correct, confidence, n_bins=BINS)  # of the bins that are not empty
    ece = np.average(abs(accuracies - means), weights=[count for count in counts if count])
    filled = zip(means, accuracies, strict=True)
    means_of = [next(filled) if count else (None, None) for count in counts]
    bins = [
        {"count": count, "confidence": mean, "accuracy": accuracy}
        for count, (mean, accuracy) in zip(counts, means_of, strict=True)
    ]
    return {"ece": ece, "bins": bins}


def _unequal(place: str, expected: object, found: object) -> Iterator[str]:
    """Walk what is expected; the report may hold more."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from _unequal(f"{place}.{key}".lstrip("."), value, found.get(key))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for i, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _unequal(f"{place}[{i}]", one, other)
    elif not _same(expected, found):
        yield f"{place}: the report says {found}, scikit-learn {expected}"


def _same(one: object, other: object) -> bool:
    if isinstance(one, float | np.floating) and isinstance(other, float):
        return isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)
