"""Figures of merit: pure functions of what was true and what was answered."""

import numpy as np
from numpy.typing import NDArray

BINS = 15


def reliability(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Bin answers by confidence: (15, 3), the count, mean confidence and accuracy of each bin, 0 if empty.

    With weights (N,), of which each answer otherwise has 1, the count is their sum.
    """
    each = np.ones(len(confidence)) if weights is None else weights
    which = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    counts = np.bincount(which, each, BINS)
    there = np.where(counts > 0, counts, 1)
    means = [np.bincount(which, each * values, BINS) / there for values in (confidence, right)]
    return np.stack([counts, *means], axis=1)


def calibration_error(bins: NDArray[np.float64]) -> float:
    """Average the gap between confidence and accuracy over the answers (Naeini et al. 2015)."""
    counts, confidence, accuracy = bins.T
    return float((counts * np.abs(confidence - accuracy)).sum() / counts.sum())
