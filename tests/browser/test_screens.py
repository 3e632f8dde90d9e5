"""Every view on phone and desktop, light and dark: it fits, and its picture is kept to be looked at."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from infrastructure.local.settings import ROOT
from tests.browser.api_double import ApiDouble, answer, report_of
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.gestures import FOUR, draw

SCREENSHOTS = ROOT / "build" / "screenshots"
DEVICES = {"desktop": DESKTOP, "phone": PHONE}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SMALLEST = {"viewport": {"width": 320, "height": 640}}
LARGEST = {"viewport": {"width": 3840, "height": 2160}}

VIEWS = {  # and what is there once it is complete
    "write": "The answer appears here when you pause.",
    "handwriting": "What would help",
    "model": "Does it know",
    "data": "My key",
}
ON_ONE_SCREEN = {  # as high as the browser's own bars leave it
    f"{width} x {height}": {**PHONE, "viewport": {"width": width, "height": height}}
    for width, height in [(360, 640), (375, 553), (390, 664), (412, 780), (780, 360), (667, 331)]
}
ON_ONE_SCREEN["1280 x 720 at 200%"] = {"viewport": {"width": 640, "height": 360}, "device_scale_factor": 2}
LARGE_TEXT = 32  # px, of a browser whose default is twice the usual one
PHONES = [{**PHONE, "viewport": {"width": width, "height": 664}} for width in (360, 390)]

on_every_device = pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES.keys())


@pytest.fixture
def used_api(api: ApiDouble) -> ApiDouble:
    """Return the API of a person who has been here before."""
    for digit in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 7, 0, 1]:
        api.add(predicted=digit, true=digit)
    for _ in range(3):
        api.add(predicted=9, true=4)
    api.add(predicted=1, true=7)
    api.add(predicted=5)
    matrix = [[100 if row == column else (row * column) % 4 for column in range(10)] for row in range(10)]
    api.report = report_of(matrix)
    return api


@on_every_device
def test_an_answer(page: Page, used_api: ApiDouble, device: dict[str, Any]) -> None:
    used_api.next_answers = [answer(4, 0.93)]
    used_api.connect(page)
    page.goto("/")
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    page.get_by_role("button", name="4, 93.0%").click()
    expect(page.get_by_text("read correctly")).to_be_visible()
    picture(page, device, "answer")


@on_every_device
@pytest.mark.parametrize(("view", "sign"), VIEWS.items())
def test_a_view(page: Page, used_api: ApiDouble, device: dict[str, Any], view: str, sign: str) -> None:
    used_api.connect(page)
    page.goto(f"/#{view}")
    expect(page.get_by_text(sign).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    picture(page, device, view)


@pytest.mark.parametrize("device", [SMALLEST])
def test_nothing_is_wider_than_320_px(page: Page, used_api: ApiDouble) -> None:
    used_api.connect(page)
    assert overflows(page) == dict.fromkeys(VIEWS, 0)


@pytest.mark.parametrize("device", [SMALLEST])
def test_on_the_smallest_screen_a_cell_of_the_matrix_is_still_large_enough_for_a_finger(
    page: Page, used_api: ApiDouble
) -> None:
    used_api.connect(page)
    page.goto("/#model")
    expect(page.locator(".matrix a").first).to_be_visible()
    sizes = page.locator(".matrix a").evaluate_all(
        "links => links.flatMap(({ offsetWidth, offsetHeight }) => [offsetWidth, offsetHeight])"
    )
    assert min(sizes) >= 24  # WCAG 2.5.8


@pytest.mark.parametrize("device", PHONES, ids=["360 px", "390 px"])
def test_nothing_is_wider_than_a_phone_where_text_is_large(page: Page, used_api: ApiDouble) -> None:
    enlarge_text(page)
    used_api.connect(page)
    assert overflows(page) == dict.fromkeys(VIEWS, 0)


@pytest.mark.parametrize("device", PHONES, ids=["360 px", "390 px"])
def test_no_answer_is_wider_than_a_phone_where_text_is_large(page: Page, used_api: ApiDouble) -> None:
    enlarge_text(page)
    used_api.usual_answer = answer(9, confidence=1)
    used_api.connect(page)
    page.goto("/")
    draw(page, FOUR)
    page.get_by_role("button", name="9, 100.0%").click()
    expect(page.get_by_text("read correctly")).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("link", name="Handwriting").click()
    page.locator(".gallery button").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Read as a 9.")).to_be_visible()
    assert dialog.evaluate("each => each.scrollWidth - each.clientWidth") == 0
    assert overflow(page) == 0


@pytest.mark.parametrize("device", ON_ONE_SCREEN.values(), ids=ON_ONE_SCREEN.keys())
def test_the_pad_its_answer_and_the_keys_are_on_one_screen_and_large_enough_for_a_finger(
    page: Page, used_api: ApiDouble, device: dict[str, Any]
) -> None:
    used_api.next_answers = [answer(4, 0.93)]
    used_api.connect(page)
    page.goto("/")
    expect(page.locator("canvas")).to_be_visible()
    assert_large_enough_for_a_finger(page, device["viewport"]["height"])
    draw(page, FOUR)
    expect(page.get_by_text("Read as a 4.")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    width, height = device["viewport"].values()
    for part in ["canvas", ".toolbar", "#write .digit", "#write .says", "#write .keys"]:
        box = page.locator(part).bounding_box()
        assert box is not None
        assert (part, box["x"] >= 0, box["x"] + box["width"] <= width) == (part, True, True)
        assert (part, box["y"] >= 0, box["y"] + box["height"] <= height) == (part, True, True)


def assert_large_enough_for_a_finger(page: Page, height: int) -> None:
    pad, key, undo = (
        page.locator(part).first.bounding_box() for part in ("canvas", "#write .key", ".toolbar button")
    )
    assert pad is not None
    assert key is not None
    assert undo is not None
    assert pad["width"] >= min(240, height - 120)
    assert key["height"] >= 44
    assert key["width"] >= 24
    assert undo["height"] >= 44


@pytest.mark.parametrize("device", [LARGEST])
def test_a_4k_screen_is_used_and_not_only_its_middle(page: Page, used_api: ApiDouble) -> None:
    used_api.connect(page)
    page.goto("/#write")
    expect(page.locator("canvas")).to_be_visible()
    box = page.locator("main").bounding_box()
    pad = page.locator("canvas").bounding_box()
    assert box is not None
    assert pad is not None
    assert box["width"] >= 3840 / 2
    assert pad["width"] >= 2160 / 4
    assert overflow(page) == 0


def enlarge_text(page: Page) -> None:
    """Set the browser's default font size, which the page's own sizes and media queries are counted in."""
    sizes = {"standard": LARGE_TEXT, "fixed": LARGE_TEXT}
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": sizes})
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == f"{LARGE_TEXT}px"


def overflows(page: Page) -> dict[str, int]:
    """Go from view to view; return by how much each is wider than the screen."""
    found = {}
    for view, sign in VIEWS.items():
        page.goto(f"/#{view}")
        expect(page.get_by_text(sign).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        found[view] = overflow(page)
    return found


def overflow(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def picture(page: Page, device: dict[str, Any], name: str) -> None:
    device_name = next(name for name, each in DEVICES.items() if each == device)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert overflow(page) == 0
        width = device["viewport"]["width"]  # with `full_page` a phone would be taken for a desktop
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SCREENSHOTS / f"{name}-{device_name}-{scheme}.png")
