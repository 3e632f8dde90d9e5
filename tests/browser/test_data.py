"""My data: the key that is the writer, a copy of everything, and its deletion."""

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.api_double import ApiDouble, drawing
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

VIEW = "/#data"
OTHER_KEY = "A" * 43


@pytest.fixture(autouse=True)
def opened(page: Page, api: ApiDouble) -> None:
    api.connect(page)
    visit(page, VIEW)


def bearer(api: ApiDouble) -> str:
    """Return the token of the last request."""
    return api.requests[-1].headers["authorization"].removeprefix("Bearer ")


def ask(page: Page) -> None:
    """Make the page call the API."""
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_text("No report yet.")).to_be_visible()
    page.get_by_role("link", name="Data").click()


def test_the_key_is_256_random_bits_and_stays(page: Page, api: ApiDouble) -> None:
    ask(page)
    key = bearer(api)
    assert len(base64.urlsafe_b64decode(f"{key}=")) == 32
    page.reload()
    ask(page)
    assert bearer(api) == key


def test_the_key_can_be_saved_forgotten_and_brought_back(page: Page, api: ApiDouble) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my key").click()
    key = Path(download.value.path()).read_text()
    ask(page)
    assert bearer(api) == key

    page.get_by_role("button", name="Forget my key").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, do it").click()
    ask(page)
    assert bearer(api) != key

    page.get_by_label("Open a key file").set_input_files(
        FilePayload(name="legible-key.txt", mimeType="text/plain", buffer=f"{key}\n".encode())
    )
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, do it").click()
    ask(page)
    assert bearer(api) == key


def test_another_key_can_be_typed(page: Page, api: ApiDouble) -> None:
    page.get_by_role("textbox", name="Key").fill(OTHER_KEY)
    page.get_by_role("button", name="Use another key").click()
    with page.expect_navigation():
        page.get_by_role("dialog", name="Use another key in this browser?").get_by_role(
            "button", name="Yes, do it"
        ).click()
    ask(page)
    assert bearer(api) == OTHER_KEY


def test_another_key_is_not_used_without_a_yes(page: Page, api: ApiDouble) -> None:
    ask(page)
    key = bearer(api)
    page.get_by_role("textbox", name="Key").fill(OTHER_KEY)
    page.get_by_role("button", name="Use another key").click()
    page.get_by_role("button", name="Cancel").click()
    ask(page)
    assert bearer(api) == key


@pytest.mark.parametrize("device", [PHONE])
def test_what_is_no_key_is_refused_and_changes_nothing(page: Page, api: ApiDouble) -> None:
    ask(page)
    key = bearer(api)
    page.get_by_role("textbox", name="Key").fill("password")
    page.get_by_role("button", name="Use another key").click()
    expect(page.get_by_text("That is not a key")).to_be_in_viewport()  # beside the field
    ask(page)
    assert bearer(api) == key


def test_forgetting_can_be_called_off(page: Page, api: ApiDouble) -> None:
    ask(page)
    key = bearer(api)
    page.get_by_role("button", name="Forget my key").click()
    page.get_by_role("button", name="Cancel").click()
    ask(page)
    assert bearer(api) == key


def test_what_becomes_of_the_key_holds_in_every_tab(page: Page, api: ApiDouble) -> None:
    ask(page)
    key = bearer(api)
    other = page.context.new_page()
    visit(other, VIEW)
    other.get_by_role("button", name="Forget my key").click()
    with page.expect_navigation():
        other.get_by_role("button", name="Yes, do it").click()
    ask(page)
    assert bearer(api) != key


@pytest.mark.parametrize("tab", ["this one", "another one"])
def test_a_key_that_is_forgotten_while_files_are_on_their_way_is_not_asked_about_twice(
    page: Page, api: ApiDouble, tab: str
) -> None:
    api.is_holding = True
    page.get_by_role("link", name="Write").click()
    image = FilePayload(name="digit.png", mimeType="image/png", buffer=drawing(7))
    page.get_by_label("Choose images").set_input_files(image)
    wait_until_sent(page, lambda: api.held == 1)
    page.get_by_role("link", name="Data").click()
    page.on("dialog", lambda dialog: dialog.dismiss())  # asked once more, the person stays
    there = page if tab == "this one" else page.context.new_page()
    if there is not page:
        visit(there, VIEW)
    there.get_by_role("button", name="Forget my key").click()
    with page.expect_navigation():
        there.get_by_role("button", name="Yes, do it").click()


