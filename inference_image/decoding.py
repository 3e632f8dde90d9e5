"""From the bytes that came to pixels: decided by the content, bounded before it is decoded."""

import io
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from inference_image.limits import Limits

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LEAST_SIDE = 400  # pixels that reducing leaves of the longer side: a digit of a tenth of it keeps 40
_TIFF = ExifTags.Base  # whose names its own tags have too
_TURNS = {3: 180, 4: 180, 5: 90, 6: 270, 7: 270, 8: 90}  # EXIF orientation -> degrees counter-clockwise
_MIRRORED = {2, 4, 5, 7}
_OPAQUE = 250  # of 255
_APART = 24  # of 255: colours that differ by less are one
Image.MAX_IMAGE_PIXELS = None  # the limits here decide: Pillow would call a larger image broken
PngImagePlugin.MAX_TEXT_CHUNK = 16 * 2**20  # of metadata, inflated: some editors write more than its 1 MiB
# Memory that a pixel takes at the peak, from Pillow's decoder to the reduced image: measured, in bytes.
_PIXEL_BYTES = {"1": 2, "L": 1, "P": 9, "RGB": 4, "RGBA": 8, "CMYK": 8, "LA": 12}
_MOST_PIXEL_BYTES = 16  # 16 and 32 bits a channel; WebP, which is laid out twice beside the image
_COEFFICIENT_BYTES = 2  # a JPEG in several scans is held whole, in coefficients
_JPEG_SCANS = 50  # encoders write up to 20. Each is decoded over the whole image, and may have but 60 bytes
# After FF: no stuffed byte and no restart, which belong to a scan, and no fill byte (T.81, B.1.1).
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = {*range(0xC0), 0xD8}  # these have no length; where it restarts, libjpeg passes over what is below C0


class ImageError(Exception):
    """What came cannot be read as an image. `status` is the HTTP status that says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True)
class Picture:
    """An upright opaque image."""

    pixels: NDArray[np.uint8]  # (height, width, 3), RGB
    rotation: int  # degrees counter-clockwise by which EXIF asked to turn it
    size: tuple[int, int]  # width and height of the upright upload, in pixels

    @property
    def reduction(self) -> int:
        """How many of the upload's pixels in a row are one here; of the last in a row or column, fewer."""
        reduction: int = math.ceil(max(self.size) / max(self.pixels.shape[:2]))
        return reduction


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode the first frame, turn it upright, lay it on a background, reduce it to the working size.

    Raises ImageError: 413 over a limit, 415 not an image of FORMATS, 422 an image that is broken.
    """
    if not data:
        raise ImageError(422, "the image is empty")
    if len(data) > limits.image_bytes:
        raise ImageError(413, f"the image has more than {limits.image_bytes} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes and metadata; the limits here decide
            return _decode(data, limits)
    except Exception as error:  # Pillow's decoders raise whatever a broken file provokes
        refusal = _refusal(error, data)
    try:
        raise refusal  # out here: an error keeps the one it was raised from, and with it all that was decoded
    finally:
        del refusal  # of this frame, which it keeps: it would keep itself, and the upload


def _refusal(error: Exception, data: bytes) -> ImageError:
    if isinstance(error, ImageError):
        return ImageError(error.status, error.detail)
    if isinstance(error, UnidentifiedImageError) and not _begins_like_an_image(data):
        return ImageError(415, f"not an image of a kind that is read here: {', '.join(FORMATS)}")
    if isinstance(error, MemoryError):
        return ImageError(413, "the image takes more memory than one may")
    return ImageError(422, "the image is broken: it cannot be decoded")


def _begins_like_an_image(data: bytes) -> bool:
    """Tell whether it is of one of FORMATS, which may be broken behind its first bytes."""
    accepting = (Image.OPEN[form][1] for form in FORMATS)
    return any(accept is not None and accept(data[:16]) is True for accept in accepting)


def _decode(data: bytes, limits: Limits) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > limits.pixels:
            raise ImageError(413, f"the image has {width}×{height} pixels; the limit is {limits.pixels}")
        if (memory := _memory(image, data)) > limits.decoding_bytes:
            raise ImageError(413, f"an image of {width}×{height} pixels of this kind takes too much memory")
        np.empty(memory, np.uint8)  # untouched: where there is no room, libjpeg and libwebp call it broken
        if isinstance(image, JpegImageFile) and _has_too_many_scans(data):
            raise ImageError(422, f"the image has more than {_JPEG_SCANS} scans")
        if isinstance(image, TiffImageFile):
            _check_parts(image, len(data), limits)
        turned = _orientation(image) if isinstance(image, TiffImageFile) else 1  # by loading
        image.draft("RGB", _reduced_size(image))  # a JPEG is decoded at 1/2, 1/4 or 1/8, much faster
        opaque = _opaque(_reduced(_eight_bits(image)))
        orientation = _orientation(image)  # in others it may come behind the pixels
        rotation = _TURNS.get(orientation, 0)
    if orientation in _MIRRORED:
        opaque = opaque[:, ::-1]
    upright = np.ascontiguousarray(np.rot90(opaque, rotation // 90))
    size = (width, height) if rotation % 180 == 0 else (height, width)
    return Picture(upright, rotation or _TURNS.get(turned, 0), size)


def _orientation(image: Image.Image) -> Any:  # noqa: ANN401  whatever the file has there
    """Return what EXIF says; as if it said nothing where it is broken and the pixels are not."""
    for xmp in ("xmp", "XML:com.adobe.xmp"):  # where Pillow looks next, and no browser does
        image.info.pop(xmp, None)
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:
        if isinstance(error, ImageError | MemoryError):  # of the bounds on time and memory
            raise
        return 1


def _check_parts(tiff: TiffImageFile, size: int, limits: Limits) -> None:
    """Refuse a TIFF whose tiles or strips share their bytes, or lie mostly beside the image.

    libtiff decodes them all in one call, which cannot be interrupted: 24 tiles in 18 kB took half a second,
    and 84 kB may hold 350 times as many. `size` is the file's, in bytes. Raises ImageError, 413 or 422.
    """
    tags = tiff.tag_v2
    offsets, counts = (
        tags.get(tile, tags.get(strip, ()))
        for tile, strip in (
            (_TIFF.TileOffsets, _TIFF.StripOffsets),
            (_TIFF.TileByteCounts, _TIFF.StripByteCounts),
        )
    )
    whole = [size] * (len(offsets) - len(counts))  # libtiff takes what is not said for the rest of the file
    if sum(count or size for count in (*counts, *whole)) > size:
        raise ImageError(422, "the image is broken: its tiles or strips share their bytes")
    if _TIFF.TileWidth in tags:
        sides = zip(tiff.size, (tags[_TIFF.TileWidth], tags[_TIFF.TileLength]), strict=True)
        if math.prod(-(-side // of_tile) * of_tile for side, of_tile in sides) > limits.pixels:
            raise ImageError(413, f"the image's tiles have more than {limits.pixels} pixels")


def _memory(image: Image.Image, data: bytes) -> int:
    """Return about how many bytes decoding will take at once."""
    width, height = image.size
    if isinstance(image, JpegImageFile):  # it is reduced while it is decoded
        bands = len(image.getbands())
        several = "progressive" in image.info or _bands_of_first_scan(data) < bands
        whole = bands * _COEFFICIENT_BYTES if several else 0
    elif image.format == "WEBP":
        whole = _MOST_PIXEL_BYTES
    else:
        whole = _PIXEL_BYTES.get(image.mode, _MOST_PIXEL_BYTES)
    return width * height * whole


def _bands_of_first_scan(jpeg: bytes) -> int:
    return next((jpeg[place + 2] for code, place in _markers(jpeg) if code == _START_OF_SCAN), 0)


def _has_too_many_scans(jpeg: bytes) -> bool:
    if jpeg.count(b"\xff%c" % _START_OF_SCAN) <= _JPEG_SCANS:
        return False  # nearly all: their markers need not be gone through
    scans = (code for code, _ in _markers(jpeg) if code == _START_OF_SCAN)
    return next(islice(scans, _JPEG_SCANS, None), None) is not None


def _markers(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """Return each marker's code, and where its length stands, as libjpeg goes through them."""
    position = 0
    while marker := _MARKER.search(jpeg, position):
        code, position = marker[1][0], marker.end()
        yield code, position
        if code == _END_OF_IMAGE:
            return
        if code not in _ALONE:
            position += int.from_bytes(jpeg[position : position + 2])


