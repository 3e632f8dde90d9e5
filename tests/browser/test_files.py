"""Files: chosen, dropped, pasted; several at once, each with its own answer."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from chalice_app.settings import MAX_IMAGE_BYTES
from infrastructure.local.settings import ROOT
from tests.browser.api_double import ApiDouble, answer, drawing
from tests.browser.conftest import PHONE
from tests.browser.gestures import asks_before_leaving, hold, visit, wait_until_sent

UPLOAD = "/classifications"


@pytest.fixture(autouse=True)
def opened(page: Page, api: ApiDouble) -> None:
    api.connect(page)
    visit(page, "/")


def file(name: str, digit: int = 7) -> FilePayload:
    return FilePayload(name=name, mimeType="image/png", buffer=drawing(digit))


def choose(page: Page, *files: FilePayload) -> None:
    page.get_by_label("Choose images").set_input_files(list(files))


def hand_over(page: Page, event: str, name: str, media_type: str, content: bytes) -> None:
    """Drop or paste a file, as the browser tells the page of it."""
    page.evaluate(
        """async ([event, name, type, content]) => {
            const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type }));
            const init = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(event === "paste"
                ? new ClipboardEvent(event, { ...init, clipboardData: data })
                : new DragEvent(event, { ...init, dataTransfer: data }));
        }""",
        [event, name, media_type, base64.b64encode(content).decode()],
    )


def test_a_chosen_file_is_sent_byte_for_byte_with_its_type(page: Page, api: ApiDouble) -> None:
    page.get_by_label("Choose images").set_input_files(ROOT / "samples" / "photo-ruled.jpg")
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    request = api.calls("POST", UPLOAD)[0]
    assert request.headers["content-type"] == "image/jpeg"
    assert request.post_data_buffer == (ROOT / "samples" / "photo-ruled.jpg").read_bytes()


def test_each_of_several_files_has_its_own_answer(page: Page, api: ApiDouble) -> None:
    api.answers_to = {drawing(digit): answer(digit) for digit in range(4)}
    choose(page, *(file(f"{digit}.png", digit) for digit in range(4)))
    expect(page.get_by_text("4 images read")).to_be_visible()
    for digit in range(4):
        button = page.get_by_role("button", name=f"{digit}.png read as {digit}")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_text(f"Read as a {digit}.")).to_be_visible()


def test_progress_is_told_while_files_are_read_a_few_at_a_time(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    choose(page, *(file(f"{digit}.png", digit) for digit in range(5)))
    progress = page.get_by_role("status").filter(has_text="read, ")
    expect(progress).to_have_text("0 images read, 5 to come")
    expect(page.locator(".tray button", has_text="reading …")).to_have_count(5)
    wait_until_sent(page, lambda: api.held == 3)
    assert len(api.calls("POST", UPLOAD)) == 3
    api.release(0)
    expect(progress).to_have_text("1 image read, 4 to come")


@pytest.mark.parametrize("device", [PHONE])
def test_a_phone_offers_its_camera_and_the_photo_is_sent_as_it_is(page: Page, api: ApiDouble) -> None:
    camera = page.get_by_label("Take a photo")
    expect(page.get_by_text("Take a photo")).to_be_visible()
    expect(camera).to_have_attribute("capture", "environment")
    camera.set_input_files(ROOT / "samples" / "photo-pencil.jpg")
    expect(page.get_by_role("button", name="photo-pencil.jpg read as 7")).to_be_visible()
    assert api.calls("POST", UPLOAD)[0].post_data_buffer == (ROOT / "samples/photo-pencil.jpg").read_bytes()


def test_a_desktop_offers_no_camera(page: Page) -> None:
    expect(page.get_by_text("Take a photo")).to_be_hidden()


@pytest.mark.parametrize("device", [PHONE])
def test_on_a_phone_the_answer_to_a_picked_file_comes_into_sight(page: Page, api: ApiDouble) -> None:
    api.answers_to = {drawing(digit): answer(digit) for digit in range(2)}
    choose(page, file("0.png", 0), file("1.png", 1))
    page.get_by_role("button", name="1.png read as 1").tap()
    expect(page.get_by_text("Read as a 1.")).to_be_in_viewport()


def test_files_do_not_wait_for_each_other_while_the_model_is_away(page: Page, api: ApiDouble) -> None:
    api.is_model_away = True
    choose(page, *(file(f"{digit}.png", digit) for digit in range(5)))
    expect(page.locator(".tray button[data-state=pending]")).to_have_count(5)
    api.complete()
    expect(page.get_by_text("5 images read")).to_be_visible()


def test_pending_files_are_looked_at_a_few_at_a_time(page: Page, api: ApiDouble) -> None:
    page.clock.install()
    api.is_model_away = True
    held = hold(page, "**/classifications/*", "GET")
    choose(page, *(file(f"{digit}.png", digit) for digit in range(5)))
    expect(page.locator(".tray button[data-state=pending]")).to_have_count(5)
    page.clock.run_for(1_000)  # by then each is to be looked at
    wait_until_sent(page, lambda: len(held) >= 3)
    page.evaluate("new Promise(requestAnimationFrame)")  # all that go out at once have gone
    assert len(held) == 3
    api.complete()
    for _ in range(5):
        wait_until_sent(page, lambda: held)
        held.pop().fallback()
    expect(page.get_by_text("5 images read")).to_be_visible()


def test_two_files_of_one_name_stay_two(page: Page, api: ApiDouble) -> None:
    api.answers_to = {drawing(digit): answer(digit) for digit in (4, 9)}
    choose(page, file("digit.png", 4), file("digit.png", 9))
    expect(page.get_by_text("2 images read")).to_be_visible()
    expect(page.get_by_role("button", name="digit.png read as 4")).to_have_count(1)
    expect(page.get_by_role("button", name="digit.png read as 9")).to_have_count(1)
    assert len({request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)}) == 2


def test_one_bad_file_fails_alone(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 415, "Send the image's bytes as the body")]
    choose(page, file("bad.png"))
    expect(page.get_by_role("button", name="bad.png failed")).to_be_visible()
    api.faults = []
    choose(page, file("good.png"))
    expect(page.get_by_role("button", name="good.png read as 7")).to_be_visible()
    expect(page.get_by_text("1 image read, 1 failed")).to_be_visible()
    page.get_by_role("button", name="bad.png failed").click()
    expect(page.get_by_role("alert")).to_contain_text("Bring it as PNG, JPEG, WebP, GIF, BMP or TIFF.")


@pytest.mark.parametrize("way", ["button", "online"])
def test_files_that_failed_without_a_connection_are_sent_again_all_at_once(
    page: Page, api: ApiDouble, way: str
) -> None:
    api.is_away = True
    choose(page, *(file(f"{number}.png") for number in range(5)))
    expect(page.get_by_text("5 failed")).to_be_visible()
    again = page.get_by_role("button", name="Try the failed ones again")
    expect(again).to_be_visible()
    sent = {request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)}
    api.is_away = False
    if way == "button":
        again.press("Enter")
        expect(page.get_by_role("status").filter(has_text="images read")).to_be_focused()
    else:
        page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("5 images read")).to_be_visible()
    expect(again).to_be_hidden()
    assert {request.headers["idempotency-key"] for request in api.calls("POST", UPLOAD)} == sent


def test_files_that_failed_are_sent_again_also_while_another_one_is_on_its_way(
    page: Page, api: ApiDouble
) -> None:
    api.is_away = True
    choose(page, file("first.png"))
    expect(page.get_by_text("1 failed")).to_be_visible()
    api.is_away, api.is_holding = False, True
    choose(page, file("second.png"))
    wait_until_sent(page, lambda: api.held == 1)
    with page.expect_request(lambda request: request.method == "POST"):
        for _ in range(2):
            page.evaluate("dispatchEvent(new Event('online'))")
    wait_until_sent(page, lambda: api.held == 2)
    api.release(0)
    api.release(0)
    expect(page.get_by_text("2 images read")).to_be_visible()
    assert len(api.records) == 2


def test_a_photo_that_was_made_smaller_is_the_same_bytes_when_it_is_sent_again(
    page: Page, api: ApiDouble
) -> None:
    photo = noisy_photo(2500, 1500)
    send_twice(page, api, photo)
    first, *_, last = [request.post_data_buffer for request in api.calls("POST", UPLOAD)]
    assert first == last
    assert first is not None
    assert len(first) < len(photo)


def noisy_photo(width: int, height: int) -> bytes:
    """Return a JPEG that takes long to send."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(buffer := io.BytesIO(), "JPEG", quality=95)
    return buffer.getvalue()