def test_a_copy_holds_every_record_with_its_image(page: Page, api: ApiDouble) -> None:
    """Each as a text of its own: a few dozen photos are more than the longest text of a browser."""
    page.evaluate(
        """() => {
            const text = JSON.stringify;
            JSON.stringify = (value, ...more) => {
                if (value.classifications) throw new RangeError("Invalid string length");
                return text(value, ...more);
            };
        }"""
    )
    for digit in range(4):
        api.add(predicted=digit, true=0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a copy").click()
    expect(page.get_by_text("Saved: 4 images.")).to_be_visible()
    copy = json.loads(Path(download.value.path()).read_text())
    assert copy["legibility"]["labelled"] == 4
    assert [record["true"] for record in copy["classifications"]] == [0] * 4
    images = [re.fullmatch("data:image/png;base64,(.*)", each["image"]) for each in copy["classifications"]]
    assert [base64.b64decode(image[1]) for image in images if image] == [
        drawing(digit) for digit in (3, 2, 1, 0)
    ]


def test_a_copy_also_holds_the_records_of_images_that_are_kept_no_longer(page: Page, api: ApiDouble) -> None:
    gone, kept = api.add(predicted=1), api.add(predicted=2)
    del api.images[gone["id"]]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a copy").click()
    copy = json.loads(Path(download.value.path()).read_text())
    images = {each["id"]: each["image"] for each in copy["classifications"]}
    assert images[gone["id"]] is None
    assert images[kept["id"]].startswith("data:image/png;base64,")


def test_a_copy_that_failed_goes_on_where_it_was(page: Page, api: ApiDouble) -> None:
    first = api.add(predicted=0, true=0)
    for digit in (1, 2):
        api.add(predicted=digit)
    image = f"/classifications/{first['id']}/image"  # the oldest comes last
    api.faults = [(f"GET {image}", 500, "")]
    page.get_by_role("button", name="Download a copy").click()
    again = page.get_by_role("alert").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    api.faults = []
    first["true"] = 8  # said elsewhere meanwhile
    with page.expect_download() as download:
        again.click()
    copy = json.loads(Path(download.value.path()).read_text())
    assert [record["true"] for record in copy["classifications"]] == [None, None, 8]
    assert all(record["image"].startswith("data:image/png;base64,") for record in copy["classifications"])
    fetched = [request.url for request in api.calls("GET", "/classifications/[^/]+/image")]
    assert len([url for url in fetched if not url.endswith(image)]) == 2


def test_everything_is_deleted_after_a_question(page: Page, api: ApiDouble) -> None:
    for digit in range(4):
        api.add(predicted=digit)
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(api.records) == 4
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("Deleted: 4 images.")).to_be_visible()
    assert api.records == {}


