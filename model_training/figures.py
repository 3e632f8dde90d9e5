"""Figures of merit: pure functions of what was true and what was answered."""

import numpy as np
from numpy.typing import NDArray

BINS = 15


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