def send_twice(page: Page, api: ApiDouble, photo: bytes) -> None:
    """Send a photo while there is no connection, and again when there is."""
    api.is_away = True
    choose(page, FilePayload(name="photo.jpg", mimeType="image/jpeg", buffer=photo))
    again = page.get_by_role("button", name="Try the failed ones again")
    expect(again).to_be_visible()
    api.is_away = False
    again.click()
    expect(page.get_by_text("1 image read")).to_be_visible()


def test_a_photo_that_could_not_be_made_smaller_at_first_is_the_same_bytes_when_it_is_sent_again(
    page: Page, api: ApiDouble
) -> None:
    page.evaluate(  # as where there is no memory for it at the moment
        """() => {
            const original = window.createImageBitmap;
            window.createImageBitmap = () => {
                window.createImageBitmap = original;
                return Promise.reject(new Error());
            };
        }"""
    )
    photo = noisy_photo(1000, 800)
    send_twice(page, api, photo)
    assert {request.post_data_buffer for request in api.calls("POST", UPLOAD)} == {photo}


def test_leaving_while_files_wait_for_a_connection_is_asked_about(page: Page, api: ApiDouble) -> None:
    api.is_away = True
    choose(page, file("digit.png"))
    expect(page.get_by_text("1 failed")).to_be_visible()
    assert asks_before_leaving(page)
    api.is_away = False
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("1 image read")).to_be_visible()
    assert not asks_before_leaving(page)


