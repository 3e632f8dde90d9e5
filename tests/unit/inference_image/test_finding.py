"""Which places are handed on, and in which order."""

import io
import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference_image.finding import find_digits
from inference_image.limits import Limits
from inference_image.model import Model
from inference_image.reading import Reading, read
from inference_image.sheets import within_border


def _seven(pen: ImageDraw.ImageDraw, at: tuple[int, int], size: int, ink: int = 0) -> None:
    left, top = at
    corners = [(left, top), (left + int(size * 0.7), top), (left + size // 4, top + size)]
    pen.line(corners, (ink,) * 3, size // 9, joint="curve")


def _two_bars(side: int) -> NDArray[np.uint8]:
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[20:40, 8] = pixels[20:40, -9] = 0
    return pixels


def test_all_the_ink_of_a_small_image_is_one_digit() -> None:
    [whole] = find_digits(_two_bars(64))
    assert whole.box == (8, 20, 48, 20)
    assert all(part.box[2] < 32 for part in find_digits(_two_bars(65)))


def test_of_many_digits_the_four_most_appealing_are_handed_on() -> None:
    image = Image.new("RGB", (400, 300), "white")
    for row in (30, 220):  # so far apart that they are no number
        for column in (30, 180, 330):
            _seven(ImageDraw.Draw(image), (column, row), 50)
    appeals = [found.appeal for found in find_digits(np.asarray(image))]
    assert len(appeals) == 4
    assert appeals == sorted(appeals, reverse=True)


def test_no_letter_of_a_word_is_seen_alone() -> None:
    image = Image.new("RGB", (500, 500), "white")
    ImageDraw.Draw(image).text((250, 250), "Hello", "black", ImageFont.load_default(90), anchor="mm")
    assert all(found.box[2] > found.box[3] for found in find_digits(np.asarray(image)))


def test_what_is_hopeless_beside_the_best_is_left_out() -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    _seven(ImageDraw.Draw(image), (150, 120), 100, 60)
    best, *others = find_digits(_photographed(_under(image, (0, 0, 400, 170), (0, 0, 80, 400))))
    assert best.box == pytest.approx((150, 120, 70, 100), abs=12)
    assert all(one.appeal > best.appeal - 8 for one in others)  # in odds, three thousand to one


def test_what_is_seen_in_several_ways_is_one_view() -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    corners = [(130, 120), (200, 120), (155, 220)]
    ImageDraw.Draw(image).line(corners, (30, 30, 30), 11, joint="curve")
    boxes = [one.box for one in find_digits(_photographed(_under(image, (100, 60, 200, 400))))]
    assert boxes[0] == pytest.approx((130, 115, 76, 107), abs=12)
    assert len(boxes) == len(set(boxes))


@pytest.mark.parametrize(("desk", "ink"), [(20, 90), (40, 150), (60, 150), (120, 150)])
def test_a_sheet_comes_after_what_is_written_on_it(desk: int, ink: int) -> None:
    image = Image.new("RGB", (400, 400), (desk,) * 3)
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((40, 60, 360, 340), 60, "white")
    _seven(pen, (180, 120), 150, ink)
    first, *_, sheet = find_digits(np.asarray(image))
    assert max(first.box[2:]) < 200
    assert sheet.box[2:] == pytest.approx((321, 281), abs=12)


@pytest.mark.parametrize("at", [(75, 65), (70, 200), (300, 290)])
def test_the_faint_digit_on_a_sheet_is_read_rather_than_what_lies_beside_the_sheet(
    at: tuple[int, int],
) -> None:
    image = Image.new("RGB", (400, 400), (120,) * 3)
    pen = ImageDraw.Draw(image)
    pen.polygon([(60, 50), (350, 70), (340, 350), (50, 330)], (235, 232, 225))
    pen.rectangle((5, 5, 40, 395), (200,) * 3)
    _seven(pen, at, 30, 170)
    photograph = Image.fromarray(_photographed(np.asarray(image, np.float64)))
    photograph.save(file := io.BytesIO(), "PNG")
    [reading] = read([file.getvalue()], Model.load(), Limits())
    assert isinstance(reading, Reading)
    assert reading.answer.predicted == 7
    assert reading.seen.box == pytest.approx((*at, 21, 30), abs=8)


def _shadowed(image: Image.Image, angle: float, at: float) -> NDArray[np.float64]:
    """Half the light is left behind the edge of a shadow; the rest falls off as well."""
    rows, columns = np.mgrid[0 : 1 : image.height * 1j, 0 : 1 : image.width * 1j]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    along = (along - along.min()) / np.ptp(along)
    light = (0.65 + 0.35 * along) * np.where(along > at, 0.5, 1)
    scene: NDArray[np.float64] = np.asarray(image) * light[..., None]
    return scene


def _photographed(scene: NDArray[np.float64]) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(0, 3, (*scene.shape[:2], 1))
    return (scene + grain).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("angle", [0.3, 0.8, 1.3, 3.6, 4.2, 5.0])
def test_a_faint_digit_near_the_edge_of_a_shadow_is_found(angle: float) -> None:
    image = Image.new("RGB", (480, 360), (220,) * 3)
    _seven(ImageDraw.Draw(image), (60, 60), 60, 190)
    found = find_digits(_photographed(_shadowed(image, angle, 0.35)))
    assert any(one.box == pytest.approx((60, 60, 42, 60), abs=10) for one in found)


@pytest.mark.parametrize("angle", [1.3, 5.0])
def test_it_is_found_on_a_sheet_on_an_even_desk_too(angle: float) -> None:
    image = Image.new("RGB", (480, 360), (220,) * 3)
    _seven(ImageDraw.Draw(image), (130, 110), 60, 195)
    scene = np.full((360, 480, 3), 30.0)
    sheet = slice(40, 320), slice(50, 430)
    scene[sheet] = _shadowed(image, angle, 0.5)[sheet]
    found = find_digits(_photographed(scene))
    assert any(one.box == pytest.approx((130, 110, 42, 60), abs=10) for one in found)


@pytest.mark.parametrize(("angle", "at"), [(0.3, 0.7), (0.6, 0.5), (0.9, 0.3), (0.9, 0.7), (1.2, 0.7)])
def test_on_a_blank_sheet_the_edge_of_a_shadow_is_no_stroke(angle: float, at: float) -> None:
    blank = Image.new("RGB", (400, 500), (230, 226, 215))
    assert not find_digits(_photographed(_shadowed(blank, angle, at)))


@pytest.mark.parametrize(("at", "ink"), [((40, 380), 208), ((300, 400), 208)])
def test_what_is_likelier_nothing_is_handed_on_all_the_same_if_it_is_a_stroke(
    at: tuple[int, int], ink: int
) -> None:
    image = Image.new("RGB", (400, 500), (230, 226, 215))
    _seven(ImageDraw.Draw(image), at, 60, ink)
    [found] = find_digits(_photographed(_shadowed(image, 0.9, 0.5)))
    assert found.appeal < 0
    assert found.box == pytest.approx((*at, 42, 60), abs=8)


def _under(image: Image.Image, *bars: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """Throw the shadows of bars, which leave half the light, with a soft edge."""
    light = np.ones((image.height, image.width))
    for left, top, right, bottom in bars:
        light[top:bottom, left:right] = 0.5
    scene: NDArray[np.float64] = np.asarray(image) * cv2.GaussianBlur(light, (0, 0), 4)[..., None]
    return scene


@pytest.mark.parametrize("bar", [(150, 0, 200, 170), (0, 140, 190, 200), (185, 130, 400, 210)])
def test_a_digit_that_the_shadow_of_a_hand_crosses_is_found(bar: tuple[int, int, int, int]) -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    _seven(ImageDraw.Draw(image), (150, 120), 100, 60)
    found = find_digits(_photographed(_under(image, bar)))
    assert any(one.box == pytest.approx((150, 120, 70, 100), abs=12) for one in found)


@pytest.mark.parametrize(
    "hand", [[(100, 60, 200, 400)], [(120, 0, 148, 260), (170, 0, 198, 240), (100, 200, 240, 400)]]
)
def test_what_is_written_in_colour_is_found_in_the_shadow_of_a_hand(
    hand: list[tuple[int, int, int, int]],
) -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    corners = [(130, 120), (200, 120), (155, 220)]
    ImageDraw.Draw(image).line(corners, (40, 60, 160), 11, joint="curve")
    found = find_digits(_photographed(_under(image, *hand)))
    assert any(one.box == pytest.approx((130, 120, 70, 100), abs=12) for one in found)


@pytest.mark.parametrize("strip", [6, 10])
@pytest.mark.parametrize(("at", "size"), [((160, 150), 40), ((150, 120), 60), ((200, 110), 50)])
def test_a_strip_of_a_dark_desk_does_not_hide_what_is_pale_in_the_shadow_of_a_hand(
    strip: int, at: tuple[int, int], size: int
) -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    _seven(ImageDraw.Draw(image), at, size, 170)
    scene = _under(image, (120, 0, 230, 400))
    scene[:, :strip] = scene[-strip:] = 12
    found = find_digits(_photographed(scene))
    assert any(one.box == pytest.approx((*at, 0.7 * size, size), abs=10) for one in found)


def _through_a_window(
    image: Image.Image, bar: int, pane: int, angle: int, shade: float
) -> NDArray[np.float64]:
    """Light a page through four panes between bars; beside them is shade."""
    light = np.full((image.height, image.width), shade)
    middle = image.width / 2, image.height / 2
    for across, down in itertools.product((-1, 1), repeat=2):
        left, top = (
            int(at + side * (pane + bar) / 2 - pane / 2)
            for at, side in zip(middle, (across, down), strict=True)
        )
        light[top : top + pane, left : left + pane] = 1
    turn = cv2.getRotationMatrix2D(middle, angle, 1)
    light = cv2.warpAffine(light, turn, (image.width, image.height), borderValue=(shade,))
    scene: NDArray[np.float64] = np.asarray(image) * cv2.GaussianBlur(light, (0, 0), 4)[..., None]
    return scene


@pytest.mark.parametrize(
    ("window", "ink", "at", "height"),
    [
        ((13, 112, 74, 0.73), (60, 60, 70), (176, 164), 51),
        ((13, 105, 66, 0.69), (120, 60, 150), (227, 144), 54),
        ((20, 127, 17, 0.84), (120, 60, 150), (172, 143), 46),
    ],
)
def test_what_the_shadow_of_a_windows_bars_crosses_is_found(
    window: tuple[int, int, int, float], ink: tuple[int, int, int], at: tuple[int, int], height: int
) -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    left, top = at
    corners = [(left, top), (left + 0.7 * height, top), (left + 0.25 * height, top + height)]
    ImageDraw.Draw(image).line(corners, ink, height // 10, joint="curve")
    found = find_digits(_photographed(_through_a_window(image, *window)))
    assert any(one.box == pytest.approx((*at, 0.7 * height, height), abs=18) for one in found)


def test_the_paper_between_strokes_is_no_digit() -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    corners = [(130, 120), (200, 120), (155, 220)]
    ImageDraw.Draw(image).line(corners, (190, 40, 40), 20, joint="curve")
    found = find_digits(_photographed(_under(image, (0, 0, 400, 170))))
    assert found
    assert not any(one.inverted for one in found)


@pytest.mark.parametrize("at", [(120, 110), (200, 140)])
@pytest.mark.parametrize("shade", [(0, 0, 0, 0), (170, 0, 400, 300)])
def test_what_is_written_on_a_sheet_on_a_checked_cloth_is_found_whatever_the_light(
    at: tuple[int, int], shade: tuple[int, int, int, int]
) -> None:
    rows, columns = np.mgrid[:300, :400] // 20 % 2
    cloth = np.array([[235, 235, 235], [200, 120, 120], [150, 30, 30]], np.uint8)[rows + columns]
    image = Image.fromarray(cloth)
    ImageDraw.Draw(image).polygon([(90, 70), (300, 50), (320, 230), (70, 250)], (215, 210, 200))
    _seven(ImageDraw.Draw(image), at, 50, 120)
    first, *_ = find_digits(_photographed(_under(image, shade)))
    assert first.box == pytest.approx((*at, 35, 50), abs=8)


def test_a_digit_that_nearly_reaches_the_edge_of_its_sheet_is_no_part_of_that() -> None:
    image = Image.new("RGB", (400, 400), (150, 100, 60))
    pen = ImageDraw.Draw(image)
    pen.rectangle((60, 50, 340, 350), (235, 232, 225))
    _seven(pen, (65, 120), 40, 110)
    found = find_digits(_photographed(np.asarray(image, np.float64)))
    assert any(one.box == pytest.approx((65, 120, 28, 40), abs=8) for one in found)


def test_half_of_a_digit_is_not_handed_on_where_the_other_half_lies_outside_a_patch_of_light() -> None:
    image = Image.new("RGB", (400, 400), (225, 222, 210))
    _seven(ImageDraw.Draw(image), (150, 120), 100, 60)
    found = find_digits(_photographed(_under(image, (0, 0, 400, 170), (0, 0, 80, 400))))
    assert found
    assert all(one.box == pytest.approx((150, 120, 70, 100), abs=12) for one in found)


@pytest.mark.parametrize(
    "line",
    [[(100, 300), (330, 240)], [(240, 110), (310, 220)]],
    ids=["long", "short"],
)
def test_a_digit_beside_a_pen_is_seen_without_it(line: list[tuple[int, int]]) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (140, 130), 90)
    pen.line(line, "black", 14)
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((140, 130, 63, 90), abs=8) for one in found)


@pytest.mark.parametrize("ink", [150, 200, 225])
def test_a_thin_and_pale_digit_beside_a_thick_pen_is_found(ink: int) -> None:
    image = Image.new("RGB", (400, 400), (250, 250, 250))
    pen = ImageDraw.Draw(image)
    pen.line([(110, 100), (170, 100), (130, 200)], (ink,) * 3, 4, joint="curve")
    pen.line([(250, 280), (420, 340)], (120, 70, 40), 24)
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((109, 98, 62, 103), abs=8) for one in found)


@pytest.mark.parametrize("ink", [150, 190, 215])
@pytest.mark.parametrize("top", [20, 120], ids=["beside", "within"])
def test_a_thin_and_pale_digit_in_or_beside_a_black_box_is_found(top: int, ink: int) -> None:
    image = Image.new("RGB", (300, 420), (250, 250, 250))
    pen = ImageDraw.Draw(image)
    pen.rectangle((90, 110, 290, 320), outline="black", width=4)
    pen.line([(150, top + 20), (190, top + 20), (165, top + 85)], (ink,) * 3, 3, joint="curve")
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((149, top + 18, 42, 68), abs=8) for one in found)


@pytest.mark.parametrize("dark", [0.2, 0.4])
def test_a_ring_of_strokes_that_are_nearly_too_wide_for_strokes_is_whole(dark: float) -> None:
    image = Image.new("RGB", (642, 642), "white")
    corners = [(220, 107), (335, 180), (365, 280), (340, 330), (335, 440), (290, 490), (215, 490)]
    around = [*corners, (150, 430), (110, 300), (140, 180), corners[0], (250, 125)]
    ImageDraw.Draw(image).line(around, (35, 70, 180), 52, joint="curve")
    rows, columns = np.mgrid[:642, :642]
    light = (0.95 - dark * columns / 642 - 0.1 * rows / 642)[..., None]
    first, *_ = find_digits((cv2.GaussianBlur(np.asarray(image), (0, 0), 1.5) * light).astype(np.uint8))
    paper = (np.pad(first.ink, 1) <= 127).astype(np.uint8)
    assert cv2.connectedComponents(paper, connectivity=4)[0] == 3  # around it, in it, and the ring


def test_no_piece_is_seen_alone_of_a_coarse_digit_that_reaches_the_edge() -> None:
    nine = ["0016b600", "006de910", "01bee600", "01cfe500", "005be700", "0003d810", "0003c810", "00018400"]
    levels = np.array([[int(level, 16) * 17 for level in row] for row in nine], np.uint8)
    pixels = levels.repeat(30, 0).repeat(30, 1)[..., None].repeat(3, 2)
    assert min(width for _, _, width, _ in (one.box for one in find_digits(pixels))) > 60


def test_a_pen_of_which_only_the_tip_is_in_the_picture_is_none_of_a_digit() -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (280, 130), 90)
    pen.line([(399, 110), (362, 205)], "black", 8)
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((280, 130, 63, 90), abs=8) for one in found)


