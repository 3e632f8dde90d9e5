"""The pad: strokes in, one answer for each pause, and only the last version of a drawing kept."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import CDPSession, Page, Request, expect

from tests.browser.api_double import ApiDouble, answer
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.gestures import FOUR, SEVEN, ZERO, draw, hold, visit, wait_until_sent

EXPORT_SIDE = 448
UPLOAD = "/classifications"


@pytest.fixture(autouse=True)
def opened(page: Page, api: ApiDouble) -> None:
    api.connect(page)
    visit(page, "/")


Grey = NDArray[np.uint8]  # (448, 448), 255 is white


def drawn(request: Request) -> Grey:
    """Return the image that was sent."""
    return np.asarray(Image.open(io.BytesIO(request.post_data_buffer or b"")).convert("L"))


def ink(image: Grey) -> int:
    """Count the dark pixels."""
    return int((image < 128).sum())


def shade(image: Grey, x: float, y: float) -> int:
    """Return the pixel at a place that is given as shares of the side."""
    return int(image[round(y * EXPORT_SIDE), round(x * EXPORT_SIDE)])


def test_an_answer_follows_a_pause_without_a_button(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert len(api.calls("POST", UPLOAD)) == 1


def test_a_drawing_is_sent_as_png_with_a_token_and_a_key_of_its_own(page: Page, api: ApiDouble) -> None:
    for _ in range(2):
        draw(page, SEVEN)
        expect(page.get_by_text("Read as a 7.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
        expect(
            page.get_by_text("The answer appears here when you pause.").filter(visible=True)
        ).to_be_visible()
    first, second = api.calls("POST", UPLOAD)
    assert first.headers["content-type"] == "image/png"
    assert first.headers["authorization"].startswith("Bearer ")
    assert first.headers["authorization"] == second.headers["authorization"]
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_the_image_is_the_ink_on_plain_paper(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    image = drawn(api.calls("POST", UPLOAD)[0])
    assert image.shape == (EXPORT_SIDE, EXPORT_SIDE)
    assert shade(image, 0.5, 0.25) < 64  # the top bar of the 7
    assert (image[300:, :100] == 255).all()  # no squares of the paper


@pytest.mark.parametrize("device", [{**DESKTOP, "color_scheme": "dark"}])
def test_on_a_dark_screen_the_image_is_light_on_dark_as_it_is_seen(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    image = drawn(api.calls("POST", UPLOAD)[0])
    assert shade(image, 0.01, 0.01) < 64
    assert shade(image, 0.5, 0.25) > 192


@pytest.mark.parametrize("device", [{**DESKTOP, "device_scale_factor": 2}])
def test_the_pad_is_sharp_on_a_high_density_screen(page: Page) -> None:
    draw(page, SEVEN)
    canvas = page.locator("canvas")
    assert canvas.evaluate("pad => pad.width / pad.clientWidth") == 2


def test_the_pad_is_sharp_after_zooming_in(page: Page) -> None:
    draw(page, SEVEN)
    canvas = page.locator("canvas")
    width = canvas.evaluate("pad => pad.clientWidth")
    zoomed = {"width": 1000, "height": 800, "deviceScaleFactor": 2, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", zoomed)
    expect(canvas).to_have_js_property("width", 2 * width)
    assert canvas.evaluate("pad => pad.clientWidth") == width  # its size is no sign of it


@pytest.mark.parametrize("device", [{"viewport": {"width": 640, "height": 360}}])
def test_the_pad_is_whole_on_a_screen_that_is_not_high(page: Page) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    assert box["height"] == pytest.approx(box["width"])
    assert box["height"] < 360 - 64


def test_a_wider_brush_leaves_more_ink(page: Page, api: ApiDouble) -> None:
    for width in ["0.03", "0.1"]:
        page.get_by_role("slider", name="Pen").fill(width)
        draw(page, SEVEN)
        expect(page.get_by_text("Read as a 7.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
    thin, wide = map(drawn, api.calls("POST", UPLOAD))
    assert ink(wide) > 2 * ink(thin)


def test_the_pen_is_as_wide_as_its_slider_says_when_the_browser_goes_back(page: Page, api: ApiDouble) -> None:
    page.get_by_role("slider", name="Pen").fill("0.12")
    page.goto("/robots.txt")
    page.go_back()
    expect(page.get_by_role("slider", name="Pen")).to_have_value("0.12")
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.get_by_role("slider", name="Pen").fill("0.06")
    page.get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    wait_until_sent(page, lambda: len(api.calls("POST", UPLOAD)) == 2)
    wide, narrow = (ink(drawn(request)) for request in api.calls("POST", UPLOAD))
    assert wide > 1.5 * narrow


def test_how_wide_the_pen_is_can_be_heard(page: Page) -> None:
    pen = page.get_by_role("slider", name="Pen")
    pen.focus()
    expect(pen).to_have_attribute("aria-valuetext", "6.0% of the surface")
    pen.press("ArrowRight")
    expect(pen).to_have_attribute("aria-valuetext", "6.5% of the surface")


def test_a_tap_leaves_a_dot(page: Page, api: ApiDouble) -> None:
    draw(page, [[(0.5, 0.5)]])
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    image = drawn(api.calls("POST", UPLOAD)[0])
    assert shade(image, 0.5, 0.5) < 64


def test_undo_takes_back_the_last_stroke_and_also_a_clearing(page: Page, api: ApiDouble) -> None:
    api.next_answers = [answer(4), answer(1)]
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Read as a 1.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The answer appears here when you pause.").filter(visible=True)).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Read as a 1.")).to_be_visible()
    both, one = map(drawn, api.calls("POST", UPLOAD))  # what is brought back has its answer
    assert ink(one) < ink(both)


def test_undoing_back_over_several_drawings_sends_none_of_them_again(page: Page, api: ApiDouble) -> None:
    api.next_answers = [answer(7), answer(0)]
    for digit, strokes in ((7, SEVEN), (0, ZERO)):
        draw(page, strokes)
        expect(page.get_by_text(f"Read as a {digit}.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert len(api.calls("POST", UPLOAD)) == 2


def test_a_drawing_that_is_brought_back_and_changed_replaces_what_it_was(page: Page, api: ApiDouble) -> None:
    api.next_answers = [answer(1), answer(4)]
    draw(page, FOUR[:1])
    expect(page.get_by_text("Read as a 1.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    page.keyboard.press("Control+z")
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        draw(page, FOUR[1:])
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    assert [record["predicted"] for record in api.records.values()] == [4]


def test_a_drawing_that_was_deleted_meanwhile_is_brought_back_without_an_answer(
    page: Page, api: ApiDouble
) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    api.records.clear()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("This image was deleted meanwhile.")).to_be_visible()


def test_while_a_stroke_is_taken_back_the_answer_takes_no_label(page: Page) -> None:
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    undo = page.get_by_role("button", name="Undo").first
    assert undo.evaluate("undo => (undo.click(), document.querySelector('#write .key').disabled)")


def test_nothing_can_be_undone_or_cleared_on_an_empty_pad(page: Page) -> None:
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()


def test_the_keyboard_goes_on_beside_a_button_that_can_be_pressed_no_more(page: Page) -> None:
    draw(page, SEVEN)
    undo, clear = (page.get_by_role("button", name=name).first for name in ("Undo", "Clear"))
    clear.press("Enter")
    expect(clear).to_be_disabled()
    expect(undo).to_be_focused()
    undo.press("Enter")
    expect(undo).to_be_focused()  # what was cleared is back
    undo.press("Enter")
    expect(undo).to_be_disabled()
    expect(page.get_by_role("slider", name="Pen")).to_be_focused()


def test_two_strokes_of_one_digit_are_one_request(page: Page, api: ApiDouble) -> None:
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert len(api.calls("POST", UPLOAD)) == 1


def test_a_labelled_drawing_of_which_a_stroke_was_taken_back_goes_on_at_once(page: Page) -> None:
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("It was a 4, read as a 7.")).to_be_visible()
    undo = page.get_by_role("button", name="Undo").first
    undo.click()
    draw(page, FOUR[1:])
    for _ in FOUR:  # which is all that is there
        undo.click()
    expect(undo).to_be_disabled()


def test_only_the_last_version_of_a_drawing_stays_in_the_history(page: Page, api: ApiDouble) -> None:
    api.next_answers = [answer(1), answer(4)]
    draw(page, FOUR[:1])
    expect(page.get_by_text("Read as a 1.")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        draw(page, FOUR[1:])
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    assert [record["predicted"] for record in api.records.values()] == [4]


def test_a_drawing_that_was_cleared_after_its_answer_stays_in_the_history(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert len(api.records) == 2
    assert api.calls("DELETE", ".*") == []


def test_a_drawing_that_was_cleared_before_its_answer_leaves_nothing_in_the_history(
    page: Page, api: ApiDouble
) -> None:
    draw(page, FOUR[:1])
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.clock.install()  # the pause that would have it read comes no more
    draw(page, FOUR[1:])
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.get_by_role("button", name="Clear").click()
    wait_until_sent(page, lambda: not api.records)


def test_an_older_answer_never_replaces_a_newer_one(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    api.next_answers = [answer(1), answer(4)]
    draw(page, FOUR[:1])
    wait_until_sent(page, lambda: api.held == 1)
    draw(page, FOUR[1:])
    wait_until_sent(page, lambda: api.held == 2)
    api.release(1)
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        api.release(0)  # comes late, is not shown, and leaves nothing behind
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    assert [record["predicted"] for record in api.records.values()] == [4]


def test_an_answer_takes_no_label_while_the_drawing_goes_on(page: Page) -> None:
    draw(page, SEVEN)
    seven = page.get_by_role("button", name="7, 97.0%")
    expect(seven).to_be_enabled()
    box = page.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    expect(seven).to_be_disabled()
    page.mouse.up()
    expect(seven).to_be_enabled()


def test_a_labelled_drawing_is_finished_and_the_next_stroke_begins_the_next(
    page: Page, api: ApiDouble
) -> None:
    draw(page, SEVEN)
    page.get_by_role("button", name="7, 97.0%").click()
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()
    draw(page, ZERO)
    expect(page.get_by_text("It was a")).to_be_hidden()
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    seven, zero = map(drawn, api.calls("POST", UPLOAD))
    assert shade(seven, 0.575, 0.525) < 64  # on its down stroke, which is the inside of the 0
    assert shade(zero, 0.575, 0.525) == 255
    assert [record["true"] for record in api.records.values()] == [7, None]


def test_nothing_is_undone_or_cleared_under_the_moving_pen(page: Page, api: ApiDouble) -> None:
    draw(page, FOUR[:1])
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    box = page.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.62 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.keyboard.press("Control+z")
    page.evaluate("document.querySelector('[data-part=clear]').click()")
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"])
    with page.expect_request(lambda request: request.method == "POST") as upload:
        page.mouse.up()
    both = drawn(upload.value)
    assert shade(both, 0.31, 0.45) < 64
    assert shade(both, 0.61, 0.6) < 64


@pytest.mark.parametrize("device", [PHONE])
def test_a_palm_keeps_no_pen_away_and_writes_nothing(page: Page, api: ApiDouble) -> None:
    page.evaluate("HTMLCanvasElement.prototype.setPointerCapture = () => {}")  # made-up pointers have none
    palm, pen = (
        {"pointerId": 11, "pointerType": "touch"},
        {"pointerId": 22, "pointerType": "pen", "pressure": 0.5},
    )
    point(page, "pointerdown", 0.8, 0.9, palm)
    point(page, "pointercancel", 0.8, 0.9, palm)  # an empty pad stays one
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    point(page, "pointerdown", 0.8, 0.9, palm)
    point(page, "pointerdown", 0.5, 0.2, pen)
    point(page, "pointermove", 0.8, 0.8, palm)
    point(page, "pointermove", 0.5, 0.6, pen)
    point(page, "pointermove", 0.2, 0.6, {**pen, "buttons": 0})  # lifted, though nobody said so
    point(page, "pointercancel", 0.8, 0.8, palm)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    image = drawn(api.calls("POST", UPLOAD)[0])
    assert shade(image, 0.5, 0.4) < 64
    assert (image[:, 300:] == 255).all()  # where the palm lay
    assert shade(image, 0.3, 0.6) == 255  # where the pen hovered


def test_a_palm_on_a_labelled_drawing_leaves_it_as_it_was(page: Page, api: ApiDouble) -> None:
    page.evaluate("HTMLCanvasElement.prototype.setPointerCapture = () => {}")
    draw(page, SEVEN)
    page.get_by_role("button", name="7, 97.0%").click()
    expect(page.get_by_text("It was a 7")).to_be_visible()
    for event in ("pointerdown", "pointercancel"):
        point(page, event, 0.8, 0.9, {"pointerId": 11, "pointerType": "touch"})
    expect(page.get_by_text("It was a 7")).to_be_visible()
    expect(page.get_by_role("button", name="7, 97.0%")).to_be_enabled()
    expect(page.get_by_role("button", name="Clear")).to_be_enabled()
    assert len(api.calls("POST", UPLOAD)) == 1


def test_a_pen_writes_thicker_when_pressed(page: Page, api: ApiDouble) -> None:
    session = page.context.new_cdp_session(page)
    for force in (0.1, 0.9):
        press_pen(page, session, force)
        expect(page.get_by_text("Read as a 7.")).to_be_visible()
        page.get_by_role("button", name="Clear").click()
    light, firm = map(drawn, api.calls("POST", UPLOAD))
    assert ink(firm) > 1.5 * ink(light)


@pytest.mark.parametrize("device", [PHONE])
def test_a_finger_writes_and_the_page_does_not_scroll(page: Page, api: ApiDouble) -> None:
    session = page.context.new_cdp_session(page)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    x, y, side = box["x"], box["y"], box["width"]
    points = [{"x": x + side / 2, "y": y + side * (0.8 - 0.06 * step)} for step in range(10)]
    touch(session, "touchStart", [points[0]])
    for point in points[1:]:
        touch(session, "touchMove", [point])
    touch(session, "touchEnd", [])
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    assert shade(drawn(api.calls("POST", UPLOAD)[0]), 0.5, 0.5) < 64


def test_points_that_the_browser_kept_between_two_frames_are_on_the_paper(page: Page, api: ApiDouble) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.8 * box["height"])
    page.mouse.down()
    page.evaluate(  # one event that tells of three places, as a fast pen's does
        """([left, top, side]) => {
            const mouse = { pointerId: 1, pointerType: "mouse", buttons: 1 };
            const at = (x, y, more = {}) => new PointerEvent("pointermove", {
                ...mouse, clientX: left + x * side, clientY: top + y * side, ...more,
            });
            const coalescedEvents = [at(0.35, 0.2), at(0.65, 0.2), at(0.8, 0.8)];
            document.querySelector("canvas").dispatchEvent(at(0.8, 0.8, { coalescedEvents }));
        }""",
        [box["x"], box["y"], box["width"]],
    )
    page.mouse.up()
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    image = drawn(api.calls("POST", UPLOAD)[0])
    assert (image[:200] < 128).any()  # up there are only the two places between
    assert shade(image, 0.5, 0.8) == 255  # the straight way from the first place to the last


def point(page: Page, kind: str, x: float, y: float, pointer: dict[str, Any]) -> None:
    """Make up what a pointer tells the pad; the browser's own tools have neither palms nor lost events."""
    page.evaluate(
        """([kind, x, y, pointer]) => {
            const pad = document.querySelector("canvas");
            const box = pad.getBoundingClientRect();
            const [clientX, clientY] = [box.left + x * box.width, box.top + y * box.height];
            const init = { cancelable: true, button: 0, buttons: 1, clientX, clientY, ...pointer };
            pad.dispatchEvent(new PointerEvent(kind, init));
        }""",
        [kind, x, y, pointer],
    )


