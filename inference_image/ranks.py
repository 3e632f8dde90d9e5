"""Medians and percentiles, as NumPy's: for the few numbers here its checks take longer than the ranking."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]  # of any shape, at least one


def median(values: Values) -> float:
    """Find the middle value, or the mean of the two in the middle."""
    lower, upper = (values.size - 1) // 2, values.size // 2
    ranked = _ranked(values, lower, upper)
    return float((ranked[lower] + ranked[upper]) / 2)


def upper_quartile(values: Values) -> float:
    """Find the value that three quarters of all are below or at."""
    rank = 3 * (values.size - 1) // 4
    return float(_ranked(values, rank, rank)[rank])


def percentiles(values: Values, *percents: float) -> list[float]:
    """Find the values that so many percent (0 to 100) of all lie below, interpolated between neighbours."""
    last = values.size - 1
    places = [last * (percent / 100) for percent in percents]
    ranked = _ranked(values, *(min(int(place) + step, last) for place in places for step in (0, 1)))
    return [_at(ranked, place) for place in places]


def _ranked(values: Values, *ranks: int) -> Values:
    """Order as far as some ranks need, two at least.

    For one alone NumPy has another way, 30 times as slow where most values are the same, as white paper's.
    """
    return np.partition(values, ranks, axis=None)


def _at(ranked: Values, place: float) -> float:
    lower = int(place)
    below, above = ranked[lower], ranked[min(lower + 1, len(ranked) - 1)]
    share = place - lower
    step = above - below
    return float(below + step * share if share < 0.5 else above - step * (1 - share))