def _turned_sheet(image: Image.Image, colour: str) -> None:
    """Lay a sheet on it that is turned by some 15°, from (110, 70) to (330, 290)."""
    ImageDraw.Draw(image).polygon([(110, 115), (285, 70), (330, 245), (155, 290)], colour)


@pytest.mark.parametrize(
    ("desk", "sheet"), [((60,) * 3, "khaki"), ((90, 60, 40), "white"), ((110,) * 3, "pink")]
)
def test_what_is_written_on_a_turned_note_is_read_rather_than_the_note(
    desk: tuple[int, ...], sheet: str
) -> None:
    image = Image.new("RGB", (440, 360), desk)
    _turned_sheet(image, sheet)
    _seven(ImageDraw.Draw(image), (190, 130), 90)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((190, 130, 63, 90), abs=10)


def test_a_black_canvas_in_a_light_page_is_searched_also_where_a_digit_encloses_much_of_it() -> None:
    image = Image.new("RGB", (640, 400), (245,) * 3)
    pen = ImageDraw.Draw(image)
    pen.rectangle((220, 90, 420, 290), "black")
    pen.ellipse((250, 110, 390, 270), outline="white", width=12)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((250, 110, 140, 160), abs=10)


@pytest.mark.parametrize("beside", ["band", "finger", "pen", "underline"])
def test_what_lies_beside_a_digit_is_none_of_it(beside: str) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (140, 160), 130)
    if beside == "band":
        pen.rectangle((0, 0, 400, 110), "navy")
    elif beside == "finger":
        pen.rounded_rectangle((270, 200, 420, 260), 30, (120, 70, 50))
    elif beside == "pen":
        pen.line([(280, 120), (340, 400)], (150, 20, 20), 26)
    else:
        pen.rectangle((130, 325, 250, 337), "black")
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((140, 160, 91, 130), abs=10)