def test_a_file_that_came_through_by_itself_is_not_offered_again(page: Page, api: ApiDouble) -> None:
    api.is_away = True
    choose(page, file("digit.png"))
    again = page.get_by_role("button", name="Try the failed ones again")
    expect(again).to_be_visible()
    api.is_away = False
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(page.get_by_text("1 image read")).to_be_visible()
    expect(again).to_be_hidden()


def test_a_file_that_is_too_large_and_cannot_be_made_smaller_is_not_sent(page: Page, api: ApiDouble) -> None:
    """A gateway would answer 500, after all of it has been sent, and again to each other try."""
    scan = FilePayload(name="scan.tiff", mimeType="image/tiff", buffer=bytes(MAX_IMAGE_BYTES + 1))
    choose(page, scan, file("digit.png"))
    expect(page.get_by_text("1 image read, 1 failed")).to_be_visible()
    page.get_by_role("button", name="scan.tiff failed").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This image is too large.")
    expect(alert).to_contain_text("At most 4.5 MB can be sent.")
    expect(page.get_by_role("button", name=re.compile("again"))).to_have_count(0)
    assert len(api.calls("POST", UPLOAD)) == 1


def test_a_file_is_sent_that_is_just_small_enough(page: Page, api: ApiDouble) -> None:
    choose(page, FilePayload(name="scan.tiff", mimeType="image/tiff", buffer=bytes(MAX_IMAGE_BYTES)))
    expect(page.get_by_role("button", name="scan.tiff read as 7")).to_be_visible()


