"""The report as pictures: PNG by matplotlib, without a window and without pyplot's global state."""

import io
from datetime import date
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from accuracy_job.kernel import DIGITS
from accuracy_job.report import Report

NAMES = ("confusion-matrix", "confusion-matrix-rows", "reliability", "accuracy-over-time")
DPI = 150
MAX_DAYS_NAMED = 10  # as many names fit side by side; of more days, ten are named that lie evenly
INK, FAINT, BLUE, RED = "#222222", "#888888", "#1f5fa8", "#b3261e"


def pictures(report: Report) -> dict[str, bytes]:
    """Return the pictures that a report has something for, as PNG by name."""
    drawn = {"confusion-matrix": _counts(report), "confusion-matrix-rows": _rows(report)}
    if report["calibration"]["ece"] is not None:
        drawn["reliability"] = _reliability(report)
    if report["days"]:
        drawn["accuracy-over-time"] = _over_time(report)
    return {name: _png(figure) for name, figure in drawn.items()}


def _counts(report: Report) -> Figure:
    matrix = np.array(report["confusion_matrix"])
    # Counts of four figures and more do not fit the cells in full size.
    size = 9 if matrix.max(initial=0) < 1000 else 7 if matrix.max() < 100_000 else 5.5
    return _matrix(matrix, ",d", size, "Pairs")


def _rows(report: Report) -> Figure:
    matrix = np.array(report["confusion_matrix"])
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return _matrix(share * 100, ".1f", 8, "Per cent of each true digit")


def _matrix(values: np.ndarray[Any, Any], form: str, size: float, title: str) -> Figure:
    figure, axes = _figure(6, 6)
    # Roots, so that the few mistakes are seen beside the many that are right.
    shade = PowerNorm(0.5, 0, max(values.max(), 1))
    axes.imshow(values, cmap="Blues", norm=shade)
    for (row, column), value in np.ndenumerate(values):
        ink = FAINT if value == 0 else "white" if shade(value) > 0.6 else INK
        text = f"{value:{form}}" if value else "·"
        axes.text(column, row, text, color=ink, fontsize=size, ha="center", va="center")
    axes.set(xticks=range(DIGITS), yticks=range(DIGITS))
    axes.set(title=title, xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    return figure


def _reliability(report: Report) -> Figure:
    """Draw accuracy over confidence, and below how many pairs each bin holds."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    bins = [each for each in report["calibration"]["bins"] if each["count"]]
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot(
        [each["confidence"] for each in bins],
        [each["accuracy"] for each in bins],
        color=BLUE,
        marker="o",
        markersize=5,
        label="the model",
    )
    axes.set(
        ylim=(-0.02, 1.02), ylabel="accuracy", title=f"Reliability, ECE {report['calibration']['ece']:.4f}"
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="best", frameon=False)
    edges = [each["lower"] for each in bins]
    width = 1 / len(report["calibration"]["bins"])
    below.bar(edges, [each["count"] for each in bins], width, align="edge", color=BLUE, alpha=0.7)
    below.set(xlim=(-0.02, 1.02), xlabel="confidence", ylabel="pairs", yscale="log")
    below.set_ylim(bottom=0.8)  # else bars of nearly equal counts would begin at the least of them
    below.xaxis.set_major_formatter(PercentFormatter(1))
    for each in (axes, below):
        _plain(each)
    return figure


def _over_time(report: Report) -> Figure:
    """Draw the accuracy of each day with its 95 % interval, and nothing where there is no day."""
    figure, axes = _figure(12, 4)
    at = np.array([date.fromisoformat(day["day"]).toordinal() for day in report["days"]])
    shares = np.array([day["accuracy"] for day in report["days"]])
    low, high = np.array([day["accuracy_interval"] for day in report["days"]]).T
    axes.vlines(at, low, high, color=BLUE, alpha=0.3, linewidth=2, label="95 % interval of a day")
    axes.plot(at, shares, "o", color=BLUE, markersize=4 if len(at) < 100 else 2, label="of a day")
    axes.axhline(report["accuracy"], color=RED, linestyle="--", linewidth=1, label="of all pairs")
    axes.set(title="Accuracy over time", ylabel="accuracy", ylim=(max(0, low.min() - 0.02), 1.005))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    # By hand: matplotlib's own ticks leave the years 1 to 9999, which days may lie at the ends of.
    ticks = days_to_name(at.tolist())
    axes.set_xticks(ticks, [date.fromordinal(tick).isoformat() for tick in ticks])
    figure.legend(loc="outside lower center", frameon=False, ncols=3)
    _plain(axes)
    return figure


def days_to_name(days: list[int]) -> list[int]:
    """Return which days, as sorted ordinals, have their names below: none whose name would lie on another."""
    first, last = days[0], days[-1]
    if len(days) > MAX_DAYS_NAMED:
        days = np.linspace(first, last, MAX_DAYS_NAMED).round().astype(int).tolist()
    named = [first]
    for day in days:
        if (day - named[-1]) * MAX_DAYS_NAMED >= max(last - first, 1):
            named.append(day)
    return named


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()