def test_lines_of_print_near_a_digit_are_none_of_it() -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (180, 100), 130)
    for line in ((30, 240, 120, 262), (140, 274, 215, 296)):
        pen.rectangle(line, "black")
    assert any(
        found.box == pytest.approx((180, 100, 91, 130), abs=10) for found in find_digits(np.asarray(image))
    )


def test_a_stamp_of_which_the_rest_lies_outside_is_none_of_a_digit() -> None:
    image = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (120, 80), 120)
    pen.ellipse((-60, 70, 60, 190), outline="black", width=8)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((120, 80, 84, 120), abs=10)


def test_a_small_digit_is_found_far_behind_a_pen() -> None:
    image = Image.new("RGB", (640, 480), (228, 228, 224))
    pen = ImageDraw.Draw(image)
    _seven(pen, (560, 380), 50, 110)
    pen.line([(190, 110), (260, 350)], (30, 40, 110), 16)
    found = find_digits(_photographed(np.asarray(image)))
    assert any(one.box == pytest.approx((560, 380, 35, 50), abs=8) for one in found)


@pytest.mark.parametrize("at", [(250, 120), (300, 220), (190, 200)])
def test_a_pale_digit_beside_a_pen_that_comes_in_from_the_edge_is_found(at: tuple[int, int]) -> None:
    image = Image.new("RGB", (480, 360), (225, 222, 210))
    pen = ImageDraw.Draw(image)
    _seven(pen, at, 80, 185)
    pen.line([(60, 0), (160, 200)], (40, 40, 120), 14)
    found = find_digits(_photographed(np.asarray(image) * np.linspace(1, 0.6, 480)[None, :, None]))
    assert any(one.box == pytest.approx((*at, 56, 80), abs=12) for one in found)


