import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from inference_image.decoding import FORMATS, ImageError, decode
from inference_image.limits import Limits
from infrastructure.local.settings import ROOT
from tests.fuzz.bombs import (
    LONG,
    SHORT,
    after_png_header,
    jpeg_in_scans,
    jpeg_scans_behind_a_restart,
    png_chunk,
    tiff,
)


def _file(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, form)
    return buffer.getvalue()


def _bomb(width: int, height: int) -> bytes:
    """Make a PNG that only claims its size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(bytes(1000)))
    framed = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_decoded(form: str) -> None:
    assert decode(_file(form), Limits()).pixels.shape == (30, 40, 3)


@pytest.mark.parametrize("form", ["PPM", "ICO", "PCX", "TGA", "JPEG2000"])
def test_other_formats_are_not_images_here(form: str) -> None:
    with pytest.raises(ImageError) as raised:
        decode(_file(form), Limits())
    assert raised.value.status == 415


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7", b"<svg/>", b"\0" * 100])
def test_what_is_no_image_is_415(data: bytes) -> None:
    with pytest.raises(ImageError) as raised:
        decode(data, Limits())
    assert raised.value.status == 415


def test_an_empty_body_is_422() -> None:
    with pytest.raises(ImageError) as raised:
        decode(b"", Limits())
    assert raised.value.status == 422


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_half_an_image_is_422(form: str) -> None:
    data = _file(form)
    with pytest.raises(ImageError) as raised:
        decode(data[: len(data) // 2], Limits())
    assert raised.value.status == 422


def test_an_image_whose_header_is_broken_is_one_all_the_same() -> None:
    bad = png_chunk(b"tEXt", b"a\0b")[:-4] + bytes(4)  # its checksum
    with pytest.raises(ImageError, match="broken") as raised:
        decode(after_png_header(_file("PNG"), bad), Limits())
    assert raised.value.status == 422


@pytest.mark.parametrize("side", [10_000, 20_000])  # the larger one Pillow would not even open
def test_an_image_with_too_many_pixels_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(ImageError, match=f"{side}×{side}") as raised:
        decode(_bomb(side, side), Limits())
    assert raised.value.status == 413


def test_a_file_with_too_many_bytes_is_refused() -> None:
    with pytest.raises(ImageError) as raised:
        decode(_file("BMP"), Limits(image_bytes=1000))
    assert raised.value.status == 413


@pytest.mark.parametrize(
    ("form", "mode", "options", "pixel_bytes"),
    [
        ("PNG", "L", {}, 1),
        ("PNG", "RGB", {}, 4),
        ("PNG", "LA", {}, 12),
        ("PNG", "I;16", {}, 16),
        ("WEBP", "RGB", {}, 16),
        ("TIFF", "CMYK", {}, 8),
        ("JPEG", "RGB", {"progressive": True}, 6),
        ("JPEG", "RGB", {}, 0),
    ],
)
def test_an_image_that_takes_too_much_memory_is_refused_by_its_header(
    form: str, mode: str, options: dict[str, Any], pixel_bytes: int
) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (40, 30)).save(buffer, form, **options)
    needed = 40 * 30 * pixel_bytes
    assert decode(buffer.getvalue(), Limits(decoding_bytes=needed)).pixels.shape == (30, 40, 3)
    if needed:
        with pytest.raises(ImageError, match="memory") as raised:
            decode(buffer.getvalue(), Limits(decoding_bytes=needed - 1))
        assert raised.value.status == 413


@pytest.mark.parametrize(("further", "refused"), [(40, False), (45, True)])
def test_a_jpeg_of_more_scans_than_encoders_write_is_refused(further: int, refused: bool) -> None:
    buffer = io.BytesIO()
    Image.new("L", (40, 30)).save(buffer, "JPEG", progressive=True)  # in 6 scans
    jpeg = buffer.getvalue()
    scans = jpeg[jpeg.rindex(b"\xff\xda") : -2] * further
    if not refused:
        assert decode(jpeg[:-2] + scans + jpeg[-2:], Limits()).pixels.shape == (30, 40, 3)
        return
    with pytest.raises(ImageError, match="scans") as raised:
        decode(jpeg[:-2] + scans + jpeg[-2:], Limits())
    assert raised.value.status == 422


def test_scans_that_hide_behind_a_restart_are_counted() -> None:
    with pytest.raises(ImageError, match="scans"):
        decode(jpeg_scans_behind_a_restart(Random(0)), Limits())


def test_a_jpeg_of_a_scan_for_each_colour_takes_the_memory_of_a_progressive_one() -> None:
    jpeg, needed = jpeg_in_scans(1600), 1600**2 * 6
    assert decode(jpeg, Limits(decoding_bytes=needed)).pixels.any()
    with pytest.raises(ImageError, match="memory"):
        decode(jpeg, Limits(decoding_bytes=needed - 1))


def test_an_intact_image_for_which_there_is_no_memory_is_not_called_broken(tmp_path: Path) -> None:
    (file := tmp_path / "large.jpg").write_bytes(jpeg_in_scans(3200))
    program = f"""
