"""Figures of the report that must not fall below a threshold, and what CloudWatch is told of them."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from math import isnan
from typing import Any, NamedTuple, Protocol

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError

from accuracy_job.checks import is_number
from accuracy_job.files import InputError
from accuracy_job.kernel import DIGITS, Counts, Group
from accuracy_job.report import ENOUGH_TO_SAMPLE, Report, build
from accuracy_job.store import StoreError

METRICS = {  # by the name in CloudWatch, which charts each of them; a figure that is null is left out
    "Pairs": "pairs",
    "Accuracy": "accuracy",
    "MacroF1": "macro_average.f1",
    "ExpectedCalibrationError": "calibration.ece",
    "LabelledShare": "coverage.share",
}


class CloudWatch(Protocol):
    """What is needed of boto3's client."""

    def put_metric_data(self, *, Namespace: str, MetricData: Any) -> object: ...  # noqa: ANN401, N803


class Threshold(NamedTuple):
    """A figure of the report, as a path of keys and indices joined by dots, and its least value."""

    figure: str
    least: float

    def is_met(self, report: Report) -> bool:
        """Tell whether the figure is high enough, which null is not. Raises InputError if it is none."""
        value = figure(report, self.figure)
        return value is not None and value >= self.least


def parse(text: str) -> Threshold:
    """Return the threshold that FIGURE=NUMBER spells; for argparse, which names what does not."""
    name, _, number = text.partition("=")
    with suppress(ValueError):
        if name and not isnan(least := float(number)):  # nothing is as high as NaN, nor lower
            return Threshold(name, least)
    raise ArgumentTypeError(f"{text} is not FIGURE=NUMBER")


def figure(report: Report, path: str) -> float | None:
    """Return a number of the report, None where it has none. Raises InputError where it is no figure."""
    value: Any = report
    for key in path.split("."):
        if value is None and report is not _whole():
            figure(_whole(), path)  # raises where null hides that there is none
            return None
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise InputError(f"the report has no figure {path}") from None
    if value is None or is_number(value):
        return value
    raise InputError(f"{path} is no figure of the report, but a part of it")


@cache
def _whole() -> Report:
    """Return a report in which nothing that has parts is null."""
    counts = Counts({Group(): np.full((DIGITS, DIGITS), ENOUGH_TO_SAMPLE)})
    before = build(counts, datetime.now(UTC))
    return build(counts, datetime.now(UTC), 1, before)


def to_cloudwatch(
    connect: Callable[[], CloudWatch], namespace: str, report: Report, thresholds: Sequence[Threshold]
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
        connect().put_metric_data(Namespace=namespace, MetricData=data)
    except (BotoCoreError, ClientError, ValueError) as error:  # the last of an address boto3 does not take
        raise StoreError(f"CloudWatch: {error}") from error