@pytest.mark.parametrize(("start", "is_seen"), [((200, 60), False), ((200, 0), True)], ids=["pen", "cropped"])
def test_a_pen_on_a_photographed_page_is_no_1_and_a_closely_cropped_1_is(
    start: tuple[int, int], *, is_seen: bool
) -> None:
    image = Image.new("RGB", (300, 300), (225, 222, 210))
    ImageDraw.Draw(image).line([start, (130, 300)], (40, 40, 120), 22)
    found = find_digits(_photographed(_under(image, (0, 0, 300, 120))))
    assert any(one.box[3] > 200 and one.box[2] < 120 for one in found) == is_seen


@pytest.mark.parametrize("lean", [-8, -4, 4, 8])
def test_a_digit_in_a_small_box_that_leans_is_seen_without_it(lean: int) -> None:
    image = Image.new("RGB", (600, 600), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((250, 240, 330, 337), outline="black", width=5)
    _seven(pen, (270, 260), 57)
    turned = image.rotate(lean, fillcolor="white", resample=Image.Resampling.BICUBIC)
    assert all(found.box[3] == pytest.approx(57, abs=13) for found in find_digits(np.asarray(turned)))


@pytest.mark.parametrize("width", [2, 6])
@pytest.mark.parametrize(
    ("box", "lean"),
    [
        *(((131, 90, 300, 300), lean) for lean in (-3, 0, 3)),  # its left side is touched
        *(((90, 60, 330, 281), lean) for lean in (-3, 0, 3)),  # the digit stands on it
        ((100, 150, 200, 330), 0),  # two sides are crossed
    ],
)
def test_a_digit_that_touches_or_crosses_its_box_is_seen_without_it(
    box: tuple[int, ...], lean: int, width: int
) -> None:
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).rectangle(box, outline=(90,) * 3, width=width)
    image = image.rotate(lean, fillcolor="white", center=((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    _seven(ImageDraw.Draw(image), (140, 125), 155)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((140, 116, 108, 164), abs=18)


def test_a_digit_that_touches_a_row_of_boxes_is_seen_without_it() -> None:
    image = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(image)
    for left in range(30, 350, 80):
        pen.rectangle((left, 80, left + 80, 200), outline=(90,) * 3, width=2)
    _seven(pen, (112, 95), 104)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((112, 90, 72, 109), abs=12)


@pytest.mark.parametrize("shape", ["0", "8", "0 with a tail", "8 with a leaning bar"])
def test_a_digit_of_straight_strokes_is_no_box(shape: str) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((140, 100, 260, 300), outline="black", width=12)
    lines = {
        "8": [(140, 200), (260, 200)],
        "0 with a tail": [(140, 100), (180, 180)],
        "8 with a leaning bar": [(140, 230), (260, 160)],
    }
    pen.line(lines.get(shape, []), "black", 12)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((140, 100, 120, 200), abs=8)


@pytest.mark.parametrize("colour", ["black", (200, 200, 205), "firebrick"])
@pytest.mark.parametrize("depth", [1, 8])
def test_a_digit_that_touches_the_border_of_its_canvas_is_seen_without_it(
    colour: tuple[int, ...] | str, depth: int
) -> None:
    image = Image.new("RGB", (320, 300), "white")
    pen = ImageDraw.Draw(image)
    _seven(pen, (140, 4), 160)
    pen.rectangle((0, 0, 319, 299), outline=colour, width=depth)
    first, *others = find_digits(np.asarray(image))
    assert first.box == pytest.approx((140, 4, 112, 160), abs=12)
    assert not others


def test_one_border_may_lie_within_another() -> None:
    image = Image.new("RGB", (320, 300), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((5, 5, 314, 294), outline=(150,) * 3, width=6)
    _seven(pen, (140, 40), 160)
    rows, columns = within_border(np.asarray(image))
    assert (rows.start, columns.start) == (12, 12)
    assert (rows.stop, columns.stop) == (288, 308)


@pytest.mark.parametrize("margin", [1, 3, 5])
def test_a_digit_that_is_closely_cropped_has_no_border(margin: int) -> None:
    image = Image.new("RGB", (200, 240), "white")
    ImageDraw.Draw(image).ellipse((margin, margin, 199 - margin, 239 - margin), outline="black", width=12)
    assert within_border(np.asarray(image)) == (slice(0, 240), slice(0, 200))


def test_a_picture_without_a_border_is_searched_as_a_whole() -> None:
    image = Image.new("RGB", (320, 300), "white")
    ImageDraw.Draw(image).line([(150, 0), (150, 299)], "black", 12)
    assert within_border(np.asarray(image)) == (slice(0, 300), slice(0, 320))
    assert within_border(np.zeros((1, 100, 3), np.uint8)) == (slice(0, 1), slice(0, 100))


@pytest.mark.parametrize("at", [(200, 62), (60, 150)], ids=["above", "at the side"])
def test_the_rings_of_a_notebook_are_none_of_a_digit(at: tuple[int, int]) -> None:
    image = Image.new("RGB", (400, 400), (250, 250, 246))
    pen = ImageDraw.Draw(image)
    _seven(pen, at, 90)
    for place in range(20, 400, 40):
        across, down = (place, 22) if at[1] < 100 else (22, place)
        pen.ellipse((across - 7, down - 7, across + 7, down + 7), "dimgray")
        pen.line([(across, down), (across + 8, down - 16)], "gray", 4)
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((*at, 63, 90), abs=10) for one in found)


def test_a_dark_digit_beside_a_light_pen_on_brown_paper_is_found() -> None:
    image = Image.new("RGB", (400, 400), (158, 122, 90))
    pen = ImageDraw.Draw(image)
    _seven(pen, (100, 150), 90, 50)
    pen.line([(250, 200), (310, 0)], (190, 160, 220), 14)
    found = find_digits(np.asarray(image))
    assert any(one.box == pytest.approx((100, 150, 63, 90), abs=10) for one in found)


def test_the_digits_of_a_number_stay_together_whatever_the_pen() -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(120, 120), (110, 260)], "black", 4)
    _seven(pen, (160, 120), 140)
    assert all(found.box[2] > 120 for found in find_digits(np.asarray(image)))


def test_the_lowest_stroke_of_a_digit_in_pieces_is_no_line_under_it() -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.arc((120, 60, 260, 200), 180, 30, "black", 16)
    pen.line([(225, 185), (150, 236)], "black", 16)
    pen.rectangle((130, 252, 260, 268), "black")
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((120, 60, 141, 209), abs=10)


def test_a_digit_in_a_comb_of_boxes_is_found_and_the_comb_is_not() -> None:
    image = Image.new("RGB", (600, 150), "white")
    pen = ImageDraw.Draw(image)
    for left in range(60, 540, 80):
        pen.rectangle((left, 35, left + 80, 115), outline="black", width=2)
    _seven(pen, (240, 50), 52)
    boxes = [found.box for found in find_digits(np.asarray(image))]
    assert boxes[0] == pytest.approx((240, 50, 36, 52), abs=8)
    assert all(width < 200 for _, _, width, _ in boxes)


@pytest.mark.parametrize(
    ("lines", "size", "ink"), [("row", 70, 150), ("comb", 100, 90), ("grid", 100, 90), ("corner", 100, 90)]
)
def test_what_stands_in_a_table_comes_before_the_lines_of_it(lines: str, size: int, ink: int) -> None:
    image = Image.new("RGB", (500, 400), "white")
    pen = ImageDraw.Draw(image)
    across = {"row": (80, 240), "comb": (240,), "grid": (80, 240), "corner": (240,)}[lines]
    down = {"row": (120, 300), "comb": range(-60, 500, 180), "grid": (120, 300), "corner": (120,)}[lines]
    for y in across:
        pen.line((0, y, 500, y + 8), "black", 3)  # as nobody lays paper quite straight
    for x in down:
        pen.line((x, 80 if lines in {"row", "comb"} else 0, x, 400 if lines == "grid" else 244), "black", 3)
    _seven(pen, (180, 110), size, ink)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((180, 110, 0.7 * size, size), abs=12)


@pytest.mark.parametrize("rise", [-8, 0, 8])
@pytest.mark.parametrize("into", [-2, 0, 10])  # pixels below the line does the digit end
def test_a_digit_on_a_printed_line_is_seen_without_it(rise: int, into: int) -> None:
    image = Image.new("RGB", (500, 300), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(40, 200 + rise), (440, 200 - rise)], "black", 3)
    _seven(pen, (200, 104 + into), 96)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((196, 100 + into, 78, 104), abs=8)


