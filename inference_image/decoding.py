"""From the bytes that came to pixels: decided by the content, bounded before it is decoded."""

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from inference_image.limits import Limits

__all__ = ["FORMATS", "ImageError", "Limits", "Picture", "decode"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
WORKING_SIDE = 512  # pixels; longer images are reduced: a digit of a tenth of the side keeps 50 pixels
_TURNS = {3: 180, 4: 180, 5: 90, 6: 270, 7: 270, 8: 90}  # EXIF orientation -> degrees counter-clockwise
_MIRRORED = {2, 4, 5, 7}
_OPAQUE = 250  # of 255


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
    reduction: float  # pixels of the upload for each pixel here, at least 1


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode the first frame, turn it upright, lay it on a background, reduce it to the working size.

    Raises ImageError: 413 over a limit, 415 not an image of FORMATS, 422 an image that is broken.
    """
    if not data:
        raise ImageError(422, "the image is empty")
    if len(data) > limits.image_bytes:
        raise ImageError(413, f"the image has {len(data)} bytes; the limit is {limits.image_bytes}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of sizes and metadata; the limits here decide
        try:
            return _decode(data, limits)
        except ImageError:
            raise
        except UnidentifiedImageError:
            raise ImageError(415, f"not an image; accepted are {', '.join(FORMATS)}") from None
        except Exception as error:  # Pillow's decoders raise whatever a broken file provokes
            raise ImageError(422, f"the image is broken ({type(error).__name__})") from error


def _decode(data: bytes, limits: Limits) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > limits.pixels:
            raise ImageError(413, f"the image has {width}×{height} pixels; the limit is {limits.pixels}")
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # a JPEG is decoded at 1/2, 1/4 or 1/8, much faster
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        rotation = _TURNS.get(orientation, 0)
        opaque = _opaque(_reduced(_eight_bits(image)))
    if orientation in _MIRRORED:
        opaque = opaque[:, ::-1]
    upright = np.ascontiguousarray(np.rot90(opaque, rotation // 90))
    return Picture(upright, rotation, max(1.0, max(width, height) / max(upright.shape[:2])))


def _eight_bits(image: Image.Image) -> Image.Image:
    """L or RGB, or RGBA where anything can be transparent."""
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits a pixel
        values = np.nan_to_num(np.asarray(image, dtype=np.float32))
        top = 65535.0 if image.mode.startswith("I;16") else float(values.max(initial=0))
        values = values * (255 / top) if top > 0 else values
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data or image.mode in {"La", "RGBa"}:
        mode = "RGBA"
    else:
        mode = "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode == mode else image.convert(mode)  # 12 megapixels are not copied for nothing


def _reduced(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    if longest <= WORKING_SIDE:
        return image
    width, height = (max(1, round(side * WORKING_SIDE / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)


def _opaque(image: Image.Image) -> NDArray[np.uint8]:
    """Lay a transparent image on paper that its strokes stand out from."""
    if image.mode != "RGBA":
        return np.asarray(image.convert("RGB"))
    laid = Image.new("RGB", image.size, _paper(np.asarray(image)))
    laid.paste(image, mask=image.getchannel("A"))
    return np.asarray(laid)


def _paper(pixels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Choose the paper's colour for (height, width, 4): white under dark strokes, black under light ones.

    Where most of it is opaque the opaque part already holds the paper, and its middle colour goes on.
    """
    alpha = pixels[..., 3]
    middle = _middle(pixels, (alpha > (127 if alpha.max() > 127 else 0)).astype(np.uint8))
    if (alpha >= _OPAQUE).mean() > 0.5:
        return middle
    return (255, 255, 255) if sum(middle) < 3 * 128 else (0, 0, 0)


def _middle(pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the median of red, green and blue where the mask is not 0."""
    upto = (cv2.calcHist([pixels], [channel], mask, [256], [0, 256]).cumsum() for channel in range(3))
    return tuple(int(np.searchsorted(count, count[-1] / 2)) for count in upto)