def press_pen(page: Page, session: CDPSession, force: float) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for kind, share in [
        ("mousePressed", 0.3),
        ("mouseMoved", 0.5),
        ("mouseMoved", 0.7),
        ("mouseReleased", 0.7),
    ]:
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * share}
        button = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen", "force": force}
        session.send("Input.dispatchMouseEvent", {"type": kind, **place, **button})


def touch(session: CDPSession, kind: str, points: list[dict[str, Any]]) -> None:
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_who_takes_back_a_wrong_tap_and_draws_on_draws_the_same_digit(page: Page, api: ApiDouble) -> None:
    draw(page, FOUR[:1])
    page.get_by_role("button", name="1,").click()
    undo = page.locator(".meaning").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    held = hold(page, "**/classifications", "POST")
    undo.click()
    wait_until_sent(page, lambda: len(held) == 1)
    draw(page, FOUR[1:])
    held.pop().fallback()
    wait_until_sent(page, lambda: len(held) == 1)
    held.pop().fallback()
    wait_until_sent(page, lambda: len(api.calls("POST", UPLOAD)) == 3 and len(api.records) == 1)
    first, _, second = map(drawn, api.calls("POST", UPLOAD))
    assert ink(second) > 1.3 * ink(first)  # both strokes


@pytest.mark.parametrize(("kind", "kept"), [("stylus", True), ("direct", False)])
def test_a_pencil_keeps_the_strokes_that_ipados_would_take_for_writing(
    page: Page, kind: str, kept: bool
) -> None:
    prevented = page.locator("canvas").evaluate(
        """(canvas, touchType) => {
            const event = new Event("touchmove", { bubbles: true, cancelable: true });
            Object.assign(event, { touches: [{ touchType }] });  // as Safari's
            return !canvas.dispatchEvent(event);
        }""",
        kind,
    )
    assert prevented is kept