@pytest.mark.parametrize(("start", "into"), [(40, 45), (196, 10)])
def test_a_line_that_runs_through_a_digit_or_begins_under_it_is_none_of_it(start: int, into: int) -> None:
    image = Image.new("RGB", (500, 300), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(start, 200), (440, 200)], "black", 3)
    _seven(pen, (200, 104 + into), 96)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((196, 100 + into, 78, 104), abs=8)


@pytest.mark.parametrize("across", [(), (210,), (100, 210, 320)])
@pytest.mark.parametrize("down", [(), (215,), (65, 215, 365)])
def test_a_digit_that_lines_cross_from_edge_to_edge_is_seen_without_them(
    across: tuple[int, ...], down: tuple[int, ...]
) -> None:
    image = Image.new("RGB", (500, 400), "white")
    pen = ImageDraw.Draw(image)
    for y in across:
        pen.line([(0, y - 5), (499, y + 5)], "black", 3)
    for x in down:
        pen.line([(x + 4, 0), (x - 4, 399)], "black", 3)
    _seven(pen, (180, 160), 96)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((176, 156, 78, 104), abs=12)


def test_bars_between_lines_are_not_seen_without_those() -> None:
    image = Image.new("RGB", (500, 400), "white")
    pen = ImageDraw.Draw(image)
    for y in (120, 280):
        pen.line([(0, y + 8), (499, y - 8)], "black", 3)
    for x in (130, 300):
        pen.line([(x, 124), (x + 6, 284)], "black", 3)
    assert all(found.box[2] > 300 for found in find_digits(np.asarray(image)))


