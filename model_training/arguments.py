"""What is checked of arguments before work that takes minutes."""

from argparse import ArgumentTypeError
from pathlib import Path
from tempfile import TemporaryFile

MAX_SEED = 2**32 - 1


def positive(text: str) -> int:
    """Return a whole number from 1 on; for argparse, which names what is none."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number


def seed(text: str) -> int:
    """Return a whole number that NumPy and PyTorch take as a seed, likewise."""
    number = int(text)
    if not 0 <= number <= MAX_SEED:
        raise ArgumentTypeError(f"{text} is not from 0 to {MAX_SEED}")
    return number


def folder(text: str) -> Path:
    """Return a folder to write into; make it if it is not there."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        raise ArgumentTypeError(f"{text} cannot be a folder to write into: {error.strerror}") from error
    return path
