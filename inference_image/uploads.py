"""From a request's body to the images in it: one as it is, or several as multipart/form-data (RFC 7578)."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inference_image.decoding import ImageError

MULTIPART = "multipart/form-data"


def is_multipart(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == MULTIPART


def parts(body: bytes, content_type: str, most: int) -> list[bytes]:
    """Take a multipart body apart: every part is an image, whatever its name, in their order.

    Raises ImageError: 413 if there are more than `most`, 422 if it is malformed or has none.
    """
    found: list[bytearray] = []
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    ended: list[bool] = []

    def begin() -> None:
        if len(found) == most:  # now, not once they are all parsed: a body may have a million
            raise ImageError(413, f"the request has more than {most} images")
        found.append(bytearray())

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_part_data": lambda data, start, end: found[-1].extend(data[start:end]),
                "on_end": lambda: ended.append(True),
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ImageError(422, f"the body is no {MULTIPART}: {error}") from None
    if not (ended and found):
        raise ImageError(422, f"the body is no whole {MULTIPART} with at least one part")
    return [bytes(part) for part in found]
