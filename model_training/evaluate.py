"""Measure the shipped weights on data that took no part in training: `python -m model_training.evaluate`."""

import io
from collections.abc import Iterable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from inference_image.decoding import ImageError, Limits
from inference_image.model import Model
from inference_image.reading import read
from model_training import data

BATCH = 100


def main() -> None:
    """Read MNIST's test part as PNG files, exactly as the server would, and print what came of it."""
    model = Model.load()
    test = data.load().test
    files = [png(image) for image in track(test.images, "encoding")]
    predicted = predictions(files, model)
    right = int((predicted == test.labels).sum())
    low, high = wilson(right, len(test))
    table = Table(
        "images", "correct", "accuracy", "95 % interval", title=f"{model.version}, MNIST's test part"
    )
    table.add_row(f"{len(test)}", f"{right}", f"{right / len(test):.2%}", f"{low:.2%} to {high:.2%}")
    Console().print(table)


def predictions(files: Sequence[bytes], model: Model) -> NDArray[np.int64]:
    """Read the digits that the server would answer, (N,) in 0..9; a file that it refuses counts as -1."""
    return np.array([answer for batch in _batches(files) for answer in _predicted(batch, model)])


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def wilson(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Bound a share with 95 % confidence (Wilson 1927)."""
    centre = right + z * z / 2
    spread = z * sqrt(right * (count - right) / count + z * z / 4)
    return (centre - spread) / (count + z * z), (centre + spread) / (count + z * z)


def _batches(files: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (files[start : start + BATCH] for start in range(0, len(files), BATCH))


def _predicted(files: Sequence[bytes], model: Model) -> list[int]:
    return [
        -1 if isinstance(one, ImageError) else one.answer.predicted for one in read(files, model, Limits())
    ]


if __name__ == "__main__":
    main()
