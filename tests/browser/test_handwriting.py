"""My handwriting: the figures, what would help, and the history."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.api_double import ApiDouble, report_of
from tests.browser.conftest import PHONE
from tests.browser.gestures import (
    SEVEN,
    asks_before_leaving,
    draw,
    hold,
    second_click,
    visit,
    wait_until_sent,
)

VIEW = "/#handwriting"


@pytest.fixture(autouse=True)
def connected(page: Page, api: ApiDouble) -> None:
    api.connect(page)


def cards(page: Page) -> Locator:
    return page.locator(".gallery button")


def test_somebody_new_is_told_how_to_begin(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_images_without_labels_are_listed_and_the_way_on_is_said(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    page.goto(VIEW)
    expect(page.get_by_text("1 image, none labelled yet.")).to_be_visible()
    expect(cards(page)).to_have_text(["Read as 0, not labelled"])


def test_the_figures_say_the_share_its_interval_and_each_digit(page: Page, api: ApiDouble) -> None:
    for predicted in (0, 0, 0, 6):
        api.add(predicted, true=0)
    page.goto(VIEW)
    expect(page.get_by_text("75.0% read correctly")).to_be_visible()
    expect(page.get_by_text("3 of 4 labelled images. Likely from 30.1% to 95.4%.")).to_be_visible()
    expect(page.get_by_text("Too few to judge yet")).to_be_visible()
    expect(page.get_by_role("row", name="0 3 of 4")).to_be_visible()
    expect(page.get_by_role("row", name="1 0 of 0")).to_be_visible()


@pytest.mark.parametrize(
    ("labelled", "advice"),
    [(29, "Nothing was misread so far."), (30, "Nothing stands out. Your digits are told apart well.")],
)
def test_digits_are_said_to_be_told_apart_well_only_once_there_are_enough(
    page: Page, api: ApiDouble, labelled: int, advice: str
) -> None:
    for _ in range(labelled):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(page.get_by_text(advice)).to_be_visible()


def test_a_confusion_is_shown_with_ones_own_images_and_advice(page: Page, api: ApiDouble) -> None:
    well_read = api.add(predicted=4, true=4)
    misread = api.add(predicted=9, true=4)
    page.goto(VIEW)
    advice = page.get_by_role("article").filter(has_text="Your 4s are read as 9 (1 of 2)")
    expect(advice.locator("figure").nth(0)).to_have_text("Your 4, read as 9")
    expect(advice.locator("figure").nth(1)).to_have_text("Your 4, well read")
    shown = [shade_of(figure) for figure in advice.locator("img").all()]
    assert shown == [255 - 20 * record["predicted"] for record in (misread, well_read)]
    advice.get_by_role("link", name="Show these").click()
    expect(cards(page)).to_have_text(["4, read as 9"])
    expect(page.get_by_role("button", name="4 read as 9", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_link_to_where_one_is_brings_it_up_again(page: Page, api: ApiDouble) -> None:
    for predicted in (4, 9):
        api.add(predicted, true=4)
    page.goto(VIEW)
    page.get_by_role("link", name="Show these").click()
    expect(cards(page)).to_have_text(["4, read as 9"])
    page.get_by_role("button", name="All", exact=True).click()
    expect(cards(page)).to_have_count(2)
    page.get_by_role("link", name="Show these").click()
    expect(cards(page)).to_have_text(["4, read as 9"])


@pytest.mark.parametrize("device", [PHONE])
@pytest.mark.parametrize("view", [VIEW, "/#model"])
def test_a_link_to_the_images_of_a_confusion_brings_them_into_sight(
    page: Page, api: ApiDouble, view: str
) -> None:
    for digit in range(10):
        api.add(predicted=digit, true=digit)
    api.add(predicted=9, true=4)
    api.report = report_of([[1] * 10] * 10)
    page.goto(view)
    link = "Show these" if view == VIEW else "4 read as 9"
    page.get_by_role("link", name=link).press("Enter")
    expect(cards(page)).to_have_text(["4, read as 9"])
    expect(cards(page)).to_be_in_viewport()
    expect(page.get_by_role("button", name="4 read as 9")).to_be_focused()  # and the keyboard goes on there


def test_a_link_that_was_gone_on_from_brings_nothing_into_sight(page: Page, api: ApiDouble) -> None:
    for digit in range(10):
        api.add(predicted=digit, true=digit)
    api.report = report_of([[1] * 10] * 10)
    page.goto("/#model")
    held = hold(page, "**/classifications?*", "GET")
    page.get_by_role("link", name="4 read as 9").click()
    wait_until_sent(page, lambda: held)
    all_images = page.get_by_role("link", name="Handwriting")
    all_images.click()
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "true")
    wait_until_sent(page, lambda: len(held) == 2)
    page.unroute("**/classifications?*")
    for each in held:
        each.fallback()
    expect(cards(page)).to_have_count(10)
    expect(page.get_by_text("100.0% read correctly")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    expect(page.get_by_role("button", name="All", exact=True)).not_to_be_focused()


@pytest.mark.parametrize("parameters", ["true=four&predicted=9", "true=4", "true=4&predicted=10", "true="])
def test_an_address_that_names_no_confusion_shows_all_images(
    page: Page, api: ApiDouble, parameters: str
) -> None:
    api.add(predicted=0, true=0)
    page.goto(f"{VIEW}?{parameters}")
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("group", name="My images").get_by_role("button")).to_have_count(3)


def test_the_history_is_newest_first_with_the_images_themselves(page: Page, api: ApiDouble) -> None:
    api.add(predicted=1, true=1)
    api.add(predicted=0, true=8)
    page.goto(VIEW)
    expect(cards(page)).to_have_text(["8, read as 0", "1, read correctly"])
    assert [shade_of(image) for image in page.locator(".gallery img").all()] == [255, 235]
    image_request = api.calls("GET", "/classifications/[^/]+/image")[0]
    assert image_request.headers["authorization"].startswith("Bearer ")


def test_the_history_is_filtered(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0, true=0)
    api.add(predicted=0, true=6)
    api.add(predicted=0)
    page.goto(VIEW)
    for name, shown in {
        "Misread": ["6, read as 0"],
        "Not labelled": ["Read as 0, not labelled"],
        "All": ["Read as 0, not labelled", "6, read as 0", "0, read correctly"],
    }.items():
        page.get_by_role("button", name=name, exact=True).click()
        expect(cards(page)).to_have_text(shown)


def test_a_filter_that_nothing_matches_says_so(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0, true=0)
    page.goto(VIEW)
    page.get_by_role("button", name="Misread").click()
    expect(page.get_by_text("No image of this kind.")).to_be_visible()


def test_a_long_history_is_shown_in_parts(page: Page, api: ApiDouble) -> None:
    for _ in range(26):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(cards(page)).to_have_count(24)
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(26)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_the_keyboard_goes_on_at_the_first_image_that_show_more_has_shown(page: Page, api: ApiDouble) -> None:
    for _ in range(26):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(cards(page)).to_have_count(26)
    expect(cards(page).nth(24)).to_be_focused()


def test_a_filter_that_takes_long_says_so(page: Page, api: ApiDouble) -> None:
    for true in (0, 0, 0, 1):
        api.add(predicted=true, true=0)
    for _ in range(24):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(cards(page)).to_have_count(24)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/classifications?*cursor=27*", hold)
    page.get_by_role("button", name="Misread").click()
    expect(page.get_by_text("Loading …")).to_be_visible()
    wait_until_sent(page, lambda: held)
    held[0].fallback()
    expect(cards(page)).to_have_text(["0, read as 1"])
    expect(page.get_by_text("Loading …")).to_have_count(0)


def test_a_filter_looks_no_further_once_the_view_was_left(page: Page, api: ApiDouble) -> None:
    for _ in range(31):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(cards(page)).to_have_count(24)
    held = hold(page, "**/classifications?*cursor=27*", "GET")
    page.get_by_role("button", name="Misread").click()
    wait_until_sent(page, lambda: held)
    page.get_by_role("link", name="Data").click()
    with page.expect_response("**/classifications?*cursor=27*"):
        held.pop().fallback()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert api.calls("GET", ".*cursor=30.*") == []


def test_a_history_that_broke_off_goes_on_where_it_did(page: Page, api: ApiDouble) -> None:
    for _ in range(28):
        api.add(predicted=0, true=0)
    api.faults = [(r"GET .*cursor=27", 403, "")]  # beyond what is shown at first
    page.goto(VIEW)
    page.get_by_role("button", name="Misread").click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    api.faults = []
    page.get_by_role("button", name="All", exact=True).click()
    expect(cards(page)).to_have_count(24)
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(28)


def test_an_earlier_image_is_opened_and_labelled(page: Page, api: ApiDouble) -> None:
    record = api.add(predicted=0)
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("0")
    expect(dialog.get_by_text("It was a 0, and read as one.")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(cards(page)).to_have_text(["0, read correctly"])
    expect(page.get_by_text("100.0% read correctly")).to_be_visible()
    assert record["true"] == 0


def test_the_keyboard_alone_opens_an_image_labels_it_and_comes_back_to_it(page: Page, api: ApiDouble) -> None:
    record = api.add(predicted=0)
    page.goto(VIEW)
    cards(page).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("8")
    expect(dialog.get_by_text("It was an 8, read as a 0.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cards(page)).to_have_text(["8, read as 0"])
    expect(cards(page)).to_be_focused()
    assert record["true"] == 8


def test_the_keyboard_goes_on_where_an_image_is_although_the_list_was_made_anew_meanwhile(
    page: Page, api: ApiDouble
) -> None:
    for digit in (1, 0):
        api.add(predicted=digit)
    page.goto(VIEW)
    held = hold(page, "**/label", "PUT")
    cards(page).first.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("0")
    wait_until_sent(page, lambda: len(held) == 1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    cards(page).nth(1).press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    held.pop().fallback()
    expect(cards(page).first).to_have_text("0, read correctly")
    page.keyboard.press("Escape")
    expect(cards(page).nth(1)).to_be_focused()


def test_the_second_click_of_a_double_click_neither_labels_nor_closes_what_the_first_opened(
    page: Page, api: ApiDouble
) -> None:
    record = api.add(predicted=0)
    page.clock.install(time=0)
    page.goto(VIEW)
    expect(cards(page)).to_be_visible()
    page.clock.pause_at(10_000)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()
    second_click(page, dialog.get_by_role("button", name="8,"))
    page.mouse.click(10, 10)  # beside it
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="8,")).to_have_attribute("aria-pressed", "false")
    page.clock.run_for(500)
    page.mouse.click(10, 10)
    expect(dialog).to_be_hidden()
    assert record["true"] is None


def test_the_keyboard_begins_at_an_opened_image_as_a_whole(page: Page, api: ApiDouble) -> None:
    """A control that is there sooner than the others would be pressed by who means another one."""
    api.add(predicted=0)
    page.goto(VIEW)
    cards(page).press("Enter")
    expect(page.get_by_role("dialog", name="One of my images")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("dialog").get_by_role("button", name="0,")).to_be_focused()


def test_an_opened_image_closes_by_a_press_beside_it_and_not_by_one_at_its_edge(
    page: Page, api: ApiDouble
) -> None:
    api.add(predicted=0)
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()
    box = dialog.bounding_box()
    assert box is not None
    left, middle = box["x"], box["y"] + box["height"] / 2
    expect(dialog).to_have_attribute("closedby", "any")
    page.mouse.click(left + 8, middle)  # beside what is in it
    expect(dialog).to_be_visible()
    page.mouse.move(left + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(left - 40, middle)  # where text was marked, or a press was thought better of
    page.mouse.up()
    expect(dialog).to_be_visible()
    page.mouse.click(left - 40, middle)
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize(
    ("which", "place"), [("All", "figures"), ("Misread", "status")], ids=["of all", "of its kind"]
)
def test_the_keyboard_goes_on_where_the_last_image_was(
    page: Page, api: ApiDouble, which: str, place: str
) -> None:
    api.add(predicted=0, true=8)
    if which != "All":
        api.add(predicted=0)
    page.goto(VIEW)
    page.get_by_role("button", name=which, exact=True).click()
    expect(cards(page)).to_have_text(["8, read as 0"])
    cards(page).press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
    expect(cards(page)).to_have_count(0)
    expect(page.locator(f"#handwriting [data-part={place}]")).to_be_focused()


def test_what_is_said_just_before_closing_is_in_the_list(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.next_faults = [("PUT .*", 503, "busy")]  # it is asked again, after the closing
    page.goto(VIEW)
    cards(page).click()
    expect(page.get_by_role("dialog").get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("8")
    page.keyboard.press("Escape")
    expect(cards(page)).to_have_text(["8, read as 0"])
    expect(page.get_by_text("0.0% read correctly")).to_be_visible()


def test_what_could_not_be_saved_after_closing_is_said_where_one_looks(page: Page, api: ApiDouble) -> None:
    for _ in range(24):
        api.add(predicted=0)
    api.next_faults = [("PUT .*", 503, "busy"), ("PUT .*", 403, "no room")]
    page.goto(VIEW)
    cards(page).first.click()
    expect(page.get_by_role("dialog").get_by_text("Read as a 0.")).to_be_visible()
    page.keyboard.press("8")
    page.keyboard.press("Escape")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your last change to the image before is not saved.")
    expect(alert).to_contain_text("No room")
    expect(alert).to_be_in_viewport()
    expect(cards(page).first).to_have_text("Read as 0, not labelled")


def test_what_could_not_be_saved_after_the_view_was_left_is_said_on_the_return(
    page: Page, api: ApiDouble
) -> None:
    api.add(predicted=0)
    page.goto(VIEW)
    cards(page).click()
    expect(page.get_by_role("dialog").get_by_text("Read as a 0.")).to_be_visible()
    held = hold(page, "**/label", "PUT")
    page.keyboard.press("8")
    page.keyboard.press("Escape")
    wait_until_sent(page, lambda: held)
    page.get_by_role("link", name="Write").click()
    api.faults = [("PUT .*", 403, "no room")]
    with page.expect_response("**/label"):
        held.pop().fallback()
    wait_until_sent(page, lambda: not asks_before_leaving(page))
    page.get_by_role("link", name="Handwriting").click()
    expect(page.get_by_role("alert")).to_contain_text("Your last change to the image before is not saved.")
    expect(page.get_by_role("alert")).to_contain_text("No room")
    expect(cards(page)).to_have_text(["Read as 0, not labelled"])


def test_what_could_not_be_saved_is_said_once(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    page.goto(VIEW)
    cards(page).click()
    api.faults = [("PUT .*", 403, "no room")]
    page.keyboard.press("8")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("No room")
    page.get_by_role("link", name="Write").click()
    with page.expect_response("**/classifications?*"):
        page.get_by_role("link", name="Handwriting").click()
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_filter_that_fails_leaves_no_images_of_another_there(page: Page, api: ApiDouble) -> None:
    for _ in range(31):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(cards(page)).to_have_count(24)
    api.faults = [("GET .*", 403, "not now")]
    page.get_by_role("button", name="Misread").click()
    expect(page.get_by_role("alert")).to_contain_text("Not now")
    expect(cards(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_more_images_that_cannot_be_had_can_be_asked_for_again_where_one_was(
    page: Page, api: ApiDouble
) -> None:
    for _ in range(31):
        api.add(predicted=0, true=0)
    page.goto(VIEW)
    expect(cards(page)).to_have_count(24)
    more = page.get_by_role("button", name="Show more")
    api.faults = [("GET .*", 403, "not now")]
    more.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not now")
    expect(more).to_be_focused()
    api.faults = []
    more.press("Enter")
    expect(cards(page)).to_have_count(31)
    expect(cards(page).nth(24)).to_be_focused()


def test_of_an_image_that_cannot_be_had_the_card_shows_what_the_model_saw(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.faults = [("GET .*/image", 403, "not now")]
    page.goto(VIEW)
    expect(cards(page).locator("img")).to_have_attribute("src", re.compile("^data:image/png"))


def test_a_filter_under_the_pointer_can_be_read(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    page.goto(VIEW)
    pressed = page.get_by_role("button", name="All")
    pressed.hover()
    ink, ground = pressed.evaluate(
        "each => [getComputedStyle(each).color, getComputedStyle(each).backgroundColor]"
    )
    assert ink != ground


def test_a_label_that_is_still_being_saved_is_in_the_figures(page: Page) -> None:
    visit(page, "/")
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    held = hold(page, "**/label", "PUT")
    page.get_by_role("button", name="3, 0.3%").click()
    wait_until_sent(page, lambda: held)
    page.get_by_role("link", name="Handwriting").click()
    expect(page.get_by_text("Loading")).to_be_visible()
    held.pop().fallback()
    expect(cards(page)).to_have_text(["3, read as 7"])
    expect(page.get_by_text("0 of 1 labelled image")).to_be_visible()


def test_an_undoing_that_failed_half_way_is_gone_on_with_after_a_reload(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0, true=3)
    api.faults = [("DELETE .*", 403, "")]
    dialog = page.get_by_role("dialog")
    page.goto(VIEW)
    for _ in range(2):
        cards(page).filter(has_text="3, read as 0").click()
        dialog.get_by_role("button", name="Undo").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Refused")
        page.reload()
    assert len(api.records) == 2
    api.faults = []
    cards(page).filter(has_text="3, read as 0").click()
    dialog.get_by_role("button", name="Undo").click()
    wait_until_sent(page, lambda: len(api.records) == 1)
    assert [record["true"] for record in api.records.values()] == [None]


def test_of_a_pending_image_that_the_browser_cannot_show_there_is_no_broken_one(
    page: Page, api: ApiDouble
) -> None:
    record = api.add(predicted=0, image=b"II*\0a TIFF, for all the browser knows")
    record["status"] = "pending"
    del record["preprocessed"]
    page.goto(VIEW)
    expect(cards(page).locator("img")).to_have_attribute("src", re.compile(r"^data:image/svg\+xml"))


def test_an_image_deleted_while_its_label_is_undone_is_gone(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0, true=3)
    api.is_holding = True
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    with page.expect_request(lambda request: request.method == "POST"):
        dialog.get_by_role("button", name="Undo").click()
    dialog.get_by_role("button", name="Delete").click()
    api.release(0)
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    assert api.records == {}


def test_an_opened_image_closes_with_the_view_that_it_belongs_to(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    page.goto("/")
    page.get_by_role("link", name="Handwriting").click()
    cards(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Write a digit")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_an_image_that_comes_after_the_view_was_left_opens_no_more(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    held = hold(page, "**/classifications/*/image", "GET")
    page.goto(VIEW)
    cards(page).click()
    wait_until_sent(page, lambda: held)
    page.get_by_role("link", name="Write").click()
    with page.expect_response("**/classifications/*/image"):
        held.pop().fallback()
    page.get_by_role("link", name="Data").click()  # which a dialog in front would not let through
    expect(page.get_by_role("heading", name="My data")).to_be_visible()
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_deletion_that_takes_long_closes_no_other_image(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.add(predicted=1)
    held = hold(page, "**/classifications/*", "DELETE")
    page.goto(VIEW)
    cards(page).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    wait_until_sent(page, lambda: held)
    assert asks_before_leaving(page)
    page.keyboard.press("Escape")
    cards(page).last.click()
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()
    held.pop().fallback()
    expect(page.locator(".gallery li")).to_have_count(1)  # behind the dialog
    expect(dialog.get_by_text("Read as a 0.")).to_be_visible()


def test_one_image_is_deleted(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.add(predicted=1)
    page.goto(VIEW)
    cards(page).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(cards(page)).to_have_text(["Read as 0, not labelled"])
    assert [record["predicted"] for record in api.records.values()] == [0]


@pytest.mark.parametrize("way", ["one by one", "everything"])
def test_what_was_deleted_is_not_kept_in_memory(page: Page, api: ApiDouble, way: str) -> None:
    page.add_init_script(
        """(() => {
            globalThis.kept = new Set();
            const { createObjectURL, revokeObjectURL } = URL;
            URL.createObjectURL = (blob) => {
                const url = createObjectURL(blob);
                kept.add(url);
                return url;
            };
            URL.revokeObjectURL = (url) => (kept.delete(url), revokeObjectURL(url));
        })()"""
    )
    api.add(predicted=0, true=0)
    page.goto(VIEW)
    image = cards(page).locator("img")
    expect(image).to_have_attribute("src", re.compile("^blob:"))
    if way == "everything":
        page.get_by_role("link", name="Data").click()
        page.get_by_role("button", name="Delete everything").click()
        page.get_by_role("button", name="Yes, do it").click()
        expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()
    else:
        cards(page).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".gallery img, .examples img")).to_have_count(0)
    assert page.evaluate("kept.size") == 0


def test_a_deletion_that_failed_is_said_and_the_image_stays(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.faults = [("DELETE .*", 403, "")]
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Refused")
    page.keyboard.press("Escape")
    expect(cards(page)).to_have_count(1)


def test_a_pending_image_is_listed_and_completes_when_it_is_opened(page: Page, api: ApiDouble) -> None:
    record = api.add(predicted=0)
    record["status"] = "pending"
    page.goto(VIEW)
    expect(cards(page)).to_have_text(["Not read yet"])
    cards(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Your image is kept.")).to_be_visible()
    api.complete()
    expect(dialog.get_by_text("Read as a 7.")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(cards(page)).to_have_text(["Read as 7, not labelled"])


def test_a_pending_image_that_is_refused_in_the_end_leaves_the_list(page: Page, api: ApiDouble) -> None:
    record = api.add(predicted=0)
    record["status"] = "pending"
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    api.faults = [(f"GET /classifications/{record['id']}", 422, "the image is broken")]
    expect(dialog.get_by_role("alert")).to_contain_text("This image cannot be read.")
    api.records.clear()  # with its answer
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_a_pending_image_is_still_followed_when_the_connection_was_lost_for_a_while(
    page: Page, api: ApiDouble
) -> None:
    record = api.add(predicted=0)
    record["status"] = "pending"
    page.goto(VIEW)
    cards(page).click()
    api.is_away = True
    attempts = 3  # of one look
    for _ in range(attempts + 1):
        with page.expect_request("**/classifications/*"):
            pass
    api.is_away = False
    api.complete()
    expect(page.get_by_role("dialog").get_by_text("Read as a 7.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert api.calls("POST", ".*") == []


def test_an_image_whose_bytes_are_kept_no_longer_is_opened_and_labelled_all_the_same(
    page: Page, api: ApiDouble
) -> None:
    api.add(predicted=0)
    api.images.clear()
    page.goto(VIEW)
    expect(cards(page).locator("img")).to_have_js_property("naturalWidth", 28)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The image itself is kept no longer.")).to_be_visible()
    expect(dialog.get_by_alt_text("The image as you made it")).to_be_hidden()
    dialog.get_by_role("button", name="6,").click()
    expect(dialog.get_by_text("It was a 6, read as a 0.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Undo")).to_be_hidden()  # that would send the image again
    dialog.get_by_role("button", name="8,").click()
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_text("It was a 6, read as a 0.")).to_be_visible()


def test_a_pageful_of_images_is_asked_for_a_few_at_a_time(page: Page, api: ApiDouble) -> None:
    for _ in range(9):
        api.add(predicted=0)
    held = hold(page, "**/classifications/*/image", "GET")
    page.goto(VIEW)
    expect(cards(page)).to_have_count(9)
    wait_until_sent(page, lambda: len(held) >= 6)
    page.evaluate("new Promise(requestAnimationFrame)")  # all that go out at once have gone
    assert len(held) == 6
    for _ in range(9):
        wait_until_sent(page, lambda: held)
        held.pop().fallback()
    for image in cards(page).locator("img").all():
        image.evaluate("image => image.decode()")


@pytest.mark.parametrize("way", ["Close", "Delete"])
def test_an_opened_image_that_was_deleted_meanwhile_leaves_the_list(
    page: Page, api: ApiDouble, way: str
) -> None:
    record = api.add(predicted=0)
    record["status"] = "pending"
    page.goto(VIEW)
    cards(page).click()
    dialog = page.get_by_role("dialog")
    api.records.clear()
    expect(dialog.get_by_text("This image was deleted meanwhile.")).to_be_visible()
    dialog.get_by_role("button", name=way).click()
    expect(cards(page)).to_have_count(0)
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()


def test_without_a_connection_each_part_says_so_and_can_be_tried_again(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0, true=0)
    api.is_away = True
    page.goto(VIEW)
    expect(page.get_by_text("No connection to the API.")).to_have_count(2)
    expect(page.get_by_role("status").get_by_role("alert")).to_have_count(0)  # it would be read out twice
    api.is_away = False
    page.get_by_role("button", name="Try again").first.press("Enter")
    expect(page.get_by_text("100.0% read correctly")).to_be_visible()
    expect(page.locator("[data-part=figures]")).to_be_focused()  # the button is gone
    page.get_by_role("button", name="Try again").press("Enter")
    expect(cards(page)).to_have_text(["0, read correctly"])
    expect(page.locator("[data-part=historyProblem]")).to_be_focused()


def shade_of(image: Locator) -> int:
    """Return the grey that an image on the page really shows, once it is there."""
    image.evaluate("image => image.decode()")
    shade: int = image.evaluate(
        """image => {
            const context = new OffscreenCanvas(1, 1).getContext("2d");
            context.drawImage(image, 0, 0, 1, 1);
            return context.getImageData(0, 0, 1, 1).data[0];
        }"""
    )
    return shade
