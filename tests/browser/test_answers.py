"""What the page says of an answer, of one that does not come, and what it does with the truth."""

import re

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.api_double import CORS, ApiDouble, answer, drawing
from tests.browser.conftest import on_both_screens
from tests.browser.gestures import FOUR, SEVEN, ZERO, asks_before_leaving, draw, hold, visit, wait_until_sent

UPLOAD = "/classifications"


@pytest.fixture(autouse=True)
def opened(page: Page, api: ApiDouble) -> None:
    api.connect(page)
    visit(page, "/")


def key(page: Page, digit: int) -> Locator:
    return page.locator("#write").get_by_role("button", name=re.compile(rf"^{digit}\b"))


def test_a_sure_answer_is_one_large_digit_and_how_sure(page: Page) -> None:
    draw(page, SEVEN)
    expect(page.locator("#write .digit")).to_have_text("7")
    expect(page.get_by_text("97.0% sure")).to_be_visible()
    digit, words = (
        page.locator(name).evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        for name in ("#write .digit", "#write .says")
    )
    assert digit >= 5 * words


def test_a_zero_is_shown_as_0_and_labelled_as_0(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(0)
    draw(page, ZERO)
    expect(page.locator("#write .digit")).to_have_text("0")
    expect(page.get_by_text("Read as a 0.")).to_be_visible()
    key(page, 0).click()
    expect(page.get_by_text("It was a 0, and read as one. 1 of the 1 image you labelled")).to_be_visible()
    expect(key(page, 0)).to_have_attribute("aria-pressed", "true")
    assert [record["true"] for record in api.records.values()] == [0]


def test_certainty_is_never_rounded_up(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(7, confidence=0.9999)
    draw(page, SEVEN)
    expect(page.get_by_text("> 99.9% sure")).to_be_visible()


def test_an_unsure_answer_names_both_guesses(page: Page, api: ApiDouble) -> None:
    unsure = answer(1, confidence=0.5)
    unsure["probabilities"][7] = 0.4
    api.usual_answer = unsure
    draw(page, SEVEN)
    expect(page.get_by_text("Not sure: a 1, or a 7?")).to_be_visible()


def test_what_is_no_digit_is_said_to_be_none(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(8, confidence=0.6, is_digit=0.03)
    draw(page, SEVEN)
    expect(page.get_by_text("This does not look like a digit.")).to_be_visible()
    expect(page.get_by_text("most likely an 8 (60.0%)")).to_be_visible()
    expect(page.locator("#write .digit")).to_have_text("?")


def test_what_was_said_to_be_no_digit_is_not_called_a_read_one_elsewhere(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(7, confidence=0.6, is_digit=0.02)
    image = FilePayload(name="blot.png", mimeType="image/png", buffer=drawing(7))
    page.get_by_label("Choose images").set_input_files(image)
    row, card = page.locator(".tray button"), page.locator(".gallery button")
    expect(row).to_have_accessible_name("blot.png taken for no digit")
    page.get_by_role("link", name="Handwriting").click()
    expect(card).to_have_text("Taken for no digit, not labelled")
    card.click()
    page.keyboard.press("7")
    expect(
        page.get_by_role("dialog").get_by_text("It was a 7, taken for no digit. It counts as read as a 7.")
    ).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_have_text("7, taken for no digit")
    page.get_by_role("link", name="Write").click()
    expect(row).to_have_accessible_name("blot.png 7, taken for no digit")


def test_ten_bars_show_the_probabilities(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(3, confidence=0.91)
    draw(page, SEVEN)
    expect(key(page, 3)).to_have_accessible_name("3, 91.0%")
    expect(key(page, 4)).to_have_accessible_name("4, 1.0%")
    heights = page.locator("#write .key").evaluate_all(
        "keys => keys.map(key => Number(key.style.getPropertyValue('--share')))"
    )
    assert heights == api.usual_answer["probabilities"]


def test_what_the_network_saw_stands_beside_the_original(page: Page, api: ApiDouble) -> None:
    api.usual_answer["preprocessing"].update(inverted=True, rotation=90, thickened=True)
    draw(page, SEVEN)
    seen = page.get_by_alt_text("28 by 28")
    expect(seen).to_be_visible()
    assert seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    assert page.get_by_alt_text("The image as you made it").evaluate("image => image.naturalWidth") == 448
    expect(
        page.get_by_text("light and dark swapped, turned by 90°, cut to the digit, strokes thickened")
    ).to_be_visible()


def test_what_api_gateway_has_no_room_for_is_sent_again(page: Page, api: ApiDouble) -> None:
    api.next_faults = [("POST .*", 500, "")]
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    first, second = api.calls("POST", UPLOAD)
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


def test_a_slow_answer_is_said_to_be_coming_and_then_comes(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    draw(page, SEVEN)
    expect(page.get_by_text("Reading …")).to_be_visible()
    expect(page.get_by_text("Still reading.")).to_be_visible()
    api.release(0)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()


def test_a_pending_answer_completes_by_itself(page: Page, api: ApiDouble) -> None:
    api.is_model_away = True
    draw(page, SEVEN)
    expect(page.get_by_text("Your image is kept.")).to_be_visible()
    api.complete()
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert len(api.calls("POST", UPLOAD)) == 1


def test_what_was_deleted_while_the_model_was_away_is_said_to_be_gone_and_is_no_refusal(
    page: Page, api: ApiDouble
) -> None:
    api.is_model_away = True
    draw(page, SEVEN)
    expect(page.get_by_text("Your image is kept.")).to_be_visible()
    api.records.clear()
    expect(page.get_by_text("This image was deleted meanwhile.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(key(page, 7)).to_be_disabled()


def test_what_was_deleted_in_another_window_takes_no_label(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    api.records.clear()
    key(page, 7).click()
    expect(page.get_by_text("This image was deleted meanwhile.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_refusal_is_shown_in_the_words_of_the_api(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 422, "the image is broken after 12 bytes")]
    draw(page, SEVEN)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This image cannot be read.")  # and not in those of HTTP
    expect(alert).to_contain_text("The image is broken after 12 bytes")
    expect(key(page, 7)).to_be_disabled()


def test_what_something_before_the_api_answered_has_a_heading(page: Page) -> None:
    page.route(f"**{UPLOAD}", lambda route: route.fulfill(status=403, headers=CORS, body="<html>"))
    draw(page, SEVEN)
    expect(page.get_by_role("alert").get_by_text("The service could not answer.")).to_be_visible()


@pytest.mark.parametrize("cause", ["is_away", "is_portal"])
def test_no_connection_is_said_and_trying_again_is_the_same_request(
    page: Page, api: ApiDouble, cause: str
) -> None:
    setattr(api, cause, True)
    draw(page, SEVEN)
    expect(page.get_by_role("alert")).to_contain_text("No connection to the API.")
    setattr(api, cause, False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len({request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)}) == 1


def test_a_drawing_that_failed_without_a_connection_is_sent_again_once_there_is_one(
    page: Page, api: ApiDouble
) -> None:
    api.is_away = True
    draw(page, SEVEN)
    expect(page.get_by_role("alert")).to_contain_text("No connection to the API.")
    assert asks_before_leaving(page)
    api.is_away = False
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert not asks_before_leaving(page)
    assert len({request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)}) == 1


def test_a_busy_api_is_asked_again_without_a_word(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 503, "the queue is full")]
    draw(page, SEVEN)
    with page.expect_request_finished(lambda request: request.method == "POST"):
        pass
    api.faults = []
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len({request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)}) == 1


def test_one_tap_labels_and_says_what_it_means(page: Page, api: ApiDouble) -> None:
    api.add(predicted=3, true=3)
    draw(page, SEVEN)
    key(page, 1).click()
    expect(page.get_by_text("It was a 1, read as a 7.")).to_be_visible()
    expect(page.get_by_text("1 of the 2 images you labelled was read correctly.")).to_be_visible()


def test_figures_that_come_late_do_not_replace_those_of_a_correction(page: Page, api: ApiDouble) -> None:
    held = hold(page, "**/legibility", "GET")
    draw(page, SEVEN)
    key(page, 1).click()
    wait_until_sent(page, lambda: len(held) == 1)
    key(page, 7).click()
    wait_until_sent(page, lambda: len(held) == 2)
    held.pop().fallback()
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()
    api.add(predicted=3, true=1)  # so that the two differ
    with page.expect_response("**/legibility"):
        held.pop().fallback()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()


def test_figures_do_not_outlive_the_label_that_they_are_of(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_text("It was a 7, and read as one. 1 of the 1 image you labelled")).to_be_visible()
    (record,) = api.records.values()
    record["true"] = 1  # in another window
    page.get_by_role("link", name="Model").click()
    page.get_by_role("link", name="Write").click()
    expect(page.locator("#write [data-part=meaning]")).to_have_text("It was a 1, read as a 7.")


@pytest.mark.parametrize(
    ("typed", "code"), [("à", "Digit0"), ("0", "Digit0"), ("۰", "Digit0"), ("0", "Numpad0")]
)
def test_a_digits_key_labels_also_where_it_types_something_else(page: Page, typed: str, code: str) -> None:
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    press(page, key=typed, code=code)
    expect(key(page, 0)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("typed", "code", "undoes"), [("я", "KeyZ", True), ("y", "KeyZ", False)])
def test_undo_is_where_the_keyboard_has_it(page: Page, typed: str, code: str, *, undoes: bool) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    press(page, key=typed, code=code, ctrlKey=True)
    expect(page.locator("#write").get_by_role("button", name="Clear")).to_be_enabled(enabled=not undoes)


def press(page: Page, **facts: object) -> None:
    """Press a key of a keyboard that is not the tests' own."""
    page.evaluate(
        "facts => document.body.dispatchEvent(new KeyboardEvent('keydown', { ...facts, bubbles: true }))",
        facts,
    )


def test_a_number_key_labels(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    page.keyboard.press("0")
    expect(key(page, 0)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("It was a 0, read as a 7.")).to_be_visible()


def test_number_keys_can_be_switched_off_for_good(page: Page, api: ApiDouble) -> None:
    page.get_by_label("Use the keys 0 to 9").filter(visible=True).uncheck()
    page.reload()
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    page.keyboard.press("7")
    key(page, 3).click()
    expect(page.get_by_text("It was a 3, read as a 7. 0 of the 1 image you labelled")).to_be_visible()
    assert len(api.calls("PUT", ".*")) == 1


def test_number_keys_are_one_choice_for_the_whole_page(page: Page, api: ApiDouble) -> None:
    api.add(predicted=0)
    choice = page.get_by_label("Use the keys 0 to 9").filter(visible=True)
    choice.uncheck()
    page.get_by_role("link", name="Handwriting").click()
    page.locator(".gallery button").click()
    expect(page.get_by_role("dialog").get_by_text("Read as a 0.")).to_be_visible()
    expect(choice).not_to_be_checked()
    page.keyboard.press("7")
    choice.check()
    page.keyboard.press("0")
    expect(page.get_by_text("It was a 0, and read as one.")).to_be_visible()
    wait_until_sent(page, lambda: api.calls("PUT", ".*"))  # what is chosen shows before it is saved
    assert [request.post_data_json for request in api.calls("PUT", ".*")] == [{"true": 0}]


def test_number_keys_are_one_choice_for_all_tabs(page: Page) -> None:
    other = page.context.new_page()
    visit(other, "/")
    other.get_by_label("Use the keys 0 to 9").filter(visible=True).uncheck()
    expect(page.get_by_label("Use the keys 0 to 9").filter(visible=True)).not_to_be_checked()
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    page.keyboard.press("8")
    expect(key(page, 8)).to_have_attribute("aria-pressed", "false")


def test_what_is_undone_is_told_by_the_name_of_each_button(page: Page) -> None:
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(1)
    expect(page.get_by_role("button", name="Undo what you said")).to_be_visible()


def test_a_correction_replaces_the_label_and_can_be_undone(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_text("read correctly")).to_be_visible()
    key(page, 1).click()
    expect(page.get_by_text("It was a 1, read as a 7.")).to_be_visible()
    page.locator(".meaning").get_by_role("button", name="Undo").click()
    expect(key(page, 7)).to_have_attribute("aria-pressed", "true")
    expect(key(page, 1)).to_have_attribute("aria-pressed", "false")


def label_twice(page: Page) -> None:
    """Say 3 and 4 so fast that the first is under way when the second comes."""
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    page.evaluate("for (const digit of [3, 4]) document.querySelectorAll('#write .key')[digit].click()")


def test_two_labels_in_a_row_are_saved_in_that_order(page: Page, api: ApiDouble) -> None:
    label_twice(page)
    expect(page.get_by_text("0 of the 1 image you labelled were read correctly.")).to_be_visible()
    expect(key(page, 4)).to_have_attribute("aria-pressed", "true")
    assert [request.post_data_json for request in api.calls("PUT", ".*")] == [{"true": 3}, {"true": 4}]
    assert [record["true"] for record in api.records.values()] == [4]


def test_of_two_labels_that_both_fail_none_is_shown(page: Page, api: ApiDouble) -> None:
    api.faults = [("PUT .*", 403, "")]
    label_twice(page)
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    for digit in range(10):
        expect(key(page, digit)).to_have_attribute("aria-pressed", "false")


def test_of_two_labels_the_second_holds_although_the_first_failed(page: Page, api: ApiDouble) -> None:
    api.next_faults = [("PUT .*", 403, "")]
    label_twice(page)
    expect(page.get_by_text("0 of the 1 image you labelled were read correctly.")).to_be_visible()
    expect(key(page, 4)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert [record["true"] for record in api.records.values()] == [4]


def test_the_same_label_again_is_no_step_to_undo(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    for _ in range(2):
        key(page, 7).click()
        expect(page.get_by_text("1 of the 1 image you labelled was read correctly.")).to_be_visible()
    page.locator(".meaning").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("It was a")).to_be_hidden()
    expect(key(page, 7)).to_have_attribute("aria-pressed", "false")
    assert len(api.calls("PUT", ".*")) == 1


def test_a_label_that_is_undone_before_it_is_saved_leaves_one_image_without_one(
    page: Page, api: ApiDouble
) -> None:
    api.next_faults = [("PUT .*", 503, "busy")]
    draw(page, SEVEN)
    key(page, 1).click()
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.locator(".meaning").get_by_role("button", name="Undo").click()
    expect(key(page, 1)).to_be_enabled()
    expect(key(page, 1)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert [record["true"] for record in api.records.values()] == [None]


def test_the_keyboards_undo_takes_back_the_label_before_the_stroke(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.keyboard.press("8")
    expect(page.get_by_text("It was an 8, read as a 7.")).to_be_visible()
    page.keyboard.press("Control+Z")  # as with Caps Lock
    expect(page.get_by_text("It was an 8")).to_be_hidden()
    expect(key(page, 8)).to_be_enabled()
    assert [record["true"] for record in api.records.values()] == [None]
    page.keyboard.press("Control+z")
    expect(page.locator("#write .says")).to_have_text("The answer appears here when you pause.")


def test_a_held_undo_takes_back_one_step(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.keyboard.press("8")
    expect(page.get_by_text("It was an 8, read as a 7.")).to_be_visible()
    page.keyboard.down("Control")
    page.keyboard.down("z")
    expect(key(page, 8)).to_be_enabled()
    expect(page.get_by_text("It was an 8")).to_be_hidden()
    page.keyboard.down("z")  # as it repeats
    expect(page.locator("#write .says")).to_have_text("Read as a 7.")
    page.keyboard.up("z")
    page.keyboard.press("z")
    expect(page.locator("#write .says")).to_have_text("The answer appears here when you pause.")


def test_leaving_before_what_was_said_is_saved_is_asked_about(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    draw(page, SEVEN)
    wait_until_sent(page, lambda: api.held == 1)
    assert asks_before_leaving(page)
    api.release(0)
    api.is_holding = False
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    assert not asks_before_leaving(page)
    page.get_by_role("link", name="Model").click()
    held = hold(page, "**/classifications/*", "GET")
    page.get_by_role("link", name="Write").click()
    wait_until_sent(page, lambda: held)
    assert not asks_before_leaving(page)  # a look at what became of it loses nothing
    key(page, 7).click()  # which waits for that look
    assert asks_before_leaving(page)
    held.pop().fallback()
    expect(page.get_by_text("1 of the 1 image you labelled was read correctly.")).to_be_visible()
    assert not asks_before_leaving(page)
    api.is_holding = True
    page.locator(".meaning").get_by_role("button", name="Undo").click()
    assert asks_before_leaving(page)


def test_the_keyboards_undo_of_a_label_leaves_the_keyboard_at_its_digit(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(key(page, 7)).to_be_enabled()
    key(page, 7).press("Enter")
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()
    api.is_holding = True
    page.keyboard.press("Control+z")
    expect(page.locator("body")).to_be_focused()  # until it is done no key takes anything
    wait_until_sent(page, lambda: api.held == 1)
    api.release(0)
    expect(key(page, 7)).to_be_focused()


def opened_in_history(page: Page) -> Locator:
    """Open the one image under Handwriting; return its dialog."""
    page.get_by_role("link", name="Handwriting").click()
    page.locator(".gallery button").click()
    return page.get_by_role("dialog")


def test_a_label_given_in_the_history_is_kept_and_finishes_the_drawing(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    dialog = opened_in_history(page)
    dialog.get_by_role("button", name="7,").click()
    expect(page.get_by_text("1 of the 1 image you labelled was read correctly.")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Write").click()
    expect(key(page, 7)).to_have_attribute("aria-pressed", "true")
    api.next_answers = [answer(0)]
    draw(page, ZERO)
    expect(page.get_by_text("Read as a 0.")).to_be_visible()
    assert [(each["predicted"], each["true"]) for each in api.records.values()] == [(7, 7), (0, None)]


def test_a_label_given_in_another_window_is_not_deleted_with_an_older_version(
    page: Page, api: ApiDouble
) -> None:
    draw(page, FOUR[:1])
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    (record,) = api.records.values()
    record["true"] = 1
    with page.expect_response(f"**/classifications/{record['id']}"):
        draw(page, FOUR[1:])
    wait_until_sent(page, lambda: len(api.records) == 2)
    expect(key(page, 7)).to_be_enabled()
    assert [each["true"] for each in api.records.values()] == [1, None]
    assert api.calls("DELETE", ".*") == []


def test_an_image_deleted_in_the_history_has_no_answer_any_more(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    opened_in_history(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Write").click()
    expect(page.locator("#write").get_by_text("This image was deleted meanwhile.")).to_be_visible()
    expect(key(page, 7)).to_be_disabled()


def test_a_drawing_whose_label_is_undone_in_the_history_keeps_its_answer(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()
    dialog = opened_in_history(page)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("button", name="7,")).to_have_attribute("aria-pressed", "false")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Write").click()
    expect(key(page, 7)).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#write .says")).to_have_text("Read as a 7.")
    key(page, 1).click()
    expect(page.get_by_text("0 of the 1 image you labelled")).to_be_visible()
    assert [record["true"] for record in api.records.values()] == [1]


def test_a_first_label_is_undone_by_sending_the_image_afresh(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 1).click()
    expect(page.get_by_text("It was a")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.locator(".meaning").get_by_role("button", name="Undo").press("Enter")
    expect(key(page, 1)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("It was a")).to_be_hidden()
    expect(key(page, 1)).to_be_focused()  # the button is gone, and the keyboard goes on here
    assert [record["true"] for record in api.records.values()] == [None]


def test_an_answer_is_read_out_once_and_not_again_with_its_label(page: Page) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.evaluate(
        """() => {
            globalThis.written = [];
            new MutationObserver((all) => written.push(...all.map(({ target }) => target.dataset.part)))
                .observe(document.querySelector("#write .answer"), { subtree: true, childList: true });
        }"""
    )
    key(page, 7).click()
    expect(page.get_by_text("1 of the 1 image you labelled")).to_be_visible()
    assert {"says", "note"}.isdisjoint(page.evaluate("written"))
    assert page.evaluate("written.filter((part) => part === 'meaning').length") == 2


def test_a_label_that_could_not_be_saved_is_taken_back(page: Page, api: ApiDouble) -> None:
    api.faults = [("PUT .*", 403, "")]
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    expect(key(page, 7)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("It was a")).to_be_hidden()


def test_a_correction_that_could_not_be_saved_is_no_step_to_undo(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 3).click()
    expect(page.get_by_text("0 of the 1 image you labelled")).to_be_visible()
    api.next_faults = [("PUT .*", 403, "")]
    key(page, 5).click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    expect(key(page, 3)).to_have_attribute("aria-pressed", "true")
    page.locator(".meaning").get_by_role("button", name="Undo").click()
    expect(key(page, 3)).to_have_attribute("aria-pressed", "false")
    assert [record["true"] for record in api.records.values()] == [None]


def test_an_undone_correction_that_could_not_be_saved_is_undone_by_the_next_try(
    page: Page, api: ApiDouble
) -> None:
    draw(page, SEVEN)
    for digit in (3, 5):
        key(page, digit).click()
        expect(page.get_by_text(f"It was a {digit}")).to_be_visible()
    undo = page.locator(".meaning").get_by_role("button", name="Undo")
    wait_until_sent(page, lambda: not asks_before_leaving(page))  # a label shows before it is saved
    api.next_faults = [("PUT .*", 403, "")]
    undo.click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    undo.click()
    expect(key(page, 3)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert [record["true"] for record in api.records.values()] == [3]


@on_both_screens
def test_a_label_that_fails_after_the_person_went_on_is_told(page: Page, api: ApiDouble) -> None:
    api.next_faults = [("PUT .*", 503, "busy"), ("PUT .*", 403, "")]
    draw(page, SEVEN)
    key(page, 7).click()
    draw(page, ZERO)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your last change to the image before is not saved.")
    expect(alert.get_by_text("Your last change")).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    alert.get_by_role("button", name="Close").press("Enter")
    expect(alert).to_have_count(0)
    expect(page.locator("[data-part=unsaved]")).to_be_focused()
    assert [record["true"] for record in api.records.values()] == [None, None]


def test_a_label_that_could_not_be_saved_and_was_given_elsewhere_is_no_problem_any_more(
    page: Page, api: ApiDouble
) -> None:
    api.next_faults = [("PUT .*", 403, "")]
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    (record,) = api.records.values()
    record["true"] = 7  # in another window
    page.get_by_role("link", name="Model").click()
    page.get_by_role("link", name="Write").click()
    expect(page.get_by_text("It was a 7")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_label_that_fails_while_it_is_undone_leaves_no_problem(page: Page, api: ApiDouble) -> None:
    held = hold(page, "**/label", "PUT")
    draw(page, SEVEN)
    key(page, 1).click()
    wait_until_sent(page, lambda: len(held) == 1)
    page.locator(".meaning").get_by_role("button", name="Undo").click()
    api.next_faults = [("PUT .*", 403, "")]
    held.pop().fallback()
    expect(key(page, 1)).to_be_enabled()
    assert [each["true"] for each in api.records.values()] == [None]
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_first_label_that_could_not_be_undone_stands_and_is_undone_by_the_next_try(
    page: Page, api: ApiDouble
) -> None:
    undo = page.locator(".meaning").get_by_role("button", name="Undo")
    api.next_faults = [("DELETE .*", 403, "")]
    draw(page, SEVEN)
    key(page, 1).click()
    undo.click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    expect(key(page, 1)).to_have_attribute("aria-pressed", "true")
    undo.click()
    expect(key(page, 1)).to_have_attribute("aria-pressed", "false")
    expect(key(page, 1)).to_be_enabled()
    assert [record["true"] for record in api.records.values()] == [None]


def test_a_label_is_thanked_for_also_when_the_figures_cannot_be_had(page: Page, api: ApiDouble) -> None:
    api.faults = [("GET /legibility", 403, "")]
    draw(page, SEVEN)
    key(page, 7).click()
    expect(page.get_by_text("It was a 7, and read as one.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("is_slow", [False, True], ids=["saved before the next stroke", "and after it"])
def test_a_label_given_in_the_history_outlives_the_next_stroke_in_the_other_view(
    page: Page, api: ApiDouble, *, is_slow: bool
) -> None:
    draw(page, SEVEN)
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    dialog = opened_in_history(page)
    held = hold(page, "**/label", "PUT")
    dialog.get_by_role("button", name="7,").click()
    wait_until_sent(page, lambda: len(held) == 1)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Write").click()
    if not is_slow:
        held.pop().fallback()
        expect(key(page, 7)).to_have_attribute("aria-pressed", "true")
    api.next_answers = [answer(0)]
    draw(page, ZERO)
    expect(page.get_by_text("Read as a 0.")).to_be_visible()
    if is_slow:
        held.pop().fallback()
        wait_until_sent(page, lambda: not asks_before_leaving(page))
    assert [(each["predicted"], each["true"]) for each in api.records.values()] == [(7, 7), (0, None)]


def test_undo_that_is_pressed_twice_takes_the_label_alone(page: Page, api: ApiDouble) -> None:
    draw(page, SEVEN)
    key(page, 1).click()
    expect(page.locator(".meaning").get_by_role("button", name="Undo")).to_be_visible()
    held = hold(page, "**/classifications", "POST")
    page.keyboard.press("Control+z")
    wait_until_sent(page, lambda: len(held) == 1)
    page.keyboard.press("Control+z")
    held.pop().fallback()
    expect(key(page, 1)).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("button", name="Clear")).to_be_enabled()
    assert [each["true"] for each in api.records.values()] == [None]


def test_an_answer_that_comes_after_a_failure_appears_where_it_can_be_read_out(
    page: Page, api: ApiDouble
) -> None:
    api.is_away = True
    draw(page, SEVEN)
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("#write .verdict").evaluate("each => getComputedStyle(each).display") != "none"
