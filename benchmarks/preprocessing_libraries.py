"""Steps that finding a digit takes most of, by each library that has them. scikit-image has no types."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage
import skimage.filters
import skimage.measure
import skimage.morphology
import skimage.transform
from numpy.typing import NDArray

from inference_image.decoding import decode
from inference_image.limits import Limits

Step = Callable[[], object]


def timed(work: Step, rounds: int) -> list[float]:
    """Measure milliseconds, after one time that does not count."""
    work()
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def steps(photo: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure steps of finding on a photograph at the size that is searched, by library: milliseconds."""
    grey = decode(photo.read_bytes(), Limits()).pixels.mean(2).astype(np.float32)
    small = cv2.resize(grey, (256, 192), interpolation=cv2.INTER_AREA).astype(np.float32)
    dark = (small < 0.8 * cv2.GaussianBlur(small, (0, 0), 20)).astype(np.uint8)
    return {
        step: {library: timed(work, rounds) for library, work in by.items()}
        for step, by in _steps(grey, small, dark).items()
    }


def _steps(
    grey: NDArray[np.float32], small: NDArray[np.float32], dark: NDArray[np.uint8]
) -> dict[str, dict[str, Step]]:
    square = np.ones((5, 5), np.uint8)
    shape = small.shape
    return {
        "reduce to 256 pixels": {
            "OpenCV": lambda: cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA),
            "SciPy": lambda: scipy.ndimage.zoom(grey, shape[0] / grey.shape[0], order=1),
            "scikit-image": lambda: skimage.transform.resize(grey, shape, anti_aliasing=True),  # type: ignore[no-untyped-call]
        },
        "blur by 2 pixels": {
            "OpenCV": lambda: cv2.GaussianBlur(small, (0, 0), 2),
            "SciPy": lambda: scipy.ndimage.gaussian_filter(small, 2),
            "scikit-image": lambda: skimage.filters.gaussian(small, 2),  # type: ignore[no-untyped-call]
        },
        "the largest of 5×5": {
            "OpenCV": lambda: cv2.dilate(small, square),
            "SciPy": lambda: scipy.ndimage.maximum_filter(small, 5),
            "scikit-image": lambda: skimage.morphology.dilation(small, square),
        },
        "parts, their boxes and areas": {
            "OpenCV": lambda: cv2.connectedComponentsWithStats(dark),
            "SciPy": lambda: _labelled(dark),
            "scikit-image": lambda: _measured(dark),
        },
        "distance to the paper": {
            "OpenCV": lambda: cv2.distanceTransform(dark, cv2.DIST_L2, 5),
            "SciPy": lambda: scipy.ndimage.distance_transform_edt(dark),
            "scikit-image": lambda: scipy.ndimage.distance_transform_edt(dark),  # has none of its own
        },
    }


def _labelled(dark: NDArray[np.uint8]) -> object:
    labels, _ = scipy.ndimage.label(dark, np.ones((3, 3)))
    return scipy.ndimage.find_objects(labels), np.bincount(labels.ravel())


def _measured(dark: NDArray[np.uint8]) -> object:
    labels = skimage.measure.label(dark)  # type: ignore[no-untyped-call]
    return skimage.measure.regionprops_table(labels, properties=("bbox", "area"))  # type: ignore[no-untyped-call]
