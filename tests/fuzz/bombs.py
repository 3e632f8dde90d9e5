"""Small bodies that ask for much: pixels, memory or time, each in the way of its format."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from PIL import Image

Bomb = Callable[[Random], bytes]
SIDES = (3000, 5000, 7000, 7072)  # pixels; the last is just over the limit
ASCII, LONG, SHORT, UNDEFINED = 2, 4, 3, 7  # types of a TIFF's entries


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401  Pillow's
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def after_png_header(png: bytes, chunks: bytes) -> bytes:
    return png[:33] + chunks + png[33:]


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def after_jpeg_start(jpeg: bytes, segments: bytes) -> bytes:
    return jpeg[:2] + segments + jpeg[2:]


def before_gif_image(gif: bytes, blocks: bytes) -> bytes:
    start = gif.index(b",", 13)
    return gif[:start] + blocks + gif[start:]


def tiff_directory(entries: list[tuple[int, int, int, int]], following: int = 0) -> bytes:
    packed = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    return struct.pack("<H", len(entries)) + packed + struct.pack("<L", following)


def tiff(entries: list[tuple[int, int, int, int]], content: bytes, following: int = 0) -> bytes:
    """Lay the content at offset 8 and the directory behind it."""
    return b"II*\0" + struct.pack("<L", 8 + len(content)) + content + tiff_directory(entries, following)


def grey_tiff(width: int, height: int, compression: int = 1) -> list[tuple[int, int, int, int]]:
    """Return the entries of a grey image in one strip at offset 8."""
    size = width * height if compression == 1 else 64
    return [(256, LONG, 1, width), (257, LONG, 1, height), (258, SHORT, 1, 8), (259, SHORT, 1, compression),
            (262, SHORT, 1, 1), (273, LONG, 1, 8), (277, SHORT, 1, 1), (278, LONG, 1, height),
            (279, LONG, 1, size)]  # fmt: skip


@cache
def small(form: str, mode: str = "L") -> bytes:
    return encoded(Image.new(mode, (28, 28)), form)


@cache
def _plain(form: str, mode: str, side: int, **options: Any) -> bytes:  # noqa: ANN401  Pillow's
    return encoded(
        Image.new(mode, (side, side), 1 if mode in {"1", "P", "I;16", "I", "F"} else None), form, **options
    )


def pixels(form: str, modes: list[str], **options: Any) -> Bomb:  # noqa: ANN401  Pillow's
    """Many pixels of one colour, which compress to nothing."""
    return lambda rng: _plain(form, rng.choice(modes), rng.choice(SIDES), **options)


def png_text(rng: Random) -> bytes:
    """Compressed text, profile or EXIF that unpacks to 64 MB."""
    packed = _zeros(64)
    kind, head = rng.choice([(b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")])
    return after_png_header(small("PNG"), png_chunk(kind, head + packed) * rng.randrange(1, 20))


@cache
def _zeros(megabytes: int) -> bytes:
    return zlib.compress(bytes(megabytes * 2**20), 9)


def png_chunks(rng: Random) -> bytes:
    chunk = rng.choice([png_chunk(b"abCd", b""), png_chunk(b"tEXt", b"a\0b"), png_chunk(b"IDAT", b"")])
    return after_png_header(small("PNG"), chunk * rng.randrange(300_000))


def png_unpacks_to_more(rng: Random) -> bytes:
    """Much more image data than the header's pixels need."""
    header = struct.pack(">IIBBBBB", 28, 28, 8, rng.choice([0, 2, 3, 4, 6]), 0, 0, rng.randrange(2))
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"PLTE", bytes(768)) + png_chunk(b"IDAT", _zeros(256))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def jpeg_scans(rng: Random) -> bytes:
    """The last scan again and again, each time over the whole image."""
    jpeg = _plain("JPEG", "L", rng.choice([1000, 3000]), progressive=True)
    return jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * rng.randrange(5000) + jpeg[-2:]


def jpeg_scans_behind_a_restart(rng: Random) -> bytes:
    """Scans that seem to lie in what FF 02 holds, which holds nothing: libjpeg looks for a restart there."""
    jpeg = _plain("JPEG", "L", rng.choice([1000, 3000]), progressive=True)
    scan = b"\xff\xda\0\x08\1\1\0\1\x3f\0"  # over the whole image, of nothing
    scans = scan * rng.randrange(100, 6500)
    restart_soon = b"\xff\xdd\0\4\0\1"
    return jpeg[:-2] + restart_soon + scan + b"\xff\2\xfe\xfe" + scans.ljust(0xFEFE, b"\0") + jpeg[-2:]