def test_a_file_that_was_refused_is_not_offered_again(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 422, "")]
    choose(page, file("bad.png"))
    expect(page.get_by_role("button", name="bad.png failed")).to_be_visible()
    expect(page.get_by_role("button", name="Try the failed ones again")).to_be_hidden()


def test_the_row_tells_what_has_been_labelled(page: Page) -> None:
    choose(page, file("digit.png"))
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_role("button", name="digit.png 3, read as 7")).to_be_visible()


def test_a_label_does_not_have_the_progress_read_out_again(page: Page) -> None:
    choose(page, file("digit.png"))
    expect(page.get_by_text("1 image read")).to_be_visible()
    page.evaluate(
        """() => {
            globalThis.written = 0;
            new MutationObserver(() => (written += 1))
                .observe(document.querySelector("#write [data-part=status]"), { childList: true });
        }"""
    )
    page.get_by_role("button", name="4, 0.3%").click()
    expect(page.get_by_text("0 of the 1 image you labelled were read correctly.")).to_be_visible()
    assert page.evaluate("written") == 0


def test_leaving_while_files_are_on_their_way_is_asked_about(page: Page, api: ApiDouble) -> None:
    api.is_holding = True
    choose(page, file("digit.png"))
    wait_until_sent(page, lambda: api.held == 1)
    assert asks_before_leaving(page)
    api.release(0)
    expect(page.get_by_text("1 image read")).to_be_visible()
    assert not asks_before_leaving(page)


def test_of_what_the_browser_cannot_show_the_network_shows_what_it_saw(page: Page, api: ApiDouble) -> None:
    buffer = io.BytesIO()
    Image.new("L", (40, 40), 255).save(buffer, "TIFF")
    choose(page, FilePayload(name="scan.tiff", mimeType="image/tiff", buffer=buffer.getvalue()))
    expect(page.get_by_text("Read as a 7.")).to_be_visible()
    expect(page.get_by_alt_text("The image as you made it")).to_be_hidden()
    thumbnail = page.locator(".tray img")
    expect(thumbnail).to_have_attribute("src", re.compile("^data:"))
    expect(thumbnail).to_have_js_property("naturalWidth", 28)
    expect(page.get_by_alt_text("The same image as 28 by 28 grey pixels")).to_be_visible()
    page.get_by_role("button", name="4, 0.3%").click()
    expect(page.get_by_text("0 of the 1 image you labelled were read correctly.")).to_be_visible()
    page.get_by_role("link", name="Handwriting").click()
    for place in (".gallery", ".examples"):
        shown = page.locator(f"{place} img")
        expect(shown).to_have_attribute("src", re.compile("^data:"))
        expect(shown).to_have_js_property("naturalWidth", 28)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_an_image_can_be_dropped_and_pasted(page: Page, api: ApiDouble, event: str) -> None:
    hand_over(page, event, "brought.png", "image/png", drawing(7))
    expect(page.get_by_role("button", name="brought.png read as 7")).to_be_visible()
    assert api.calls("POST", UPLOAD)[0].post_data_buffer == drawing(7)


def test_a_file_held_over_the_page_is_invited_and_no_longer_once_it_is_dropped(page: Page) -> None:
    hand_over(page, "dragover", "brought.png", "image/png", drawing(7))
    expect(page.get_by_text("Let go to have it read")).to_be_visible()
    hand_over(page, "drop", "brought.png", "image/png", drawing(7))
    expect(page.get_by_text("Let go to have it read")).to_be_hidden()


def test_text_can_be_dropped_into_a_field(page: Page) -> None:
    is_left_to_the_field = page.evaluate(
        """() => {
            const init = { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() };
            init.dataTransfer.setData("text/plain", "A key");
            const field = document.querySelector("[data-part=importText]");
            return ["dragover", "drop"].every((event) => field.dispatchEvent(new DragEvent(event, init)));
        }"""
    )
    assert is_left_to_the_field


