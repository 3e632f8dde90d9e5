"""Figures of the report that must not fall below a threshold, and what CloudWatch is told of them."""

import re
from argparse import ArgumentTypeError
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import isnan
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError

from accuracy_job.checks import is_number
from accuracy_job.files import InputError, StoreError
from accuracy_job.kernel import BINS, DIGITS, Counts, Group, Rejected
from accuracy_job.report import ENOUGH_TO_SAMPLE, Report, build

METRICS = {  # by the name in CloudWatch, which charts each of them; a figure that is null is left out
    "Pairs": "pairs",
    "Accuracy": "accuracy",
    "MacroF1": "macro_average.f1",
    "ExpectedCalibrationError": "calibration.ece",
    "LabelledShare": "coverage.share",
}
ANY_LENGTH = re.compile(r"^(models|days|top_confusions|rejected\.reasons)\.-?\d+\b")  # an item of such a list


class CloudWatch(Protocol):
    """What is needed of boto3's client."""

    def put_metric_data(self, *, Namespace: str, MetricData: Any) -> object: ...  # noqa: ANN401, N803


class Threshold(NamedTuple):
    """A figure of the report, as a path of keys and indices joined by dots, and its least value."""

    figure: str
    least: float

    def is_met(self, report: Report) -> bool:
        """Tell whether the figure is high enough, which null is not."""
        value = figure(report, self.figure)
        return value is not None and value >= self.least


def parse(text: str) -> Threshold:
    """Return the threshold that FIGURE=NUMBER spells; for argparse, which names what does not."""
    name, _, number = text.partition("=")
    with suppress(ValueError):
        if name and not isnan(least := float(number)):  # nothing is as high as NaN, nor lower
            return Threshold(name, least)
    raise ArgumentTypeError(f"{text} is not FIGURE=NUMBER")


def check(path: str) -> None:
    """Raise InputError where no report has such a figure."""
    try:
        found = _at(_whole(), ANY_LENGTH.sub(r"\1.0", path))
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(f"the report has no figure {path}") from None
    if not is_number(found):
        raise InputError(f"{path} is no figure of the report, but a part of it")


def figure(report: Report, path: str) -> float | None:
    """Return a number of the report by a path that was checked, None where it is null or not there."""
    try:
        return cast("float | None", _at(report, path))
    except (IndexError, TypeError):  # of a list that ends before, or of null
        return None


def _at(report: Report, path: str) -> object:
    value: Any = report
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def _whole() -> Report:
    """Return a report in which nothing is null, nor any list of figures empty."""
    matrix = np.full((DIGITS, DIGITS), ENOUGH_TO_SAMPLE)
    before, now = (
        Counts({Group("any", "any"): part}, np.ones((3, BINS), np.int64), {"any": Rejected(1, ())})
        for part in (matrix, 2 * matrix)
    )
    return build(now, datetime.now(UTC), 1, build(before, datetime.now(UTC), source="any"), "any")


def to_cloudwatch(
    client: CloudWatch, namespace: str, report: Report, thresholds: Sequence[Threshold]
) -> None:
    """Publish the main figures, and for each threshold 1 if it is not met, else 0. Raises StoreError."""
    made = datetime.fromisoformat(report["made"])
    figures = {name: figure(report, path) for name, path in METRICS.items()}
    data: list[Any] = [
        {"MetricName": name, "Timestamp": made, "Value": float(value)}
        for name, value in figures.items()
        if value is not None
    ]
    data += [
        {
            "MetricName": "BelowThreshold",
            "Dimensions": [{"Name": "Figure", "Value": each.figure}],
            "Timestamp": made,
            "Value": float(not each.is_met(report)),
        }
        for each in thresholds
    ]
    try:
        client.put_metric_data(Namespace=namespace, MetricData=data)
    except (BotoCoreError, ClientError) as error:
        raise StoreError(f"CloudWatch: {error}") from error
