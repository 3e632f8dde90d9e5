"""What may be done to an upload without changing what is answered."""

import csv
import io
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from inference_image.limits import Limits
from inference_image.model import Answer, Model
from inference_image.reading import Reading, read
from infrastructure.local.settings import ROOT

Pixels = NDArray[np.uint8]  # (height, width, 3)
SAMPLES = ROOT / "samples"
MODEL = Model.load()
SMALL, LARGE = 100, 600  # pixels: what is smaller is not reduced further, what is larger is here
with (SAMPLES / "labels.csv").open(encoding="utf-8", newline="") as labels:
    TRUE = {row["file"]: int(row["true"]) for row in csv.DictReader(labels)}


@cache
def _pixels(name: str) -> Pixels:
    """Decode a sample as people see it: transparent it lies on white, or on black where the ink is white."""
    opened = Image.open(io.BytesIO((SAMPLES / name).read_bytes()))
    image = ImageOps.exif_transpose(opened).convert("RGBA")
    image.thumbnail((LARGE, LARGE))
    paper = Image.new("RGBA", image.size, "black" if "white-ink" in name else "white")
    return np.asarray(Image.alpha_composite(paper, image).convert("RGB"))


def _file(pixels: Pixels, form: str = "BMP", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def _shifted(pixels: Pixels) -> Pixels:
    by = max(pixels.shape) // 8
    return cv2.copyMakeBorder(pixels, by, 0, by, 0, cv2.BORDER_REPLICATE).astype(np.uint8)


def _scaled(times: float) -> Callable[[Pixels], Pixels]:
    def scaled(pixels: Pixels) -> Pixels:
        if times < 1 and max(pixels.shape) < SMALL:
            return pixels
        method = cv2.INTER_AREA if times < 1 else cv2.INTER_CUBIC
        return cv2.resize(pixels, None, fx=times, fy=times, interpolation=method).astype(np.uint8)

    return scaled


def _turned(pixels: Pixels) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned by a quarter, clockwise
    return _file(np.ascontiguousarray(np.rot90(pixels)), "JPEG", quality=92, exif=exif)


CHANGES: dict[str, Callable[[Pixels], bytes]] = {
    "shifted": lambda pixels: _file(_shifted(pixels)),
    "reduced": lambda pixels: _file(_scaled(0.6)(pixels)),
    "enlarged": lambda pixels: _file(_scaled(1.6)(pixels)),
    "recoloured": lambda pixels: _file(pixels[..., ::-1]),
    "inverted": lambda pixels: _file(255 - pixels),
    "as JPEG": lambda pixels: _file(pixels, "JPEG", quality=80),
    "as WebP": lambda pixels: _file(pixels, "WEBP", quality=80),
    "turned by EXIF": _turned,
}


def _read(images: list[bytes]) -> list[Answer]:
    readings = read(images, MODEL, Limits())
    return [one.answer for one in readings if isinstance(one, Reading)]


@cache
def _before() -> list[Answer]:
    return _read([_file(_pixels(name)) for name in TRUE])


@pytest.mark.parametrize("change", CHANGES)
def test_the_answer_stays(change: str) -> None:
    after = _read([CHANGES[change](_pixels(name)) for name in TRUE])
    digits, certain = ([one.predicted for one in after], [one.is_digit for one in after])
    assert digits == [one.predicted for one in _before()] == [*TRUE.values()]
    assert certain == pytest.approx([one.is_digit for one in _before()], abs=0.2)
