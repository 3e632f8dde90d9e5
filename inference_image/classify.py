"""Read files without a server: `python -m inference_image.classify FILE…`; folders are searched."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from inference_image.bounds import bound_memory, bounded_time
from inference_image.decoding import ImageError
from inference_image.limits import Limits
from inference_image.model import Model, ModelError
from inference_image.reading import Reading, read
from inference_image.settings import Settings

BATCH = 32
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"}  # of files in folders

_STACK_BYTES = 8 * 2**20  # that a thread is given, of which it uses little

Answered = tuple[Path, Reading | ImageError]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table, or JSON.

    The status is 1 if any file could not be read, or an answer not be written, 130 if it was interrupted,
    141 if nobody reads on.
    """
    parser = argparse.ArgumentParser(prog="python -m inference_image.classify", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an image, or a folder of images")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    assert isinstance(sys.stdout, io.TextIOWrapper)  # noqa: S101 - as Python opens it
    sys.stdout.reconfigure(errors="backslashreplace")  # for a name that is no text, or none of the terminal's
    chosen = parser.parse_args(arguments)
    show = _json if chosen.json else _row
    try:
        files = list(_files(chosen.files))
        return _print(classify(files, Model.load()), show)
    except ModelError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        return 130


def _print(answers: Iterable[Answered], show: Callable[[Path, Reading | ImageError], str]) -> int:
    """Print an answer a line. Returns the exit status."""
    failed = False
    try:
        for path, answer in answers:
            tqdm.write(show(path, answer), file=sys.stdout)
            failed |= isinstance(answer, ImageError)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        if isinstance(error, BrokenPipeError):
            return 141
        sys.exit(f"The answers cannot be written: {error.strerror}")
    return int(failed)


def classify(paths: Sequence[Path], model: Model) -> Iterable[Answered]:
    """Read files in batches, in their order, with a progress bar on a terminal's stderr."""
    with tqdm(total=len(paths), unit="file", disable=None, leave=False) as bar:
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            contents = [_content(path) for path in batch]
            yield from zip(batch, _read(contents, model), strict=True)
            bar.update(len(batch))


def _read(contents: Sequence[bytes | ImageError], model: Model) -> Iterable[Reading | ImageError]:
    files = [one for one in contents if isinstance(one, bytes)]
    readings = iter(read(files, model, Limits(), partial(bounded_time, Settings.max_decoding_seconds)))
    return (next(readings) if isinstance(one, bytes) else one for one in contents)


def _content(path: Path) -> bytes | ImageError:
    try:
        if path.is_dir():
            list(path.iterdir())  # says why it cannot be looked into, if that is so
            return ImageError(404, "holds no images")
        with path.open("rb") as file:
            return file.read(Limits.image_bytes + 1)  # what has more is refused, whatever it has
    except OSError as error:
        return ImageError(404, error.strerror or "cannot be read")


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        yield from _images_in(path) if _is_folder(path) else [path]


def _images_in(folder: Path) -> Sequence[Path]:
    """List the images in and below a folder, and the folders that cannot be looked into.

    The folder itself where there are none, to be answered as one.
    """
    closed: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: closed.append(Path(error.filename)))
    files = (Path(at, name) for at, _, names in walk for name in names)
    return sorted([*(file for file in files if file.suffix.lower() in SUFFIXES), *closed]) or [folder]


def _is_folder(path: Path) -> bool:
    with contextlib.suppress(OSError):  # of a name that is too long: reading it says so
        return path.is_dir()
    return False


def _row(path: Path, answer: Reading | ImageError) -> str:
    if isinstance(answer, ImageError):
        return f"{path}: {answer.detail}"
    said = answer.answer
    doubt = "" if said.is_digit >= 0.5 else "   probably no digit"
    return f"{said.predicted}   {said.confidence:7.2%}   {path}{doubt}"


def _json(path: Path, answer: Reading | ImageError) -> str:
    said = {"error": answer.detail} if isinstance(answer, ImageError) else answer.to_json()
    return json.dumps({"file": str(path), **said})  # in ASCII: a name that is no text comes through as well


if __name__ == "__main__":
    threads = os.cpu_count() or 1  # of PyTorch, and as many of OpenCV
    bound_memory(Limits.decoding_bytes + BATCH * Limits.image_bytes + 2 * threads * _STACK_BYTES)
    sys.exit(main())