def jpeg_of_a_scan_for_each_colour(rng: Random) -> bytes:
    """No progressive one, and yet all of it is held until its last scan."""
    return jpeg_in_scans(rng.choice(SIDES) // 16 * 16)


def jpeg_in_scans(side: int) -> bytes:
    """Return a grey JPEG of so many pixels in width and height, a multiple of 16."""
    tables = encoded(Image.new("RGB", (16, 16)), "JPEG", subsampling=0)
    size = tables.index(b"\xff\xc0") + 5
    head = tables[:size] + struct.pack(">HH", side, side) + tables[size + 4 : tables.index(b"\xff\xda")]
    scans = (  # four blocks in whole bytes: each is as the one before it
        jpeg_segment(0xDA, bytes([1, colour, table, 0, 63, 0])) + blocks * (side**2 // 64 // 4)
        for colour, table, blocks in ((1, 0, b"\x28\xa2\x8a"), (2, 17, b"\0\0"), (3, 17, b"\0\0"))
    )
    return head + b"".join(scans) + b"\xff\xd9"


def jpeg_directory(rng: Random) -> bytes:
    """Entries that all claim the same bytes, where Pillow takes whatever is raised for a warning."""
    count, kind, size = rng.randrange(4500), rng.choice([1, 3, 5]), rng.choice([100, 8000])
    directory = tiff_directory([(tag + 0x1000, kind, size, 8) for tag in range(count)])
    content = b"MPF\0" + b"II*\0" + struct.pack("<L", 8) + directory
    return after_jpeg_start(small("JPEG"), jpeg_segment(0xE2, content.ljust(65_000, b"\0")))


def jpeg_segments(rng: Random) -> bytes:
    comment, tables, exif = jpeg_segment(0xFE, b""), jpeg_segment(0xDB, b""), jpeg_segment(0xE1, b"Exif\0\0a")
    segment = rng.choice([b"\xff", comment, tables, exif, jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1")])
    return after_jpeg_start(small("JPEG"), segment * (rng.randrange(4_000_000) // len(segment)))


def gif_comments(rng: Random) -> bytes:
    size = rng.choice([1, 16, 255])
    block = bytes([size]) + bytes([65]) * size
    blocks = block * (rng.randrange(3_000_000) // len(block))
    return before_gif_image(small("GIF"), b"\x21\xfe" + blocks + b"\0")


def gif_frames(rng: Random) -> bytes:
    """Many frames, as small as the first or as large as a frame can be."""
    width, height = rng.choice([(28, 28), (65535, 65535), (7000, 7000)])
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\0"
    return before_gif_image(small("GIF"), frame * rng.randrange(1, 200_000))


def bmp_runs(rng: Random) -> bytes:
    """Runs of one pixel, or jumps over lines that would be as long as the image has pixels."""
    width, height, runs = rng.choice(
        [
            (2200, 2200, b"\1\7" * 2_000_000),
            (50_000_000, 1, b"\0\2\xff\xff" * 9),
            (65_535, 700, b"\0\2\xff\xff" * 99),
        ]
    )
    head = struct.pack("<LllHHLLllLL", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    greys = bytes(part for grey in range(256) for part in (grey, grey, grey, 0))  # a byte a pixel passes more
    return b"BM" + struct.pack("<LLL", 1078 + len(runs), 0, 1078) + head + greys + runs


def tiff_overlaps(rng: Random) -> bytes:
    """Entries that all claim the same bytes."""
    size = rng.choice([100, 60_000, 1_000_000])
    claims = [(1000 + tag, UNDEFINED, size, 8) for tag in range(rng.randrange(60_000))]
    return tiff(grey_tiff(10, 10) + claims, bytes(size))


def tiff_circle(rng: Random) -> bytes:
    """Directories that follow each other in a circle."""
    return tiff(grey_tiff(10, 10), bytes(100), following=108)


def tiff_tiles(rng: Random) -> bytes:
    """Tiles much larger than the image."""
    side = rng.choice([16, 1 << 14, 1 << 16, 1 << 24])
    tiles = [(322, LONG, 1, side), (323, LONG, 1, side), (324, LONG, 1, 8), (325, LONG, 1, 64)]
    strips = {273, 278, 279}
    kept = [
        entry for entry in grey_tiff(28, 28, rng.choice([1, 5, 8, 32773, 34925])) if entry[0] not in strips
    ]
    return tiff(kept + tiles, bytes(64))


def tiff_shared(rng: Random) -> bytes:
    """Tiles that are all the same bytes, each much larger than its place."""
    packed, tiles = _grey_tile(), rng.randrange(2, 8000)
    places = struct.pack("<L", 8) * tiles + struct.pack("<L", len(packed)) * tiles
    image = [entry for entry in grey_tiff(6000 * tiles, 1, 8) if entry[0] not in {273, 278, 279}]
    end = 8 + len(packed)
    sides = [(322, LONG, 1, 6000), (323, LONG, 1, 3000)]
    return tiff(
        [*image, *sides, (324, LONG, tiles, end), (325, LONG, tiles, end + 4 * tiles)], packed + places
    )


@cache
def _grey_tile() -> bytes:
    return zlib.compress(bytes(6000 * 3000), 9)


def tiff_strips(rng: Random) -> bytes:
    """A strip for every line of one pixel."""
    lines = rng.randrange(1, 400_000)
    strips = struct.pack("<L", 8) * lines + struct.pack("<L", 1) * lines
    several = {273: (273, LONG, lines, 8), 278: (278, LONG, 1, 1), 279: (279, LONG, lines, 8 + 4 * lines)}
    return tiff([several.get(entry[0], entry) for entry in grey_tiff(1, lines)], strips)


def exif_overlaps(rng: Random) -> bytes:
    size = rng.choice([100, 20_000])
    claims = [(tag + 1, UNDEFINED, size, 8) for tag in range(rng.randrange(3000))]
    exif = b"Exif\0\0" + tiff(claims, bytes(size))
    form = rng.choice(["PNG", "JPEG", "WEBP"])
    return encoded(Image.new("L", (28, 28)), form, exif=exif[:65_000] if form == "JPEG" else exif)


def exif_in_parts(rng: Random) -> bytes:
    """EXIF that only the segments together make: its entries claim all of them."""
    size = rng.choice([100_000, 1_000_000])
    exif = tiff([(tag + 1, UNDEFINED, size, 8) for tag in range(rng.randrange(5000))], bytes(size))
    parts = (exif[start : start + 65_000] for start in range(0, len(exif), 65_000))
    return after_jpeg_start(small("JPEG"), b"".join(jpeg_segment(0xE1, b"Exif\0\0" + part) for part in parts))


BOMBS: dict[str, Bomb] = {
    "PNG pixels": pixels("PNG", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"]),
    "JPEG pixels": pixels("JPEG", ["L", "RGB", "CMYK"]),
    "progressive JPEG pixels": pixels("JPEG", ["L", "RGB", "CMYK"], progressive=True, subsampling=0),
    "WebP pixels": pixels("WEBP", ["RGB", "RGBA"], lossless=True, method=0),
    "GIF pixels": pixels("GIF", ["P", "L"]),
    "TIFF LZW pixels": pixels("TIFF", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB"], compression="tiff_lzw"),
    "TIFF deflate pixels": pixels("TIFF", ["L", "I;16", "F", "I", "RGB"], compression="tiff_adobe_deflate"),
    "TIFF LZMA pixels": pixels("TIFF", ["L", "RGB"], compression="lzma"),
    "TIFF fax pixels": pixels("TIFF", ["1"], compression="group4"),
} | {
    bomb.__name__.replace("_", " "): bomb
    for bomb in (
        *(
            png_text,
            png_chunks,
            png_unpacks_to_more,
            jpeg_scans,
            jpeg_scans_behind_a_restart,
            jpeg_of_a_scan_for_each_colour,
            jpeg_directory,
            jpeg_segments,
            gif_comments,
            gif_frames,
            bmp_runs,
        ),
        *(tiff_overlaps, tiff_circle, tiff_tiles, tiff_shared, tiff_strips, exif_overlaps, exif_in_parts),
    )
}