def test_what_is_no_image_is_not_sent(page: Page, api: ApiDouble) -> None:
    hand_over(page, "drop", "notes.txt", "text/plain", b"seven")
    expect(page.get_by_text("There was no image in that.")).to_be_visible()
    assert api.calls("POST", UPLOAD) == []


def test_that_something_was_no_image_is_said_each_time_and_not_held_against_what_comes_after(
    page: Page,
) -> None:
    status = page.locator("#write [data-part=status]")
    written = """status => {
        globalThis.written = 0;
        new MutationObserver(() => (written += 1)).observe(status, { childList: true });
    }"""
    status.evaluate(written)
    for _ in range(2):
        hand_over(page, "drop", "notes.txt", "text/plain", b"seven")
    assert page.evaluate("written") == 2  # and so read out twice
    choose(page, file("seven.png"))
    expect(status).to_have_text("1 image read")


def test_an_image_whose_name_has_no_ending_is_sent_byte_for_byte(page: Page, api: ApiDouble) -> None:
    hand_over(page, "drop", "scan", "", drawing(7))
    expect(page.get_by_text("1 image read")).to_be_visible()
    [request] = api.calls("POST", UPLOAD)
    assert request.post_data_buffer == drawing(7)  # made a JPEG, it would lose what is transparent


def test_what_is_no_image_among_images_is_left_out_and_said_to_be(page: Page, api: ApiDouble) -> None:
    text = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"seven")
    empty = FilePayload(name="empty.png", mimeType="image/png", buffer=b"")
    choose(page, file("seven.png"), text, empty)
    expect(page.get_by_text("1 image read, 2 files were no images")).to_be_visible()
    assert len(api.calls("POST", UPLOAD)) == 1


def test_what_takes_long_to_send_is_made_smaller_first_and_freed(page: Page, api: ApiDouble) -> None:
    page.evaluate(
        """() => {
            globalThis.freed = 0;
            const close = ImageBitmap.prototype.close;
            ImageBitmap.prototype.close = function () { globalThis.freed += 1; close.call(this); };
        }"""
    )
    buffer = io.BytesIO()
    Image.new("L", (2400, 720), "white").save(buffer, "BMP")  # which is not compressed
    assert buffer.tell() > 500_000
    choose(page, FilePayload(name="large.bmp", mimeType="image/bmp", buffer=buffer.getvalue()))
    expect(page.get_by_role("button", name="large.bmp read as 7")).to_be_visible()
    request = api.calls("POST", UPLOAD)[0]
    sent = request.post_data_buffer or b""
    assert request.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(sent)).size == (2000, 600)
    assert page.evaluate("freed") == 1


def test_what_only_browsers_read_is_sent_as_webp(page: Page, api: ApiDouble) -> None:
    buffer = io.BytesIO()
    Image.new("L", (64, 48), "white").save(buffer, "AVIF")
    choose(page, FilePayload(name="small.avif", mimeType="image/avif", buffer=buffer.getvalue()))
    expect(page.get_by_role("button", name="small.avif read as 7")).to_be_visible()
    request = api.calls("POST", UPLOAD)[0]
    assert request.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(request.post_data_buffer or b"")).size == (64, 48)


@pytest.mark.parametrize(("name", "size"), [("small.avif", 64), ("large.png", 1100)])
def test_white_ink_on_nothing_is_still_white_ink_on_nothing_when_it_was_made_smaller(
    page: Page, api: ApiDouble, name: str, size: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 4), np.uint8)
    image = Image.fromarray(noise)
    image.paste((255, 255, 255, 0), (0, 0, 16, 16))
    image.paste((255, 255, 255, 255), (24, 24, 40, 40))
    image.save(buffer := io.BytesIO(), name.rpartition(".")[2])
    media_type = "image/" + name.rpartition(".")[2]
    choose(page, FilePayload(name=name, mimeType=media_type, buffer=buffer.getvalue()))
    expect(page.get_by_role("button", name=f"{name} read as 7")).to_be_visible()
    request = api.calls("POST", UPLOAD)[0]
    sent = Image.open(io.BytesIO(request.post_data_buffer or b""))
    assert request.headers["content-type"] == "image/webp"
    pixels = np.asarray(sent.convert("RGBA"))
    assert pixels[8, 8, 3] == 0
    assert pixels[32, 32].min() > 240


