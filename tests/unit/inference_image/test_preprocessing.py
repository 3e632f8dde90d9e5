"""What may be done to an image without changing what the network sees of it."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw

from inference_image.limits import Limits
from inference_image.preprocessing import THINNEST, preprocess

Pixels = NDArray[np.uint8]


def _seven(side: int = 200, at: tuple[int, int] = (60, 40), size: int = 100, pen: int = 12) -> Image.Image:
    """Draw a black 7 on white."""
    image = Image.new("RGB", (side, side), "white")
    left, top = at
    corners = [(left, top), (left + int(size * 0.7), top), (left + int(size * 0.25), top + size)]
    ImageDraw.Draw(image).line(corners, "black", pen, joint="curve")
    return image


def _file(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _seen(image: Image.Image, form: str = "PNG", **options: object) -> Pixels:
    return preprocess(_file(image, form, **options))[0].pixels


def _alike(one: Pixels, other: Pixels) -> float:
    """Correlation of two slightly blurred images: 1 is equal, different digits are below 0.7."""
    first, second = (cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1).ravel() for image in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


SEVEN = _seen(_seven())
FORMS = {
    "F": "TIFF",
    "I": "TIFF",
    "LAB": "TIFF",
    "CMYK": "JPEG",
    "YCbCr": "JPEG",
}  # mode: a format that has it


def test_the_result_has_mnists_form() -> None:
    rows, columns = np.nonzero(SEVEN > 20)
    assert SEVEN.shape == (28, 28)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in {19, 20}
    centre = np.array([np.average(np.indices((28, 28))[axis], weights=SEVEN) for axis in (0, 1)])
    assert np.abs(centre - 14).max() <= 0.75


def test_an_image_in_mnists_form_comes_through_as_it_is() -> None:
    once = _seen(Image.fromarray(SEVEN))
    assert np.abs(once.astype(int) - SEVEN).max() <= 4


@settings(deadline=None, max_examples=25)
@given(left=st.integers(5, 120), top=st.integers(5, 90))
def test_shifting_changes_nothing(left: int, top: int) -> None:
    assert _alike(_seen(_seven(at=(left, top))), SEVEN) > 0.97


@settings(deadline=None, max_examples=20)
@given(side=st.integers(70, 1200))
def test_scaling_changes_next_to_nothing(side: int) -> None:
    # Not 0.9: a stroke of an even number of pixels is measured one too thin, so a thin one may grow by that.
    assert _alike(_seen(_seven().resize((side, side), Image.Resampling.BICUBIC)), SEVEN) > 0.8


@settings(deadline=None, max_examples=25)
@given(ink=st.tuples(*[st.integers(0, 255)] * 3), paper=st.tuples(*[st.integers(0, 255)] * 3))
def test_any_two_colours_that_can_be_told_apart_do(ink: tuple[int, ...], paper: tuple[int, ...]) -> None:
    if np.linalg.norm(np.subtract(ink, paper)) < 60:
        return
    cover = 1 - np.asarray(_seven()).astype(float) / 255
    image = np.asarray(paper) * (1 - cover) + np.asarray(ink) * cover
    assert _alike(_seen(Image.fromarray(np.rint(image).astype(np.uint8))), SEVEN) > 0.97


def test_inverting_changes_the_polarity_and_nothing_else() -> None:
    [inverted] = preprocess(_file(Image.fromarray(255 - np.asarray(_seven()))))
    assert inverted.inverted
    assert not preprocess(_file(_seven()))[0].inverted
    assert _alike(inverted.pixels, SEVEN) > 0.99


@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {"quality": 60}), ("WEBP", {"quality": 60}), ("GIF", {}), ("BMP", {}), ("TIFF", {})],
)
def test_encoding_changes_next_to_nothing(form: str, options: dict[str, object]) -> None:
    assert _alike(_seen(_seven(), form, **options), SEVEN) > 0.98


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int, form: str) -> None:
    undone_by = {
        2: 0,
        3: 3,
        4: 1,
        5: 5,
        6: 2,
        7: 6,
        8: 4,
    }  # orientation: Pillow's transposition that makes it
    stored = _seven()
    if orientation in undone_by:
        stored = stored.transpose(Image.Transpose(undone_by[orientation]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    assert _alike(_seen(stored, form, quality=90, exif=exif), SEVEN) > 0.98


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"]
)
def test_every_mode_is_read(mode: str) -> None:
    image = _seven()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "LAB":
        image = Image.merge("LAB", (image.convert("L"), *[Image.new("L", image.size, 128)] * 2))
    else:
        image = image.convert(mode)
    assert _alike(_seen(image, FORMS.get(mode, "PNG")), SEVEN) > 0.97


@pytest.mark.parametrize("ink", [0, 255])
def test_strokes_on_nothing_are_ink_whatever_their_colour(ink: int) -> None:
    strokes = Image.fromarray(255 - np.asarray(_seven().convert("L")))
    colour = Image.new("L", strokes.size, ink)
    assert _alike(_seen(Image.merge("RGBA", (colour, colour, colour, strokes))), SEVEN) > 0.98


def test_what_is_under_alpha_0_is_not_seen() -> None:
    image = _seven().convert("RGBA")
    ImageDraw.Draw(image).rectangle((10, 150, 190, 190), (255, 0, 0, 0))
    assert _alike(_seen(image), SEVEN) > 0.98


@pytest.mark.parametrize("pen", [2, 5, 12, 24])
def test_any_pen_leaves_a_digit_of_mnists_strokes(pen: int) -> None:
    seen = _seen(_seven(pen=pen))
    assert seen.max() > 200
    assert _alike(seen, SEVEN) > 0.75


@pytest.mark.parametrize("colour", ["white", "black", "red", (120, 130, 125)])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (28, 28), (1, 3000), (3000, 1), (640, 480)])
def test_a_solid_image_has_no_ink(colour: str, size: tuple[int, int]) -> None:
    [seen] = preprocess(_file(Image.new("RGB", size, colour)))
    assert not seen.pixels.any()
    assert (seen.box, seen.scale, seen.stroke_width) == (None, None, None)


def test_specks_are_not_part_of_the_digit() -> None:
    image = _seven()
    pen = ImageDraw.Draw(image)
    for at in ((5, 5), (190, 8), (8, 190), (180, 180)):
        pen.point([(at[0] + across, at[1]) for across in range(2)], "black")
    assert _alike(_seen(image), SEVEN) > 0.97


def test_a_forms_box_is_not_part_of_the_digit() -> None:
    image = _seven()
    ImageDraw.Draw(image).rectangle((30, 15, 170, 165), outline="black", width=2)
    assert _alike(_seen(image), SEVEN) > 0.97


def test_light_that_falls_off_and_a_shadow_are_not_ink() -> None:
    image = np.asarray(_seven(side=400, at=(150, 120), size=160, pen=19)).astype(np.float32)
    light = np.linspace(1, 0.5, 400)[None, :, None] * np.where(np.arange(400) < 90, 0.6, 1)[:, None, None]
    assert _alike(_seen(Image.fromarray((image * light * 0.9).astype(np.uint8))), SEVEN) > 0.9


def test_a_sheet_on_an_even_desk_is_not_the_digit() -> None:
    image = Image.new("RGB", (400, 400), (60, 45, 35))
    image.paste(_seven(side=360, at=(140, 100), size=150, pen=17), (20, 20))
    seen = preprocess(_file(image))[0]
    assert not seen.inverted
    assert _alike(seen.pixels, SEVEN) > 0.9


@pytest.mark.parametrize("ink", [0, 110])
@pytest.mark.parametrize("black", [0, 12, 24])
def test_a_sheet_on_black_is_paper_all_the_same(black: int, ink: int) -> None:
    image = np.asarray(_seven(side=240, at=(85, 65), size=100, pen=12))
    sheet = np.where(image < 128, ink, 235).astype(np.uint8)
    whole = Image.fromarray(np.pad(sheet, ((130, 130), (110, 110), (0, 0)), constant_values=black))
    for form in ("PNG", "JPEG"):
        seen = preprocess(_file(whole, form))[0]
        assert not seen.inverted
        assert _alike(seen.pixels, SEVEN) > 0.9


@pytest.mark.parametrize("frame", [2, 5, 20])
def test_a_black_canvas_in_a_white_frame_has_light_ink(frame: int) -> None:
    canvas = np.asarray(_seven(side=280, at=(105, 75), size=130, pen=15))
    whole = Image.fromarray(np.pad(255 - canvas, ((frame,), (frame,), (0,)), constant_values=255))
    seen = preprocess(_file(whole))[0]
    assert seen.inverted
    assert _alike(seen.pixels, SEVEN) > 0.9


def test_the_lines_of_an_outlined_digit_are_seen_together_and_never_alone() -> None:
    image = Image.new("RGB", (300, 300), "white")
    for box in ((80, 40, 220, 260), (130, 90, 170, 210)):
        ImageDraw.Draw(image).ellipse(box, outline="black", width=9)
    [seen] = preprocess(_file(image))
    assert seen.box == pytest.approx((80, 40, 141, 221), abs=4)


def test_ruled_lines_are_not_part_of_a_digit_that_is_darker() -> None:
    image = np.asarray(_seven(side=400, at=(150, 115), size=160, pen=19)).copy()
    for row in range(20, 400, 40):
        image[row : row + 2] = np.minimum(image[row : row + 2], [185, 200, 225])
    light = np.linspace(1, 0.6, 400)[None, :, None]
    assert _alike(_seen(Image.fromarray((image * light).astype(np.uint8))), SEVEN) > 0.9


@pytest.mark.parametrize("grain", [0, 2, 6])
def test_blank_paper_under_light_that_falls_off_has_no_ink(grain: int) -> None:
    light = np.linspace(1, 0.6, 400)[None, :, None] * np.full((300, 400, 3), 225.0)
    noisy = light + np.random.default_rng(0).normal(0, grain, (300, 400, 3))
    assert not _seen(Image.fromarray(noisy.clip(0, 255).astype(np.uint8))).any()


def test_an_animation_is_its_first_frame() -> None:
    blank = Image.new("RGB", (200, 200), "white")
    assert _alike(_seen(_seven(), "GIF", save_all=True, append_images=[blank]), SEVEN) > 0.98


def test_a_pen_too_thin_to_be_seen_in_the_result_is_said_to_be_thickened() -> None:
    thin, thick = preprocess(_file(_seven(pen=1)))[0], preprocess(_file(_seven(pen=12)))[0]
    assert (thin.thickened, thick.thickened) == (True, False)


@pytest.mark.parametrize("pen", [1, 5, 9, 10, 11, 12])
def test_a_digit_is_thickened_where_a_pixel_or_more_is_missing(pen: int) -> None:
    seen = preprocess(_file(_seven(pen=pen)))[0]
    assert seen.scale is not None
    assert seen.stroke_width is not None
    assert seen.thickened == (THINNEST / seen.scale - seen.stroke_width >= 1)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(28, 28), (1201, 28), (28, 1201), (1500, 1001), (1999, 1500), (1202, 1201)])
def test_the_box_of_a_digit_at_the_edge_ends_there_and_not_beyond(form: str, size: tuple[int, int]) -> None:
    image, (width, height), middle = Image.new("RGB", size, "white"), size, max(size) // 2
    stroke = [(middle, 0), (middle, min(size))]  # across the shorter side
    pen = max(2, min(size) // 12)
    ImageDraw.Draw(image).line(stroke if width >= height else [at[::-1] for at in stroke], "black", pen)
    box = preprocess(_file(image, form))[0].box
    assert box is not None
    right, bottom = box[0] + box[2], box[1] + box[3]
    assert min(size) == (bottom if width >= height else right)
    assert max(size) > (right if width >= height else bottom)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_box_is_that_of_the_upright_image(form: str) -> None:
    wide = Image.new("RGB", (600, 300), "white")
    wide.paste(_seven(), (400, 100))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    stored = wide.transpose(Image.Transpose.ROTATE_90)
    turned = preprocess(_file(stored, form, exif=exif))[0].box
    assert turned is not None
    assert turned == pytest.approx(preprocess(_file(wide))[0].box, abs=2)


def test_what_was_done_is_told_in_the_uploads_pixels() -> None:
    [seen] = preprocess(_file(_seven().resize((2000, 2000))), Limits())
    assert seen.box is not None
    assert seen.box == pytest.approx((540, 340, 820, 1120), abs=80)
    assert seen.scale == pytest.approx(20 / max(seen.box[2:]), rel=0.02)
    assert seen.stroke_width == pytest.approx(120, rel=0.25)
