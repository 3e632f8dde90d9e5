import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

from accuracy_job.kernel import Batch, Counts, Group, IntArray, Newest, Pairs, Rejected, count, merge
from accuracy_job.report import Report, build, is_report, wilson_interval
from accuracy_job.verify import differences

Row = tuple[int, int, float, int]  # true, predicted, confidence, group
GROUPS = (Group(), Group("a", "2026-11-22"), Group("a", "2026-11-21"), Group("b", None))
MADE = datetime(2026, 11, 22, 11, 19, 51, tzinfo=UTC)


def batch_of(
    true: Sequence[int],
    predicted: Sequence[int],
    confidence: Sequence[float] | None = None,
    group: Sequence[int] | int = 0,
) -> Batch:
    known = None if confidence is None else np.array(confidence, np.float64)
    index = np.array(group, np.intp)
    return Batch(Pairs(np.array(true, np.uint8), np.array(predicted, np.uint8), known, GROUPS, index))


def report_of(
    true: Sequence[int],
    predicted: Sequence[int],
    confidence: Sequence[float] | None = None,
    group: Sequence[int] | int = 0,
) -> Report:
    return build(count(batch_of(true, predicted, confidence, group)), MADE)


# Few distinct digits in most examples: classes that nobody has, and that nobody predicted.
SOME_DIGITS = st.lists(st.integers(0, 9), min_size=1, max_size=10)
PAIRS = SOME_DIGITS.flatmap(
    lambda digits: st.lists(
        st.tuples(
            st.sampled_from(digits),
            st.integers(0, 9),
            st.one_of(st.just(np.nan), st.floats(0, 1), st.integers(0, 15).map(lambda n: n / 15)),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_every_figure_is_what_scikit_learn_says(rows: list[Row]) -> None:
    true, predicted, confidence, group = zip(*rows, strict=True) if rows else ((), (), (), ())
    batch = batch_of(true, predicted, confidence, group)
    assert differences(build(count(batch), MADE), [batch]) == []


@settings(max_examples=50, deadline=None)
@given(PAIRS.filter(bool))
def test_figures_are_those_of_the_classification_report(rows: list[Row]) -> None:
    true, predicted, *_ = zip(*rows, strict=True)
    report = report_of(true, predicted)
    theirs = classification_report(true, predicted, labels=range(10), output_dict=True, zero_division=0)
    scores = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}
    for ours, name in [(d, str(d["digit"])) for d in report["digits"]] + [
        (report["macro_average"], "macro avg"),
        (report["weighted_average"], "weighted avg"),
    ]:
        assert [ours[score] for score in scores] == pytest.approx(
            [theirs[name][key] for key in scores.values()]
        )
    assert report["accuracy"] == accuracy_score(true, predicted)
    assert report["confusion_matrix"] == confusion_matrix(true, predicted, labels=range(10)).tolist()


def test_no_pairs_have_no_accuracy_and_scores_of_zero() -> None:
    report = build(Counts(), MADE, classifications=0)
    assert report["pairs"] == 0
    assert [report[key] for key in ("accuracy", "accuracy_interval", "baseline")] == [None] * 3
    assert report["calibration"]["ece"] is None
    assert set(report["macro_average"].values()) == {0.0}
    assert report["models"] == report["days"] == report["top_confusions"] == []
    assert [report[key] for key in ("cohen_kappa", "mcc", "standard_deviation", "trend")] == [None] * 4
    assert report["coverage"] == {"classifications": 0, "labelled": 0, "share": None, "accuracy_bounds": None}


def test_only_zeros_all_right() -> None:
    report = report_of([0, 0], [0, 0])
    assert report["accuracy"] == 1.0
    scores = {"precision": 1.0, "recall": 1.0, "f0_5": 1.0, "f1": 1.0, "f2": 1.0}
    assert report["digits"][0] == {"digit": 0, **scores, "support": 2}
    assert (report["cohen_kappa"], report["mcc"]) == (None, 0.0)
    assert report["baseline"] == {"digit": 0, "accuracy": 1.0}


def test_a_digit_that_nobody_predicted_scores_zero() -> None:
    digit = report_of([4, 4, 1], [1, 1, 1])["digits"][4]
    assert {score: value for score, value in digit.items() if value} == {"digit": 4, "support": 2}


def test_the_report_is_json_and_round_trips() -> None:
    report = report_of([0, 9], [0, 1], [1.0, np.nan])
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_time_is_rfc_3339_in_utc() -> None:
    assert build(Counts(), MADE)["made"] == "2026-11-22T11:19:51.000000Z"


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_newcombes_examples(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert wilson_interval(successes, trials) == pytest.approx([low, high], abs=5e-5)


def test_the_interval_of_all_right_ends_at_one() -> None:
    assert wilson_interval(7, 7) == [pytest.approx(0.6457, abs=5e-5), 1.0]


@pytest.mark.parametrize("trials", range(1, 50))
def test_the_interval_of_none_right_begins_at_zero(trials: int) -> None:
    interval = wilson_interval(0, trials)
    assert interval is not None
    assert interval[0] == 0.0


def test_the_interval_of_no_trials_is_none() -> None:
    assert wilson_interval(0, 0) is None


def test_coverage_bounds_take_the_unlabelled_as_all_wrong_and_all_right() -> None:
    coverage = build(count(batch_of([1, 2, 3], [1, 2, 4])), MADE, classifications=10)["coverage"]
    assert coverage == {"classifications": 10, "labelled": 3, "share": 0.3, "accuracy_bounds": [0.2, 0.9]}


def test_coverage_is_never_more_than_everything() -> None:
    coverage = build(count(batch_of([1, 2, 3], [1, 2, 4])), MADE, classifications=2)["coverage"]
    assert coverage["share"] == 1.0
    assert coverage["accuracy_bounds"] == [2 / 3, 2 / 3]


def test_a_file_of_pairs_has_no_coverage() -> None:
    assert report_of([1], [1])["coverage"] is None


def test_models_and_days_are_sorted_and_leave_out_what_names_none() -> None:
    report = report_of([1, 1, 1, 2], [1, 1, 2, 2], group=[0, 1, 2, 3])
    assert [(part["model"], part["pairs"]) for part in report["models"]] == [("a", 2), ("b", 1)]
    assert [(part["day"], part["pairs"]) for part in report["days"]] == [("2026-11-21", 1), ("2026-11-22", 1)]
    assert report["pairs"] == 4


def test_the_calibration_error_is_the_mean_gap_where_every_pair_is_correct() -> None:
    confidence = np.random.default_rng(0).random(1000)
    whole = report_of([1] * 1000, [1] * 1000, confidence.tolist())
    assert whole["calibration"]["ece"] == pytest.approx((1 - confidence).mean(), abs=1e-8)


def test_reasons_are_listed_most_frequent_first() -> None:
    counts = Counts(
        rejected={"not JSON": Rejected(1, ("k: x",)), "true is missing": Rejected(3, ("k: null",))}
    )
    rejected = build(counts, MADE)["rejected"]
    assert rejected["count"] == 4
    assert [(each["reason"], each["count"]) for each in rejected["reasons"]] == [
        ("true is missing", 3),
        ("not JSON", 1),
    ]
    assert rejected["reasons"][0]["examples"] == ["k: null"]


@pytest.mark.parametrize(
    "field",
    [
        "accuracy",
        "pairs",
        "confusion_matrix",
        "calibration",
        "digits",
        "models",
        "cohen_kappa",
        "mcc",
        "coverage",
        "top_confusions",
    ],
)
def test_verification_finds_a_wrong_figure(field: str) -> None:
    batch = batch_of([1, 2, 2], [1, 2, 3], [0.5, 0.5, 0.9], group=1)
    wrong = report_of([1, 2, 3], [1, 3, 1], [0.5, 0.7, 0.9], group=3)
    right = build(count(batch), MADE, 4)
    wrong["pairs"] = 4
    wrong["coverage"] = {**right["coverage"], "accuracy_bounds": [0.1, 1]}
    assert differences(right, [batch]) == []
    assert any(line.startswith(field) for line in differences({**right, field: wrong[field]}, [batch]))


@pytest.mark.parametrize(("off", "is_found"), [(1e-9, False), (1e-7, True)])
def test_verification_lets_rounding_pass_alone(off: float, is_found: bool) -> None:
    batch = batch_of([1, 2, 2], [1, 2, 3], [0.5, 0.5, 0.9])
    report = build(count(batch), MADE)
    assert bool(differences({**report, "mcc": report["mcc"] + off}, [batch])) == is_found


def test_verification_of_no_pairs_finds_nothing_wrong() -> None:
    assert differences(build(Counts(), MADE), []) == []


@pytest.mark.parametrize(("fewer", "expected"), [(199, None), (200, dict)])
def test_a_standard_deviation_needs_two_hundred_pairs(fewer: int, expected: type | None) -> None:
    spread = report_of([1] * fewer, [1] * fewer)["standard_deviation"]
    assert spread is None if expected is None else set(spread.values()) == {0.0}


def test_the_standard_deviation_is_that_of_samples_of_four_fifths() -> None:
    random = np.random.default_rng(1)
    true = random.integers(0, 10, 5000)
    predicted = np.where(random.random(5000) < 0.2, (true + 1) % 10, true)
    spread = report_of(true.tolist(), predicted.tolist())["standard_deviation"]
    share = accuracy_score(true, predicted)
    # Five samples give it within these factors 99.9 times of 100.
    theory = np.sqrt(share * (1 - share) / 4000 * (1000 / 4999))
    assert theory * 0.15 < spread["accuracy"] == spread["weighted_recall"] < theory * 2.2


def test_the_standard_deviation_of_billions_is_scaled_from_a_part() -> None:
    matrix = np.full((10, 10), 30_000_000) + np.diag([10**9] * 10)  # 13 billion
    spread = build(Counts({Group(): matrix}), MADE)["standard_deviation"]
    share = matrix.trace() / matrix.sum()
    theory = np.sqrt(share * (1 - share) / (0.8 * matrix.sum()) * 0.2)
    assert theory * 0.15 < spread["accuracy"] == spread["weighted_recall"] < theory * 2.2


def test_top_confusions_are_most_frequent_first_with_the_newest_ids() -> None:
    counts = count(batch_of([4, 4, 4, 9, 1], [9, 9, 4, 4, 1]))
    counts = replace(counts, confused={(4, 9): Newest(("b", "a"))})
    assert build(counts, MADE)["top_confusions"] == [
        {"true": 4, "predicted": 9, "count": 2, "of": 3, "examples": ["b", "a"]},
        {"true": 9, "predicted": 4, "count": 1, "of": 1, "examples": []},
    ]


def test_of_confusions_as_frequent_that_of_the_rarer_digit_comes_first() -> None:
    confusions = report_of([4, 4, 4, 9, 9, 1], [9, 4, 4, 4, 9, 7])["top_confusions"]
    assert [(each["true"], each["of"]) for each in confusions] == [(1, 1), (9, 2), (4, 3)]


def test_ten_confusions_are_listed_of_more() -> None:
    true = [digit for digit in range(6) for _ in range(2)]
    assert len(report_of(true, [7, 8] * 6)["top_confusions"]) == 10


def pairs_of(right: int, wrong: int, day: str | None = "2026-11-22") -> Counts:
    return Counts({Group(day=day): matrix_of(right, wrong)})


def matrix_of(right: int, wrong: int) -> IntArray:
    matrix = np.zeros((10, 10), np.int64)
    matrix[1, 1:3] = right, wrong
    return matrix


COUNTS = st.integers(0, 300)


@settings(max_examples=50, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_trend_tests_what_came_since_against_what_was_there(
    right: int, wrong: int, more_right: int, more_wrong: int
) -> None:
    before = build(pairs_of(right, wrong), MADE)
    trend = build(pairs_of(right + more_right, wrong + more_wrong), MADE, previous=before)["trend"]
    table = np.array([[right, wrong], [more_right, more_wrong]])
    assert (trend["pairs"], trend["since"]) == (more_right + more_wrong, before["made"])
    if table.sum() and (np.outer(table.sum(1), table.sum(0)) / table.sum()).min() >= 5:
        p_value = chi2_contingency(table, correction=False).pvalue
        assert trend["p_value"] == pytest.approx(p_value, rel=1e-6)
        assert trend["significant"] == (p_value < 0.05)
        assert trend["change"] == pytest.approx(table[1, 0] / table[1].sum() - table[0, 0] / table[0].sum())
    else:
        assert trend["p_value"] is trend["significant"] is None


def test_a_day_that_lost_pairs_says_nothing_of_what_came() -> None:
    days = [Group(day=f"2026-11-2{i}") for i in range(3)]
    before = Counts({day: matrix_of(50, 50) for day in days})
    now = Counts(dict(zip(days, (matrix_of(40, 90), matrix_of(53, 51), matrix_of(49, 50)), strict=True)))
    trend = build(now, MADE, previous=build(before, MADE))["trend"]
    assert (trend["previous"], trend["pairs"], trend["accuracy"]) == (
        {"pairs": 300, "accuracy": 0.5},
        4,
        0.75,
    )
    trend = build(Counts(), MADE, previous=build(before, MADE))["trend"]
    assert (trend["pairs"], trend["accuracy"], trend["change"], trend["p_value"]) == (0, None, None, None)


def test_pairs_without_a_day_are_all_compared_as_those_of_before_may_be_gone() -> None:
    before = build(merge(pairs_of(900, 100, day=None), pairs_of(50, 50)), MADE)
    now = merge(pairs_of(1860, 140, day=None), pairs_of(53, 51))
    trend = build(now, MADE, previous=before)["trend"]
    assert (trend["previous"]["pairs"], trend["pairs"]) == (1100, 2004)
    assert trend["accuracy"] == 1863 / 2004


@pytest.mark.parametrize(("source", "has_trend"), [("a.csv", True), ("b.csv", False), (None, False)])
def test_only_reports_on_the_same_input_are_compared(source: str | None, has_trend: bool) -> None:
    before = build(pairs_of(50, 50), MADE, source="a.csv")
    report = build(pairs_of(60, 50), MADE, previous=before, source=source)
    assert (report["input"], report["trend"] is not None) == (source, has_trend)


@pytest.mark.parametrize("rows", [[[1]], [[-1] * 10] * 10, [[0.5] * 10] * 10, [[1], [1, 2]], "text", None])
def test_what_is_no_report_is_not_compared(rows: object) -> None:
    report = report_of([1], [1], group=1)
    day = report["days"][0]
    assert is_report(report)
    assert not is_report({**report, "confusion_matrix": rows})
    assert not is_report({**report, "days": [{**day, "confusion_matrix": rows}]})
    assert not any(map(is_report, ({**report, "days": [{**day, "day": 1}]}, {**report, "days": None}, [], 1)))


def test_the_confidences_of_more_pairs_than_people_on_earth_do_not_overflow() -> None:
    one = count(batch_of([1], [1], [1.0]))
    many = Counts(one.matrices, one.calibration * 2**32)
    calibration = build(merge(many, many), MADE)["calibration"]
    assert (calibration["ece"], calibration["bins"][-1]["confidence"]) == (0, 1)


def test_what_does_not_add_up_is_no_report() -> None:
    report = report_of([1], [1], group=1)
    none = [[0] * 10] * 10
    assert not is_report({**report, "confusion_matrix": none})  # fewer than its day
    assert not is_report({**report, "confusion_matrix": [[2**62] * 10] * 10})
    assert not is_report({**report, "version": 2})


@pytest.mark.parametrize("groups", [(Group(), Group(day="2026-11-22")), (Group(day="2026-11-22"), Group())])
def test_pairs_that_lie_on_days_in_one_report_alone_are_not_compared(groups: tuple[Group, Group]) -> None:
    before, now = (build(Counts({group: matrix_of(60, 40)}), MADE) for group in groups)
    assert build(Counts({groups[1]: matrix_of(60, 40)}), MADE, previous=before)["trend"] is None
    assert build(Counts({groups[1]: matrix_of(60, 40)}), MADE, previous=now)["trend"] is not None


@pytest.mark.parametrize(
    ("came", "p_value"),
    [((5, 5), 1.0), ((4, 4), None), ((26, 48), 0.0506), ((22, 42), 0.0492)],
)
def test_the_trend_has_a_p_value_from_five_expected_pairs_a_cell(
    came: tuple[int, int], p_value: float | None
) -> None:
    before = build(pairs_of(50, 50), MADE)
    trend = build(pairs_of(50 + came[0], 50 + came[1]), MADE, previous=before)["trend"]
    assert trend["p_value"] == (p_value and pytest.approx(p_value, abs=1e-4))
    assert trend["significant"] == (p_value and p_value < 0.05)


def test_a_wrong_p_value_is_found() -> None:
    batch = batch_of([1] * 100, [1] * 60 + [2] * 40)
    right = build(count(batch), MADE, previous=build(pairs_of(30, 20, day=None), MADE))
    assert differences(right, [batch]) == []
    wrong = {**right, "trend": {**right["trend"], "p_value": 0.04}}
    assert differences(wrong, [batch])[0].startswith("trend.p_value: ")