def _eight_bits(image: Image.Image) -> Image.Image:
    """L or RGB, or RGBA where anything can be transparent."""
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits a pixel
        values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0, neginf=0)
        values -= values.min(initial=0)  # black is 0, or what is below it
        top = float(values.max(initial=0))
        if image.mode.startswith("I;16"):  # of which scanners and cameras may use 8, 10 or 12
            top = 2.0 ** int(top).bit_length() - 1
        values *= 255 / top if top > 0 else 0
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.format == "BMP" and image.mode == "RGBA" and not image.getchannel("A").getbbox():
        image = image.convert("RGB")  # its writer left the fourth byte 0, and means nothing by it
    mode = "RGBA" if image.has_transparency_data else "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode == mode else image.convert(mode)  # 12 megapixels are not copied for nothing


def _reduced(image: Image.Image) -> Image.Image:
    """Average whole blocks of pixels, as many as `LEAST_SIDE` allows."""
    factor = max(image.size) // LEAST_SIDE
    return image.reduce(factor) if factor > 1 else image


def _reduced_size(image: Image.Image) -> tuple[int, int]:
    width, height = (max(1, side * LEAST_SIDE // max(image.size)) for side in image.size)
    return width, height


def _opaque(image: Image.Image) -> NDArray[np.uint8]:
    """Lay a transparent image on paper that its strokes stand out from."""
    if image.mode == "RGB":
        return np.asarray(image)
    if image.mode == "L":
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
    pixels = np.asarray(image)
    alpha = cv2.extractChannel(pixels, 3).astype(np.uint8, copy=False)
    if alpha.min() == 255:  # so are a browser's drawings
        return cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB).astype(np.uint8, copy=False)
    laid = Image.new("RGB", image.size, _paper(pixels, alpha))
    laid.paste(image, mask=image.getchannel("A"))
    return np.asarray(laid)


def _paper(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> tuple[int, ...]:
    """Choose the paper's colour for (height, width, 4): white under dark strokes, black under light ones.

    Where most of it is opaque, in several colours, that holds the paper, and its middle colour goes on. One
    colour is a bold digit that was cropped closely.
    """
    middle = _middle(pixels, (alpha > (127 if alpha.max() > 127 else 0)).view(np.uint8))
    opaque = np.count_nonzero(alpha >= _OPAQUE)
    lowest, highest = ([colour + way * _APART for colour in middle] for way in (-1, 1))
    alike = cv2.countNonZero(cv2.inRange(pixels, (*lowest, _OPAQUE), (*highest, 255)))
    if opaque > 0.5 * alpha.size and opaque - alike > 0.001 * alpha.size:
        return middle
    return (255, 255, 255) if sum(middle) < 3 * 128 else (0, 0, 0)


def _middle(pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the median of red, green and blue where the mask is not 0."""
    upto = (cv2.calcHist([pixels], [channel], mask, [256], [0, 256]).cumsum() for channel in range(3))
    return tuple(int(np.searchsorted(count, count[-1] / 2)) for count in upto)