def test_a_foot_that_runs_on_to_one_side_is_no_short_line() -> None:
    image = Image.new("RGB", (900, 500), "white")
    two = [(200, 100), (240, 80), (260, 110), (190, 220), (420, 220)]
    ImageDraw.Draw(image).line(two, "black", 7, joint="curve")
    [whole] = find_digits(np.asarray(image))
    assert whole.box == pytest.approx((190, 80, 230, 140), abs=12)


def test_a_digit_on_a_short_line_is_seen_without_it() -> None:
    image = Image.new("RGB", (800, 600), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(180, 200), (360, 202)], "black", 6)
    _seven(pen, (230, 104), 96)
    first, *_ = find_digits(np.asarray(image))
    assert first.box == pytest.approx((226, 100, 78, 104), abs=8)


def test_a_digit_that_touches_a_comb_is_seen_without_it() -> None:
    image = Image.new("RGB", (500, 300), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(40, 200), (440, 200)], "black", 3)
    for tick in (40, 140, 240, 340, 440):
        pen.line([(tick, 200), (tick, 150)], "black", 3)
    _seven(pen, (160, 104), 96)
    first, *others = find_digits(np.asarray(image))
    assert first.box == pytest.approx((156, 100, 78, 104), abs=8)
    assert others == []


@pytest.mark.parametrize(
    "mark",
    ["7 with a long bar", "2 with a long foot", "an arrow", "a long arrow", "the longest", "two heads"],
)
def test_a_stroke_that_is_straight_and_long_is_no_printed_line(mark: str) -> None:
    lines = {
        "7 with a long bar": [[(150, 80), (270, 80), (230, 220)]],
        "2 with a long foot": [[(200, 100), (240, 80), (260, 110), (190, 220), (330, 220)]],
        "an arrow": [[(190, 150), (310, 150)], [(280, 120), (310, 150), (280, 180)]],
        "a long arrow": [[(60, 150), (410, 152)], [(340, 112), (410, 152), (350, 200)]],
        "the longest": [[(0, 150), (499, 152)], [(429, 112), (499, 152), (439, 200)]],
        "two heads": [
            [(60, 150), (410, 152)],
            *([(x, 110), (tip, 151), (x, 190)] for x, tip in ((120, 60), (350, 410))),
        ],
    }
    image = Image.new("RGB", (500, 300), "white")
    for line in lines[mark]:
        ImageDraw.Draw(image).line(line, "black", 9, joint="curve")
    [whole] = find_digits(np.asarray(image))
    corners = np.concatenate(lines[mark])
    assert whole.box == pytest.approx((*corners.min(0), *np.ptp(corners, 0)), abs=12)


def test_the_ring_around_a_digit_is_no_view_and_the_outline_of_one_is() -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((80, 80, 320, 320), outline="black", width=10)
    _seven(pen, (155, 130), 140)
    [seven] = find_digits(np.asarray(image))
    assert seven.box == pytest.approx((155, 130, 98, 140), abs=10)
    pen.rectangle((100, 100, 300, 300), "white")
    pen.ellipse((160, 150, 240, 250), outline="black", width=10)  # the inner line of a 0
    assert max(found.box[2] for found in find_digits(np.asarray(image))) == pytest.approx(240, abs=10)


@pytest.mark.parametrize("mark", ["dot", "box", "border", "margin"])
def test_what_is_no_digit_by_its_shape_is_not_handed_on(mark: str) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    if mark == "dot":
        pen.ellipse((150, 200, 180, 230), "black")
    elif mark == "margin":
        pen.line([(70, 0), (110, 399)], (220, 80, 90), 3)
    else:
        inset = 5 if mark == "border" else 110
        pen.rectangle((inset, inset, 399 - inset, 399 - inset), outline="black", width=6)
    assert not find_digits(np.asarray(image))