from pathlib import Path
from inference_image import bounds, decoding, limits
bounds.SPARE_BYTES = 0
bounds.bound_memory(20 * 2**20)
try:
    decoding.decode(Path({str(file)!r}).read_bytes(), limits.Limits())
except decoding.ImageError as error:
    print(error.status)
"""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "413\n"


def test_what_looks_like_scans_in_a_photos_metadata_or_behind_it_counts_for_nothing() -> None:
    buffer = io.BytesIO()
    Image.new("L", (40, 30)).save(buffer, "JPEG", comment=b"\xff\xda\0\2" * 100)
    assert decode(buffer.getvalue() + b"\xff\xda\0\2" * 100, Limits()).pixels.shape == (30, 40, 3)


def _tiff(
    size: tuple[int, int], part: tuple[int, int], *, tiles: bool, shared: bool, told: bool = True
) -> bytes:
    """Make a grey TIFF of parts so large, each deflated; `shared` where all are the same bytes."""
    width, height = size
    count = -(-width // part[0]) * -(-height // part[1])
    packed = zlib.compress(bytes(part[0] * part[1]))
    offsets = [8 if shared else 8 + number * len(packed) for number in range(count)]
    content = packed * (1 if shared else count)
    where = 8 + len(content), 8 + len(content) + 4 * count
    first = 324 if tiles else 273
    entries = [
        *((256, LONG, 1, width), (257, LONG, 1, height), (258, SHORT, 1, 8), (259, SHORT, 1, 8)),
        *((262, SHORT, 1, 1), (277, SHORT, 1, 1), (first, LONG, count, where[0] if count > 1 else 8)),
        *([(322, LONG, 1, part[0]), (323, LONG, 1, part[1])] if tiles else [(278, LONG, 1, part[1])]),
    ]
    if told:
        entries.append((325 if tiles else 279, LONG, count, where[1] if count > 1 else len(packed)))
    return tiff(entries, content + struct.pack(f"<{2 * count}L", *offsets, *[len(packed)] * count))


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize("rows", [16, 32, 64])
def test_a_tiff_in_parts_of_its_own_is_read(rows: int, *, tiles: bool) -> None:
    assert decode(_tiff((16, 64), (16, rows), tiles=tiles, shared=False), Limits()).pixels.shape == (
        64,
        16,
        3,
    )


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize("told", [True, False])
def test_a_tiff_whose_parts_are_the_same_bytes_again_and_again_is_refused(*, tiles: bool, told: bool) -> None:
    with pytest.raises(ImageError, match="share their bytes") as raised:
        decode(_tiff((16, 16 * 200), (16, 16), tiles=tiles, shared=True, told=told), Limits())
    assert raised.value.status == 422


def test_a_tiff_whose_tiles_lie_mostly_beside_it_is_refused() -> None:
    image = _tiff((64, 1), (16, 64), tiles=True, shared=False)
    assert decode(image, Limits(pixels=64 * 64)).pixels.shape == (1, 64, 3)
    with pytest.raises(ImageError, match="tiles have more than 4095 pixels") as raised:
        decode(image, Limits(pixels=64 * 64 - 1))
    assert raised.value.status == 413


@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("exif", [b"Exif\0\0garbagegarbage", b"Exif\0\0" + bytes(20)])
def test_an_image_whose_exif_is_broken_is_read_as_it_lies(form: str, exif: bytes) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, form, exif=exif)
    picture = decode(buffer.getvalue(), Limits())
    assert (picture.pixels.shape, picture.rotation) == ((30, 40, 3), 0)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "rotation"), [(1, 0), (2, 0), (3, 180), (5, 90), (6, 270), (8, 90)])
def test_it_says_how_far_it_was_turned_and_how_large_it_is_upright(
    form: str, orientation: int, rotation: int
) -> None:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (40, 30)).save(buffer, form, exif=exif)
    picture = decode(buffer.getvalue(), Limits())
    upright = (40, 30) if rotation % 180 == 0 else (30, 40)
    assert (picture.rotation, picture.size, picture.pixels.shape[1::-1]) == (rotation, upright, upright)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_it_is_turned_by_exif_alone_as_browsers_do(form: str) -> None:
    xmp, buffer, about = b'<rdf:Description tiff:Orientation="6"/>', io.BytesIO(), PngImagePlugin.PngInfo()
    about.add_itxt("XML:com.adobe.xmp", xmp.decode())
    options = {"pnginfo": about} if form == "PNG" else {"xmp": xmp}
    Image.new("RGB", (40, 30)).save(buffer, form, **options)
    with Image.open(buffer) as image:
        assert image.getexif()[ExifTags.Base.Orientation] == 6  # to Pillow
    assert decode(buffer.getvalue(), Limits()).rotation == 0


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_bmp_whose_fourth_byte_is_always_0_is_opaque(alpha: int) -> None:
    pixels = np.full((4, 4, 4), (10, 20, 30, alpha), np.uint8).tobytes()
    masks = struct.pack("<LLLL", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<LllHHLLllLL", 124, 4, 4, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks + bytes(68)
    bmp = b"BM" + struct.pack("<LLL", 14 + len(head) + len(pixels), 0, 14 + len(head)) + head + pixels
    assert decode(bmp, Limits()).pixels.reshape(-1, 3).tolist() == [[30, 20, 10]] * 16


def test_a_refusal_holds_nothing_of_what_was_decoded() -> None:
    with pytest.raises(ImageError) as raised:
        decode(_file("PNG")[:-50], Limits())
    assert raised.value.__context__ is None


def test_a_large_image_is_reduced_and_says_by_how_much() -> None:
    picture = decode(_file("JPEG", (2000, 1000)), Limits())
    assert max(picture.pixels.shape) <= 512
    assert (picture.reduction, picture.size) == (4, (2000, 1000))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _transparent(ink: int, alpha: int, size: tuple[int, int] = (40, 30)) -> bytes:
    """Draw a bar of grey `ink` on a picture that is otherwise transparent."""
    pixels = np.zeros((*size[::-1], 4), np.uint8)
    pixels[10:20, 10:30] = (ink, ink, ink, alpha)
    return _png(Image.fromarray(pixels))


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (60, 255), (200, 0), (255, 0)])
def test_transparent_paper_gets_the_colour_that_the_ink_stands_out_from(ink: int, paper: int) -> None:
    pixels = decode(_transparent(ink, 255), Limits()).pixels
    assert (pixels[15, 20] == ink).all()
    assert (pixels[0, 0] == paper).all()


def test_half_transparent_ink_is_laid_on_its_paper_by_its_share() -> None:
    assert decode(_transparent(0, 128), Limits()).pixels[15, 20].tolist() == [127] * 3


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_ink_that_is_hardly_to_be_seen_counts_where_there_is_no_other(ink: int, paper: int) -> None:
    assert decode(_transparent(ink, 100), Limits()).pixels[0, 0].tolist() == [paper] * 3


def test_what_is_less_than_half_opaque_does_not_say_what_ink_is() -> None:
    pixels = np.full((40, 60, 4), (0, 0, 0, 100), np.uint8)  # a shadow around white ink
    pixels[10:20, 10:30] = 255
    assert decode(_png(Image.fromarray(pixels)), Limits()).pixels[15, 20].tolist() == [255] * 3
    assert decode(_png(Image.fromarray(pixels)), Limits()).pixels[0, 0].tolist() == [0] * 3


@pytest.mark.parametrize(("alpha", "paper"), [(252, 200), (240, 0)])
def test_paper_that_is_all_but_opaque_goes_on_where_there_is_none(alpha: int, paper: int) -> None:
    pixels = np.full((40, 60, 4), (200, 200, 200, alpha), np.uint8)
    pixels[:10] = 0  # a corner cut off
    pixels[20:30, 30:32, :3] = 0
    assert decode(_png(Image.fromarray(pixels)), Limits()).pixels[0, 0].tolist() == [paper] * 3


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (60, 255), (200, 0), (255, 0)])
def test_what_is_opaque_all_over_and_of_one_colour_is_ink(ink: int, paper: int) -> None:
    pixels = np.full((40, 60, 4), (ink, ink, ink, 255), np.uint8)
    pixels[10:20, 10:30] = pixels[25:35, 10:30] = 0  # the holes of a bold 8, cropped to its edges
    pixels = decode(_png(Image.fromarray(pixels)), Limits()).pixels
    assert (pixels[5, 5].tolist(), pixels[15, 15].tolist()) == ([ink] * 3, [paper] * 3)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_sixteen_bits_of_which_fewer_are_used_are_as_bright(bits: int) -> None:
    ramp = (np.array([[0, 0.5, 1.0]]) * (2**bits - 1)).astype(np.uint16).repeat(10, 0).repeat(10, 1)
    pixels = decode(_png(Image.fromarray(ramp)), Limits()).pixels
    assert pixels[5, [5, 15, 25], 0].tolist() == [0, 127, 255]


def test_pixels_that_are_no_numbers_are_black() -> None:
    ramp = np.array([[np.nan, 0.5, 1.0]], np.float32).repeat(10, 0).repeat(10, 1)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "TIFF")
    assert decode(buffer.getvalue(), Limits()).pixels[5, [5, 15, 25], 0].tolist() == [0, 127, 255]


@pytest.mark.parametrize("ramp", [(-1.0, -0.5, 0.0), (0.0, 1e6, 2e6), (0.0, 0.5, 1.0, np.inf, -np.inf)])
def test_numbers_of_any_size_are_shades_between_black_and_the_highest(ramp: tuple[float, ...]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.array([ramp], np.float32).repeat(10, 0).repeat(10, 1)).save(buffer, "TIFF")
    shades = decode(buffer.getvalue(), Limits()).pixels[5, [5, 15, 25], 0]
    assert shades == pytest.approx([0, 127, 255], abs=1)


def test_a_png_with_a_lot_of_metadata_is_read() -> None:
    about, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    about.add_itxt("XML:com.adobe.xmp", "x" * 1_500_000, zip=True)
    Image.new("RGB", (40, 30)).save(buffer, "PNG", pnginfo=about, icc_profile=bytes(1_200_000))
    assert decode(buffer.getvalue(), Limits()).size == (40, 30)


def test_what_is_wholly_transparent_is_white() -> None:
    assert (decode(_transparent(0, 0), Limits()).pixels == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK", "F"])
def test_every_kind_of_pixel_becomes_the_same_colours(mode: str) -> None:
    ramp = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 20, axis=1)).resize((40, 30))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257)
    elif mode == "PA":
        image = ramp.convert("P").convert("PA")
    else:
        image = ramp.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode in {"F", "CMYK", "PA"} else "PNG")
    pixels = decode(buffer.getvalue(), Limits()).pixels
    assert (pixels.shape, pixels[0, 0].tolist(), pixels[0, 39].tolist()) == (
        (30, 40, 3),
        [0, 0, 0],
        [255, 255, 255],
    )