def test_a_large_upload_has_the_time_that_a_bad_uplink_takes(page: Page, api: ApiDouble) -> None:
    page.evaluate(
        """() => {
            const timeout = AbortSignal.timeout;
            AbortSignal.timeout = (ms) => {
                globalThis.patience ??= ms;
                return timeout.call(AbortSignal, ms);
            };
        }"""
    )
    choose(page, FilePayload(name="broken.png", mimeType="image/png", buffer=bytes(600_000)))
    expect(page.get_by_role("button", name="broken.png read as 7")).to_be_visible()
    assert page.evaluate("patience") == 35_000 + 200_000


def test_a_file_that_is_gone_before_it_is_read_is_an_image_that_cannot_be_read(
    page: Page, api: ApiDouble
) -> None:
    page.evaluate("() => { File.prototype.arrayBuffer = () => Promise.reject(new DOMException('gone')) }")
    choose(page, file("seven.png"))
    expect(page.get_by_role("alert")).to_contain_text("This image cannot be read.")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert api.calls("POST", UPLOAD) == []


def test_a_file_that_was_answered_meanwhile_is_not_sent_again(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 503, "")]
    choose(page, *(file(f"{number}.png") for number in range(4)))
    again = page.get_by_role("button", name="Try the failed ones again")
    expect(again).to_be_visible()
    api.faults = []
    api.is_holding = True
    again.click()
    wait_until_sent(page, lambda: api.held == 3)
    page.get_by_role("button", name="3.png").click()
    page.get_by_role("button", name="Try again").click()
    wait_until_sent(page, lambda: api.held == 4)
    while api.held:
        api.release(api.held - 1)
    expect(page.get_by_role("button", name="read as 7")).to_have_count(4)
    assert len(api.records) == 4
    assert api.held == 0


def test_what_is_no_image_at_all_has_an_empty_mount_in_the_row(page: Page, api: ApiDouble) -> None:
    api.faults = [("POST .*", 415, "")]
    choose(page, FilePayload(name="photo.heic", mimeType="image/heic", buffer=b"none"))
    expect(page.get_by_role("button", name="photo.heic failed")).to_be_visible()
    thumbnail = page.locator(".tray img")
    expect(thumbnail).to_have_attribute("src", re.compile("^data:"))
    expect(thumbnail).not_to_have_js_property("naturalWidth", 0)


def test_a_file_is_labelled_like_a_drawing(page: Page, api: ApiDouble) -> None:
    api.usual_answer = answer(0)
    choose(page, file("zero.png", 0))
    page.get_by_role("button", name="0, 97.0%").click()
    expect(page.get_by_text("It was a 0, and read as one. 1 of the 1 image you labelled")).to_be_visible()
    assert [record["true"] for record in api.records.values()] == [0]


def test_a_label_is_undone_although_the_file_is_no_longer_there(
    page: Page, api: ApiDouble, tmp_path: Path
) -> None:
    (chosen := tmp_path / "7.png").write_bytes(drawing(7))
    page.locator("input[type=file]").first.set_input_files(chosen)
    page.get_by_role("button", name="7, 97.0%").click()
    undo = page.locator(".meaning").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    chosen.unlink()
    undo.click()
    wait_until_sent(page, lambda: [each["true"] for each in api.records.values()] == [None])
    expect(page.get_by_role("alert")).to_have_count(0)
