"""Figures of merit: pure functions of what was true and what was answered."""

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

BINS = 15
Z_95 = NormalDist().inv_cdf(0.975)


def wilson(right: int, count: int) -> tuple[float, float]:
    """Bound a share with 95 % confidence (Wilson 1927)."""
    z2 = Z_95**2
    centre = right + z2 / 2
    spread = Z_95 * sqrt(right * (count - right) / count + z2 / 4)
    return (centre - spread) / (count + z2), (centre + spread) / (count + z2)


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Bin answers by confidence: (15, 3), the count, mean confidence and accuracy of each bin, 0 if empty."""
    which = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    counts = np.bincount(which, minlength=BINS)
    means = [np.bincount(which, values, BINS) / np.maximum(counts, 1) for values in (confidence, right)]
    return np.stack([counts, *means], axis=1)


def calibration_error(bins: NDArray[np.float64]) -> float:
    """Average the gap between confidence and accuracy over the answers (Naeini et al. 2015)."""
    counts, confidence, accuracy = bins.T
    return float((counts * np.abs(confidence - accuracy)).sum() / counts.sum())
