from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import EndpointConnectionError

from accuracy_job.files import InputError, StoreError
from accuracy_job.kernel import Batch, Counts, Pairs, count
from accuracy_job.report import build
from accuracy_job.thresholds import Threshold, check, figure, parse, to_cloudwatch

MADE = datetime(2026, 11, 22, tzinfo=UTC)
PAIRS = Pairs(np.array([0, 7, 7, 7], np.uint8), np.array([0, 7, 7, 1], np.uint8))
REPORT = build(count(Batch(PAIRS)), MADE, classifications=8)
EMPTY = build(Counts(), MADE)


class Recorder:
    """Takes what CloudWatch would."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, list[Any]]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: Any) -> None:  # noqa: ANN401, N803 -- boto3's
        if self.error:
            raise self.error
        self.calls.append((Namespace, list(MetricData)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("accuracy", 0.75),
        ("digits.7.recall", 2 / 3),
        ("accuracy_interval.0", pytest.approx(0.3006, abs=1e-4)),
    ],
)
def test_a_figure_is_named_by_its_path(path: str, value: float) -> None:
    assert figure(REPORT, path) == value


@pytest.mark.parametrize(
    ("text", "met"), [("accuracy=0.75", True), ("accuracy=0.7500001", False), ("digits.3.recall=0", True)]
)
def test_a_threshold_is_met_by_what_is_not_below_it(text: str, met: bool) -> None:
    assert parse(text).is_met(REPORT) == met


@pytest.mark.parametrize("text", ["accuracy", "accuracy=", "accuracy=high", "accuracy=nan", "=0.9", ""])
def test_what_is_no_threshold_is_refused_with_the_form_of_one(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"{text} is not FIGURE=NUMBER"):
        parse(text)


NULLS = ["accuracy", "accuracy_interval.0", "coverage.share", "trend.previous.pairs", "trend.p_value"]
ENDED = ["days.0.accuracy", "models.12.accuracy_interval.1", "days.-1.pairs", "rejected.reasons.0.count"]


@pytest.mark.parametrize("path", [*NULLS, *ENDED])
def test_a_figure_that_is_null_or_behind_the_end_of_a_list_meets_no_threshold(path: str) -> None:
    check(path)
    assert not Threshold(path, 0).is_met(EMPTY)


@pytest.mark.parametrize(
    "path",
    [
        "acuracy",
        "coverage.shore",
        "accuracy_interval.2",
        "digits.10.recall",
        "trend.previous.pears",
        "accuracy.7",
        "days.accuracy",
        "days.0.acuracy",
    ],
)
def test_a_figure_that_is_misspelt_is_named_without_a_report(path: str) -> None:
    with pytest.raises(InputError, match=f"the report has no figure {path}"):
        check(path)


@pytest.mark.parametrize("path", ["digits", "days.0", "days.0.day", "input", "trend.significant"])
def test_what_is_no_number_is_no_figure(path: str) -> None:
    with pytest.raises(InputError, match=f"{path} is no figure of the report"):
        check(path)


def test_cloudwatch_gets_the_figures_and_what_is_below() -> None:
    client = Recorder()
    thresholds = [Threshold("accuracy", 0.9), Threshold("accuracy", 0.5)]
    to_cloudwatch(client, "Legible", REPORT, thresholds)
    ((namespace, data),) = client.calls
    assert namespace == "Legible"
    assert {each["Timestamp"] for each in data} == {MADE}
    values = [(each["MetricName"], each["Value"]) for each in data]
    assert values == [
        ("Pairs", 4.0),
        ("Accuracy", 0.75),
        ("MacroF1", pytest.approx(REPORT["macro_average"]["f1"])),
        ("LabelledShare", 0.5),
        ("BelowThreshold", 1.0),
        ("BelowThreshold", 0.0),
    ]
    assert data[-1]["Dimensions"] == [{"Name": "Figure", "Value": "accuracy"}]


def test_where_cloudwatch_cannot_be_told_that_is_named() -> None:
    client = Recorder(EndpointConnectionError(endpoint_url="http://my_host"))
    with pytest.raises(StoreError, match=r"CloudWatch: .*http://my_host"):
        to_cloudwatch(client, "Legible", REPORT, [])
