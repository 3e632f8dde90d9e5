"""Plots as SVG by matplotlib, without a window and without pyplot's global state."""

import io
import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.results import Bars, Lines

OURS, BAR = "#1f5fa8", "#9aa7b4"
COLOURS = (OURS, "#b3261e", "#b07d00", "#2e7d32", "#6a3d9a", "#888888")
MANY = 20  # values, of which one is beyond the 5th or 95th percentile
WIDTH, HEIGHT, BAR_HEIGHT = 5.5, 3.6, 0.45  # inches


def svg(plot: Bars | Lines) -> bytes:
    """Return the plot; the same plot is the same bytes."""
    figure = _bars(plot) if isinstance(plot, Bars) else _lines(plot)
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": plot.title}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _bars(plot: Bars) -> Figure:
    figure, axes = _figure(plot.title, 1.1 + BAR_HEIGHT * len(plot.values))
    least, middle, most = np.array([spread(values) for values in plot.values.values()]).T
    drawn = axes.barh(
        list(plot.values),
        middle,
        color=[OURS] * plot.ours + [BAR] * (len(middle) - plot.ours),
        xerr=(middle - least, most - middle),  # NaN draws none
        error_kw={"ecolor": "#444444", "capsize": 2, "linewidth": 1},
    )
    axes.bar_label(drawn, [f"{each:.3g} {plot.unit}" for each in middle], padding=6, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel=plot.unit)
    return figure


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the least, the median and the most; of many values the 5th, 50th and 95th percentile.

    One call of five hundred that was interrupted would flatten all bars. One value alone has no range: NaN.
    """
    middle = float(np.median(values))
    if len(values) == 1:
        return math.nan, middle, math.nan
    if len(values) < MANY:
        return min(values), middle, max(values)
    least, most = np.percentile(values, (5, 95))
    return least, middle, most


def _lines(plot: Lines) -> Figure:
    figure, axes = _figure(plot.title, HEIGHT)
    for (name, points), colour in zip(plot.points.items(), COLOURS, strict=False):
        width = 2.5 if colour == OURS else 1.2
        axes.plot(*zip(*points, strict=True), label=name, color=colour, marker=".", linewidth=width)
    if plot.doubling:
        ticks = sorted({x for points in plot.points.values() for x, _ in points})
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set(xlabel=plot.x, ylabel=plot.y)
    if plot.steep and any(y > 0 for points in plot.points.values() for _, y in points):  # NaN is not
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    if len(plot.points) > 1:
        axes.legend(fontsize=8, frameon=False)
    return figure


def _figure(title: str, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