def test_the_second_click_of_a_double_click_confirms_nothing(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    page.get_by_role("button", name="Delete everything").click()
    confirm = page.get_by_role("button", name="Yes, do it")
    second_click(page, confirm)
    expect(confirm).to_be_visible()
    confirm.click()
    expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()


def test_the_keyboard_goes_on_at_the_button_whose_work_is_done(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    download, delete = (
        page.get_by_role("button", name=name) for name in ("Download a copy", "Delete everything")
    )
    with page.expect_download():
        download.press("Enter")
    expect(page.get_by_text("Saved: 1 image.")).to_be_visible()
    expect(download).to_be_focused()
    delete.press("Enter")
    page.get_by_role("button", name="Yes, do it").press("Enter")
    expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()
    expect(delete).to_be_focused()


def test_a_deletion_that_broke_off_can_be_tried_again(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    api.faults = [("DELETE .*", 403, "")]
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    api.faults = []
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()
    assert api.records == {}


def test_a_deletion_that_breaks_off_says_how_far_it_came(page: Page, api: ApiDouble) -> None:
    for _ in range(3):
        api.add(predicted=0)
    api.faults = [(f"DELETE .*/{next(iter(api.records))}", 403, "")]  # the oldest, and so the last
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    expect(page.get_by_text("Deleting: 2 images gone …")).to_be_visible()


def test_a_key_stays_until_everything_is_deleted_with_it(page: Page, api: ApiDouble) -> None:
    held = hold(page, "**/classifications/*", "DELETE")
    api.add(predicted=0)
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    wait_until_sent(page, lambda: len(held) == 1)
    assert asks_before_leaving(page)
    for name in ("Forget my key", "Use another key"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.get_by_label("Open a key file")).to_be_disabled()
    held.pop().fallback()
    expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()
    expect(page.get_by_role("button", name="Forget my key")).to_be_enabled()
    assert not asks_before_leaving(page)


def test_an_image_whose_label_is_being_undone_is_deleted_with_everything(page: Page, api: ApiDouble) -> None:
    api.add(predicted=7, true=7)
    page.get_by_role("link", name="Handwriting").click()
    page.locator(".gallery button").click()
    held = hold(page, "**/classifications", "POST")
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    wait_until_sent(page, lambda: len(held) == 1)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Data").click()
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("button", name="Delete everything")).to_be_disabled()
    held.pop().fallback()
    expect(page.get_by_text("Deleted: 1 image.")).to_be_visible()
    assert api.records == {}


def test_the_key_that_is_there_already_changes_nothing(page: Page, api: ApiDouble) -> None:
    ask(page)
    page.get_by_role("link", name="Write").click()
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.get_by_role("link", name="Data").click()
    page.get_by_role("textbox", name="Key").fill(bearer(api))
    page.get_by_role("button", name="Use another key").click()
    page.get_by_role("link", name="Write").click()
    expect(page.get_by_text("Read as a 7.")).to_be_visible()  # it was not loaded afresh


def test_what_is_still_on_its_way_is_deleted_when_it_comes(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    page.get_by_role("link", name="Write").click()
    images = [FilePayload(name="digit.png", mimeType="image/png", buffer=drawing(7))] * 2
    page.get_by_label("Choose images").set_input_files(images)
    wait_until_sent(page, lambda: api.held == 2)
    draw(page, SEVEN)
    wait_until_sent(page, lambda: api.held == 3)
    page.get_by_role("link", name="Data").click()
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("There was nothing to delete.")).to_be_visible()
    for _ in range(3):
        with page.expect_response(lambda response: response.request.method == "DELETE"):
            api.release(0)
    assert api.records == {}
    page.get_by_role("link", name="Write").click()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()  # what was deleted was drawn as well
    expect(page.locator(".tray")).to_be_hidden()
    expect(page.get_by_text("2 to come")).to_have_count(0)


def test_a_photo_that_is_made_smaller_while_everything_is_deleted_is_not_sent(
    page: Page, api: ApiDouble
) -> None:
    page.evaluate(
        """() => {
            const decoded = createImageBitmap;
            globalThis.createImageBitmap = async (file) => {
                await new Promise((resolve) => (globalThis.decode = resolve));
                return decoded(file);
            };
        }"""
    )
    page.get_by_role("link", name="Write").click()
    page.get_by_label("Choose images").set_input_files(
        FilePayload(name="photo.avif", mimeType="image/avif", buffer=b"none")  # of a kind that is converted
    )
    page.get_by_role("link", name="Data").click()
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("There was nothing to delete.")).to_be_visible()
    page.evaluate("decode()")
    wait_until_sent(page, lambda: not asks_before_leaving(page))  # the file is done with
    assert api.calls("POST", "/classifications") == []


def test_what_is_on_its_way_while_the_page_is_loaded_for_another_person_is_the_last_ones(page: Page) -> None:
    visit(page, "/")
    tokens = page.evaluate(
        """async () => {
            const { Writer } = await import("/writer.js");
            const kept = new Map();
            const storage = {
                get: (key) => kept.get(key) ?? null,
                set: (key, value) => kept.set(key, value),
                remove: (key) => kept.delete(key),
                lasts: () => true,
            };
            const first = new Writer(storage);
            const tokens = [first.token];
            first.become("x".repeat(43));
            tokens.push(first.token, new Writer(storage).token);
            first.forget();
            return [...tokens, first.token, new Writer(storage).token];
        }"""
    )
    assert tokens[0] == tokens[1] == tokens[3]
    assert tokens[2] == "x" * 43
    assert tokens[4] not in tokens[:4]


def test_a_page_that_the_browser_kept_comes_back_for_the_person_whose_key_there_is(
    page: Page, api: ApiDouble
) -> None:
    ask(page)
    before = bearer(api)
    with page.expect_navigation():  # Playwright's Chromium keeps no page
        page.evaluate(
            "localStorage.clear(); dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )
    ask(page)
    assert bearer(api) != before


def test_everything_is_deleted_also_if_the_key_is_forgotten_meanwhile_in_another_tab(
    page: Page, api: ApiDouble
) -> None:
    api.add(predicted=0)
    api.add(predicted=1)
    held = hold(page, "**/classifications/*", "DELETE")
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Yes, do it").click()
    wait_until_sent(page, lambda: len(held) == 1)
    page.evaluate("localStorage.clear(); dispatchEvent(new StorageEvent('storage'))")
    with page.expect_navigation():
        held.pop().fallback()
        wait_until_sent(page, lambda: len(held) == 1)
        held.pop().fallback()
    assert api.records == {}


def test_no_control_that_was_switched_off_comes_back_so(page: Page) -> None:
    """Firefox keeps that over a reload, unless it is told not to."""
    page.evaluate("location.hash = 'data'")
    controls = page.locator("#data button:not([data-part=export]):not(dialog button), #data input")
    assert controls.count() == 6
    assert all(each.get_attribute("autocomplete") == "off" for each in controls.all())
