import io

import pytest
from PIL import Image, TiffImagePlugin

from chalice_app.media_types import BINARY_TYPES, media_type_of


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_format_is_known_by_its_bytes_and_passes_the_gateway(name: str) -> None:
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, name)
    assert media_type_of(file.getvalue()) == f"image/{name.lower()}"
    assert f"image/{name.lower()}" in BINARY_TYPES


def test_a_big_tiff_is_a_tiff() -> None:
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "TIFF", big_tiff=True)
    assert media_type_of(file.getvalue()) == media_type_of(b"MM\0+") == "image/tiff"


@pytest.mark.parametrize("prefix", TiffImagePlugin.PREFIXES)
def test_every_tiff_that_the_model_reads_is_known(prefix: bytes) -> None:
    assert media_type_of(prefix + bytes(4)) == "image/tiff"


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"RIFF0000WAVE"])
def test_anything_else_is_bytes(content: bytes) -> None:
    assert media_type_of(content) == "application/octet-stream"
