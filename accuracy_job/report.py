"""Counts to the report: plain numbers that JSON holds, defined as by scikit-learn with zero_division=0."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from math import erfc, prod, sqrt
from statistics import NormalDist
from typing import Any, TypeGuard

import numpy as np

from accuracy_job.kernel import BIN_EDGES, CONFIDENCE_UNITS, DIGITS, Counts, IntArray, Rejected

VERSION = 1
Z_95 = NormalDist().inv_cdf(0.975)
NO_PAIRS: IntArray = np.zeros((DIGITS, DIGITS), np.int64)

F_BETAS = {"f0_5": 0.5, "f1": 1, "f2": 2}
MAX_CONFUSIONS = 10
SAMPLES, SAMPLED, ENOUGH_TO_SAMPLE = 5, 0.8, 200  # as Model Monitor does
MAX_TO_SAMPLE = 10**9 - 1  # numpy's limit
LEAST_EXPECTED = 5  # pairs in every cell of a chi-squared test (Cochran, Biometrics 10 (1954), 417)
SIGNIFICANT = 0.05
MAX_COUNT = 2**53  # of a report that is read: sums of them are int64, and JSON's numbers are exact

Report = dict[str, Any]


def build(
    counts: Counts,
    made: datetime,
    classifications: int | None = None,
    previous: Report | None = None,
    source: str | None = None,
) -> Report:
    """Return the report on all pairs of what `source` names, else of the store that the report lies in.

    Coverage needs the number of classifications, labelled or not; the trend the report that came before.
    """
    matrix = sum(counts.matrices.values(), NO_PAIRS)
    digits = _digits(matrix)
    report = {
        "version": VERSION,
        "made": made.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "input": source,
        **_accuracy(matrix),
        "cohen_kappa": _cohen_kappa(matrix),
        "mcc": _matthews(matrix),
        "standard_deviation": _standard_deviation(matrix),
        "digits": digits,
        "macro_average": _average(digits, [1] * DIGITS),
        "weighted_average": _average(digits, [digit["support"] for digit in digits]),
        "baseline": _baseline(matrix),
        "calibration": _calibration(counts.calibration),
        "models": [{"model": name, **_accuracy(part)} for name, part in _parts(counts, "model")],
        "days": [{"day": name, **_accuracy(part)} for name, part in _parts(counts, "day")],
        "top_confusions": _top_confusions(matrix, counts),
        "trend": None,
        "coverage": None if classifications is None else _coverage(matrix, classifications),
        "rejected": _rejected(counts.rejected),
    }
    if previous is not None and previous.get("input") == source and _name_days_alike(report, previous):
        report["trend"] = _trend(report, previous)
    return report


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
    rows = zip(matrix.diagonal().tolist(), matrix.sum(1).tolist(), matrix.sum(0).tolist(), strict=True)
    return [
        {
            "digit": digit,
            "precision": _ratio(hits, predicted) or 0.0,
            "recall": _ratio(hits, support) or 0.0,
            **{name: _f_beta(beta, hits, support, predicted) for name, beta in F_BETAS.items()},
            "support": support,
        }
        for digit, (hits, support, predicted) in enumerate(rows)
    ]


def _f_beta(beta: float, hits: int, support: int, predicted: int) -> float:
    """Recall counts `beta` times as much as precision.

    Source: C. J. van Rijsbergen, Information Retrieval, 1979, chapter 7.
    """
    weight = beta**2
    return (1 + weight) * hits / (weight * support + predicted) if support + predicted else 0.0


def _average(digits: list[Report], weights: list[int]) -> Report:
    """Over all ten digits, whether they occur or not."""
    total = sum(weights)
    means = {
        score: _ratio(sum(d[score] * weight for d, weight in zip(digits, weights, strict=True)), total) or 0.0
        for score in ("precision", "recall", *F_BETAS)
    }
    return {**means, "support": sum(digit["support"] for digit in digits)}


def _cohen_kappa(matrix: IntArray) -> float | None:
    """Return the agreement beyond chance; None where chance alone agrees on every pair.

    Source: J. Cohen, Educational and Psychological Measurement 20 (1960), 37-46.
    """
    pairs, chance = int(matrix.sum()), _products(matrix.sum(1), matrix.sum(0))
    return _ratio(pairs * int(matrix.trace()) - chance, pairs**2 - chance)


def _matthews(matrix: IntArray) -> float | None:
    """Return the correlation of true and predicted digits, 0 where either is constant.

    Source: J. Gorodkin, Computational Biology and Chemistry 28 (2004), 367-374.
    """
    true, predicted, pairs = matrix.sum(1), matrix.sum(0), int(matrix.sum())
    if not pairs:
        return None
    together = pairs * int(matrix.trace()) - _products(true, predicted)
    apart = (pairs**2 - _products(true, true)) * (pairs**2 - _products(predicted, predicted))
    return together / sqrt(apart) if apart else 0.0


def _products(one: IntArray, other: IntArray) -> int:
    """Return the scalar product in whole numbers of any size."""
    return sum(a * b for a, b in zip(one.tolist(), other.tolist(), strict=True))


def _standard_deviation(matrix: IntArray) -> Report | None:
    """Return the spread of the weighted figures over five samples of 80 %, None of fewer than 200 pairs.

    It is what SageMaker Model Monitor reports. The samples are drawn without replacement, from the counts,
    which is the same as drawing pairs, and always in the same way.
    """
    if matrix.sum() < ENOUGH_TO_SAMPLE:
        return None
    parts = int(matrix.sum()) // MAX_TO_SAMPLE + 1
    cells = matrix.ravel() // parts  # of more than numpy can draw from, a part; it varies by sqrt(parts) more
    drawn = np.random.default_rng(0).multivariate_hypergeometric(cells, int(SAMPLED * cells.sum()), SAMPLES)
    samples = [_weighted(sample.reshape(DIGITS, DIGITS)) for sample in drawn]
    spread = {score: float(np.std([each[score] for each in samples], ddof=1)) for score in samples[0]}
    return {
        "accuracy": spread["recall"] / sqrt(parts),  # weighted by support, recall is the accuracy
        **{f"weighted_{score}": value / sqrt(parts) for score, value in spread.items()},
    }


def _weighted(matrix: IntArray) -> Report:
    digits = _digits(matrix)
    average = _average(digits, [digit["support"] for digit in digits])
    return {score: value for score, value in average.items() if score != "support"}


def _top_confusions(matrix: IntArray, counts: Counts) -> list[Report]:
    """Return what was read as something else, most frequent first, with the ids of the newest examples."""
    of = matrix.sum(1).tolist()
    confusions = [
        {
            "true": true,
            "predicted": predicted,
            "count": count,
            "of": of[true],
            "examples": list(counts.confused.get((true, predicted), ())),
        }
        for true, row in enumerate(matrix.tolist())
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(confusions, key=lambda each: (-each["count"], each["of"]))[:MAX_CONFUSIONS]


def is_report(document: object) -> TypeGuard[Report]:
    """Tell whether a JSON document is a report, as far as the trend reads it."""
    match document:
        case {"version": version, "made": str(), "confusion_matrix": matrix, "days": [*days]}:
            if version == VERSION and _is_matrix(matrix) and all(map(_is_day, days)):
                return bool(_by_day({"confusion_matrix": matrix, "days": days})[None].min() >= 0)
    return False


def _is_day(document: object) -> bool:
    match document:
        case {"day": str(), "confusion_matrix": matrix}:
            return _is_matrix(matrix)
    return False


def _is_matrix(rows: object) -> bool:
    try:
        matrix = np.array(rows)
    except ValueError:  # rows of several lengths
        return False
    is_of_counts = matrix.shape == (DIGITS, DIGITS) and matrix.dtype == np.int64
    return is_of_counts and bool(matrix.min() >= 0 and matrix.max() < MAX_COUNT)


def _trend(report: Report, previous: Report) -> Report:
    """Return the accuracy of the pairs that came since a report beside that of the pairs it had.

    Of days the two have no pair in common, as a test demands. Where a cell of a day shrank, as corrections
    and deletions leave it, the counts do not tell which others came: such a day is left out. Nor do they tell
    whether pairs that name no day replaced those of before or came to them: all of them are taken. That is
    exact where they replaced them. Where they came to them the samples overlap, so that the change looks
    smaller than it is, and the test finds too little and not too much.
    """
    before, now = _by_day(previous), _by_day(report)
    grown = (matrix if day is None else matrix - before.get(day, NO_PAIRS) for day, matrix in now.items())
    came = sum((matrix for matrix in grown if matrix.min() >= 0), NO_PAIRS)
    old, new = _right_and_wrong(sum(before.values(), NO_PAIRS)), _right_and_wrong(came)
    pairs = sum(new)
    accuracy_before, accuracy = _ratio(old[0], sum(old)), _ratio(new[0], pairs)
    change = None if accuracy is None or accuracy_before is None else accuracy - accuracy_before
    p_value = None if change is None else chi_squared_p_value(old, new)
    return {
        "since": previous["made"],
        "previous": {"pairs": sum(old), "accuracy": accuracy_before},
        "pairs": pairs,
        "accuracy": accuracy,
        "change": change,
        "p_value": p_value,
        "significant": None if p_value is None else p_value < SIGNIFICANT,
    }


def _name_days_alike(one: Report, other: Report) -> bool:
    """Tell whether both have pairs without a day, or neither: else the same pairs lie elsewhere in one."""
    parts = [_by_day(each) for each in (one, other)]
    return len({bool(days[None].any()) for days in parts if sum(days.values(), NO_PAIRS).any()}) < 2


def _by_day(report: Report) -> dict[str | None, IntArray]:
    """Return the matrix of each day, and under None that of the pairs that name none."""
    days = {each["day"]: np.array(each["confusion_matrix"]) for each in report["days"]}
    return {**days, None: np.array(report["confusion_matrix"]) - sum(days.values(), NO_PAIRS)}


def _right_and_wrong(matrix: IntArray) -> tuple[int, int]:
    return int(matrix.trace()), int(matrix.sum() - matrix.trace())


def chi_squared_p_value(one: tuple[int, int], other: tuple[int, int]) -> float | None:
    """Return how likely shares at least so different are, were both the same; None of too few to tell.

    Pearson's test of a 2 x 2 table, without correction for continuity.
    """
    rows, columns = (sum(one), sum(other)), [a + b for a, b in zip(one, other, strict=True)]
    pairs = sum(rows)
    if not pairs or min(rows) * min(columns) < LEAST_EXPECTED * pairs:
        return None
    z2 = pairs * (one[0] * other[1] - one[1] * other[0]) ** 2 / prod((*rows, *columns))
    return erfc(sqrt(z2 / 2))


def _baseline(matrix: IntArray) -> Report | None:
    """Return the best constant classifier: it always says the most frequent digit, the lowest of equals."""
    support = matrix.sum(1)
    best = int(support.argmax())
    return {"digit": best, "accuracy": int(support[best]) / int(support.sum())} if support.any() else None


def _calibration(sums: IntArray) -> Report:
    """Return the bins of confidence and the expected calibration error (Guo et al., ICML 2017, eq. 3)."""
    bins = [
        {
            "lower": lower,
            "upper": upper,
            "count": count,
            "confidence": _ratio(units / CONFIDENCE_UNITS, count),
            "accuracy": _ratio(correct, count),
        }
        for (lower, upper), (count, correct, units) in zip(
            pairwise(BIN_EDGES.tolist()), sums.T.tolist(), strict=True
        )
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
    # What is deleted between the two listings was labelled all the same.
    total = max(classifications, labelled)
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
