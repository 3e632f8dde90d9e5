"""What Schemathesis cannot guess: that the bodies are images."""

import base64
import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


def encoded(size: tuple[int, int], grey: int, format: str) -> bytes:  # noqa: A002  Pillow's word
    file = io.BytesIO()
    Image.new("L", size, grey).save(file, format)
    return file.getvalue()


def as_text(_context: object, response: schemathesis.Response) -> str:
    return base64.b64encode(response.content).decode()


sizes = st.tuples(st.integers(8, 64), st.integers(8, 64))
for name in FORMATS:
    images = st.builds(encoded, sizes, st.integers(0, 255), st.just(name))
    schemathesis.openapi.media_type(f"image/{name.lower()}", images)
    schemathesis.deserializer(f"image/{name.lower()}")(as_text)
schemathesis.openapi.media_type(
    "application/octet-stream", st.builds(encoded, sizes, st.integers(0, 255), st.sampled_from(FORMATS))
)
