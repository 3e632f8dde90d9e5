"""Bodies that are broken, lie or explode: the same for the same seed and number, on every machine."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from PIL import Image

from infrastructure.local.samples import Sample
from tests.fuzz.bombs import BOMBS, encoded

CLAIMS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
# What is written into fields of one, two and four bytes: the ends of their ranges, and what overflows.
EXTREMES = [
    *(b"\0", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff\xff", b"\x7f\xff", b"\0\0\0\0", b"\xff\xff\xff\xff"),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80", b"\0\0\0\1", b"\1\0\0\0"),
]
HEADER_BYTES = 64  # where the formats say what follows
NO_IMAGES = [
    *(b"\0", b"hello", b'{"true": 3}', b"--a\r\n\r\nb\r\n--a--", b"P6 1 1 255 abc", b"%PDF-1.7\n%\xe2\xe3"),
    *(b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"PK\3\4" + bytes(90), b"\x1f\x8b\x08" + bytes(40)),
    *(b"\x7fELF" + bytes(60), b"\0\0\1\0\1\0", b"\0\0\0\x0cjP  \r\n\x87\n", b"\0\0\0\x1cftypavif"),
    *(b"RIFF\0\0\0\0WAVE", b"RIFF\x04\0\0\0WEBP", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0"),
    *(b"MM\0*\0\0\0\x08", b"\xff\xd8\xff"),
]


Kinds = dict[str, tuple[float, Callable[[Random], bytes]]]  # and their weights among all bodies


@dataclass(frozen=True)
class Body:
    kind: str
    data: bytes
    media_type: str  # what the request claims


def body(seed: int, number: int, kinds: Kinds | None = None) -> Body:
    """Return one of the bodies; most are a file that something was done to."""
    kinds = kinds or MUTATIONS | EXPLOSIONS
    rng = Random(f"{seed} {number}")
    kind = rng.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
    claim = rng.choice([*CLAIMS.values(), "application/octet-stream"])
    return Body(kind, kinds[kind][1](rng), claim)


@cache
def files() -> list[bytes]:
    """Return images as they should be: every format, in every mode and compression that it has here."""
    samples = [sample.path.read_bytes() for sample in Sample.all()]
    made = [
        encoded(_drawn(mode), form, **options)
        for form, modes, ways in _WAYS
        for mode in modes
        for options in ways
    ]
    return [data for data in samples if len(data) < 60_000] + made


def _drawn(mode: str) -> Image.Image:
    grey = Image.radial_gradient("L").resize((40, 56))
    return grey.convert("I").convert(mode) if mode in {"I;16", "F"} else grey.convert("RGB").convert(mode)


def _animated(mode: str) -> dict[str, Any]:
    return {"save_all": True, "append_images": [_drawn(mode).rotate(turn) for turn in (90, 180)]}


def _compressed(*names: str) -> list[dict[str, Any]]:
    return [{"compression": name} for name in names]


_WAYS: list[tuple[str, list[str], list[dict[str, Any]]]] = [  # format, modes, options of each file
    ("PNG", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"], [{}]),
    ("JPEG", ["L", "RGB", "CMYK"], [{}, {"progressive": True}]),
    ("WEBP", ["RGB", "RGBA"], [{}, {"lossless": True}, _animated("RGB")]),
    ("GIF", ["P", "L"], [{}, _animated("P")]),
    ("BMP", ["1", "L", "P", "RGB"], [{}]),
    ("TIFF", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F"], [{}, _animated("RGB")]),
    ("TIFF", ["L", "RGB"], _compressed("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "lzma")),
    ("TIFF", ["1"], _compressed("group3", "group4", "tiff_ccitt")),
]


def _file(rng: Random) -> bytearray:
    return bytearray(rng.choice(files()))


def _place(rng: Random, data: bytearray) -> int:
    """Return an offset; every second one lies in the header."""
    return rng.randrange(min(len(data), HEADER_BYTES) if rng.random() < 0.5 else len(data))


def truncated(rng: Random) -> bytes:
    data = _file(rng)
    return bytes(data[: _place(rng, data)])


def flipped(rng: Random) -> bytes:
    data = _file(rng)
    for _ in range(2 ** rng.randrange(7)):
        data[_place(rng, data)] ^= 1 << rng.randrange(8)
    return _with_checksums(rng, data)


def overwritten(rng: Random) -> bytes:
    data = _file(rng)
    for _ in range(rng.randrange(1, 5)):
        place, value = _place(rng, data), rng.choice(EXTREMES)
        data[place : place + len(value)] = value
    return _with_checksums(rng, data)


def cut(rng: Random) -> bytes:
    data = _file(rng)
    place = _place(rng, data)
    del data[place : place + 2 ** rng.randrange(12)]
    return _with_checksums(rng, data)


def repeated(rng: Random) -> bytes:
    data = _file(rng)
    place, end = sorted((_place(rng, data), _place(rng, data)))
    data[place:place] = data[place:end] * rng.randrange(1, 20)
    return _with_checksums(rng, data)


def spliced(rng: Random) -> bytes:
    """The beginning of one file, the end of another."""
    head, tail = _file(rng), _file(rng)
    return bytes(head[: _place(rng, head)] + tail[_place(rng, tail) :])


def noise_inside(rng: Random) -> bytes:
    data = _file(rng)
    place = _place(rng, data)
    data[place:place] = rng.randbytes(2 ** rng.randrange(14))
    return _with_checksums(rng, data)


def another_size(rng: Random) -> bytes:
    """A whole file whose header claims another width and height."""
    data = _file(rng)
    width, height = (rng.choice([0, 1, 2, 29, 7000, 65535, 2**24, 2**31 - 1, 2**32 - 1]) for _ in range(2))
    for mark, offset, form, most in (
        (b"IHDR", 4, ">II", 2**32),
        (b"BM", 18, "<II", 2**32),
        (b"VP8X", 12, "<II", 2**24),
        (b"VP8 ", 14, "<HH", 2**16),
        (b"GIF8", 6, "<HH", 2**16),
        (b"\xff\xc0", 5, ">HH", 2**16),
        (b"\xff\xc2", 5, ">HH", 2**16),
        (b"\x00\x01\x04\x00", 8, "<II", 2**32),
    ):
        at = data.find(mark, 0, 700)
        if 0 <= at < len(data) - 26:
            struct.pack_into(form, data, at + offset, width % most, height % most)
    return _with_checksums(rng, data, always=True)


def thin(rng: Random) -> bytes:
    """As long as formats let an image be, and one pixel wide."""
    form = rng.choice(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
    longest = {"JPEG": 65500, "WEBP": 16383}.get(form, 65535)
    sizes = [(1, longest), (longest, 1), (1, 1), (2, longest)]
    return encoded(Image.new(rng.choice(["L", "RGB"]), rng.choice(sizes), rng.randrange(256)), form)


def wrong_metadata(rng: Random) -> bytes:
    """A whole image with a profile and EXIF that are noise, or nearly right."""
    exif = (
        b"Exif\0\0"
        + rng.choice([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""])
        + rng.randbytes(rng.randrange(300))
    )
    profile = rng.choice([rng.randbytes(rng.randrange(1, 4000)), bytes(36) + b"acsp" + rng.randbytes(90)])
    form, mode = rng.choice(
        [("PNG", "RGB"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("TIFF", "CMYK")]
    )
    options = {"icc_profile": profile} | ({"exif": exif} if form != "TIFF" else {})
    return encoded(_drawn(mode), form, **options)


def no_image(rng: Random) -> bytes:
    return rng.choice([*NO_IMAGES, b"", rng.randbytes(rng.randrange(5000))])


def unharmed(rng: Random) -> bytes:
    return bytes(_file(rng))


def _with_checksums(rng: Random, data: bytearray, *, always: bool = False) -> bytes:
    """Make a PNG's checksums right again, mostly: else every decoder stops there."""
    place = 8
    while data[:4] == b"\x89PNG" and place + 12 <= len(data) and (always or rng.random() < 0.95):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(data)


MUTATIONS: Kinds = {
    mutation.__name__.replace("_", " "): (weight, mutation)
    for weight, mutation in (
        (18, flipped),
        (18, overwritten),
        (8, truncated),
        (8, cut),
        (8, repeated),
        (8, another_size),
        (6, spliced),
        (6, noise_inside),
        (6, wrong_metadata),
        (4, no_image),
        (3, thin),
        (3, unharmed),
    )
}
EXPLOSIONS: Kinds = {name: (4 / len(BOMBS), bomb) for name, bomb in BOMBS.items()}
