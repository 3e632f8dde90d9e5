"""What preparing an image costs, from its bytes to what the network reads, on one core.

Uploads from 8×8 pixels to 50 megapixels, each in a process of its own: milliseconds, of them decoding, and
the most memory that the process ever had. And the steps that finding a digit takes most of, by OpenCV, which
does them here, and by what SciPy and scikit-image have for them. Run: python -m benchmarks.preprocessing
"""

import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.preprocessing_libraries import steps, timed
from benchmarks.processes import environment, peak_bytes
from benchmarks.results import Bars, Result, Table, command
from inference_image.decoding import decode
from inference_image.limits import Limits
from inference_image.preprocessing import preprocess
from infrastructure.local.settings import ROOT

SAMPLES = ROOT / "samples"
ROUNDS, QUICK_ROUNDS = 25, 7
PHOTO, DRAWING = SAMPLES / "photo-ruled.jpg", SAMPLES / "canvas-white-1.png"
NOISE = 3.0  # grey levels: what a camera adds, and what makes a file as large as a camera's
UPLOADS = {  # the sample, width and height, format, noise
    "thumbnail of 8×8, PNG": (DRAWING, (8, 8), "PNG", 0),
    "thumbnail of 28×28, PNG": (DRAWING, (28, 28), "PNG", 0),
    "drawing of 280×280, PNG": (DRAWING, (280, 280), "PNG", 0),
    "drawing of 1000×1000, PNG": (DRAWING, (1000, 1000), "PNG", 0),
    "photograph of 1 megapixel, JPEG": (PHOTO, (1160, 870), "JPEG", NOISE),
    "photograph of 12 megapixels, JPEG": (PHOTO, (4000, 3000), "JPEG", NOISE),
    "photograph of 12 megapixels, WebP": (PHOTO, (4000, 3000), "WEBP", NOISE),
    "photograph of 12 megapixels, smooth, PNG": (PHOTO, (4000, 3000), "PNG", 0),  # with noise over 10 MB
    "photograph of 50 megapixels, JPEG": (PHOTO, (8160, 6120), "JPEG", NOISE),
}
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Cost:
    """What preparing one upload took."""

    whole: list[float]  # milliseconds
    decoding: list[float]  # milliseconds
    file: int  # bytes
    peak: int  # bytes of memory: the most that the process ever had


def run(*, quick: bool) -> Result:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    uploads = tqdm(UPLOADS.items(), "preparing", leave=False)
    costs = {name: _alone(cost, _alone(upload, *what), rounds) for name, what in uploads}
    by_library = _alone(steps, PHOTO, 20 * rounds)
    packages = ("opencv-python-headless", "scipy", "scikit-image", "pillow")
    return Result(
        [sizes(costs), libraries(by_library)],
        [Bars("Preparing an image", "ms", {name: one.whole for name, one in costs.items()}, len(costs))],
        {name: version(name) for name in packages},
    )


def _alone(work: Callable[..., _Found], *arguments: object) -> _Found:
    """Work in a new process on one core: the most memory that it ever had is then that of this work."""
    from inference_image.supervisor import KEEP_MEMORY  # noqa: PLC0415 -- it is no part of what is measured

    alone = ProcessPoolExecutor(1, get_context("spawn"), cv2.setNumThreads, (1,))
    with environment(KEEP_MEMORY), alone as pool:  # as the server starts its own
        return pool.submit(work, *arguments).result()


def cost(file: bytes, rounds: int) -> Cost:
    whole = timed(lambda: preprocess(file), rounds)
    decoding = timed(lambda: decode(file, Limits()), rounds)
    return Cost(whole, decoding, len(file), peak_bytes())


def upload(sample: Path, size: tuple[int, int], form: str, noise: float) -> bytes:
    """Draw a sample anew at another size in pixels, with noise in grey levels."""
    with Image.open(sample) as image:
        pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32)
    pixels = pixels + np.random.default_rng(0).standard_normal(pixels.shape, np.float32) * noise
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, form, quality=90)
    return file.getvalue()


def sizes(costs: Mapping[str, Cost]) -> Table:
    heads = ("upload", "file, kB", "prepared, ms", "of it decoded, ms", "peak of the process, MB")
    rows = [
        (name, f"{one.file / 1e3:,.1f}", *_medians(one), f"{one.peak / 1e6:.0f}")
        for name, one in costs.items()
    ]
    return Table("Preparing an image, one core, medians", heads, rows)


def _medians(cost: Cost) -> Sequence[str]:
    return tuple(f"{statistics.median(times):.1f}" for times in (cost.whole, cost.decoding))


def libraries(measured: Mapping[str, Mapping[str, Sequence[float]]]) -> Table:
    rows = [
        (step, *(f"{statistics.median(times):.3f}" for times in by.values())) for step, by in measured.items()
    ]
    heads = ("step", *next(iter(measured.values())))
    return Table("Steps on a photograph by library, ms, medians", heads, rows)


if __name__ == "__main__":
    command("python -m benchmarks.preprocessing", __doc__, run)
