import pytest

from inference_image.decoding import ImageError
from inference_image.uploads import is_multipart, parts

TYPE = "multipart/form-data; boundary=xyz"


def _body(*images: bytes, end: bytes = b"--xyz--\r\n") -> bytes:
    head = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return b"".join(head + image + b"\r\n" for image in images) + end


@pytest.mark.parametrize("content_type", [TYPE, "Multipart/Form-Data;boundary=x"])
def test_a_form_is_told_by_its_media_type(content_type: str) -> None:
    assert is_multipart(content_type)


@pytest.mark.parametrize("content_type", ["", "image/png", "application/x-www-form-urlencoded"])
def test_anything_else_is_one_image(content_type: str) -> None:
    assert not is_multipart(content_type)


def test_the_parts_come_byte_for_byte_and_in_order() -> None:
    images = [b"\x89PNG\r\n\x1a\n--xy\r\n", b"", bytes(range(256))]
    assert parts(_body(*images), TYPE, 3) == images


def test_too_many_parts_are_413() -> None:
    with pytest.raises(ImageError, match="more than 2 images") as raised:
        parts(_body(b"1", b"2", b"3"), TYPE, 2)
    assert raised.value.status == 413


def test_what_comes_after_too_many_parts_is_not_even_parsed() -> None:
    with pytest.raises(ImageError) as raised:
        parts(_body(b"1", b"2", b"3", end=b"no end"), TYPE, 2)
    assert raised.value.status == 413


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (_body(b"1"), "multipart/form-data"),
        (_body(b"1"), "multipart/form-data; boundary=other"),
        (_body(b"1", end=b""), TYPE),
        (_body(), TYPE),
        (b"", TYPE),
        (b"nonsense", TYPE),
    ],
)
def test_what_is_no_whole_form_is_422(body: bytes, content_type: str) -> None:
    with pytest.raises(ImageError) as raised:
        parts(body, content_type, 3)
    assert raised.value.status == 422
