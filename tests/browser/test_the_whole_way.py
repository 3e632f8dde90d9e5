"""The page with all the real parts behind it: a drawn digit is read, labelled, counted and reported."""

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from infrastructure.local.settings import ROOT
from infrastructure.local.stack import Stack, run_accuracy_job
from tests.browser.conftest import on_both_screens
from tests.browser.gestures import SEVEN, ZERO, Path, draw, visit


@on_both_screens
@pytest.mark.parametrize(("strokes", "digit"), [(ZERO, 0), (SEVEN, 7)], ids=["a zero", "a seven"])
def test_a_drawn_digit_is_read_labelled_counted_and_reported(
    page: Page, stack: Stack, strokes: list[Path], digit: int
) -> None:
    visit(page, stack.settings.page_url)
    draw(page, strokes)
    expect(page.get_by_text(f"Read as a {digit}.")).to_be_visible()
    expect(page.get_by_alt_text("28 by 28")).to_be_visible()

    page.get_by_role("button", name=f"{digit},").click()
    expect(page.get_by_text("1 of the 1 image you labelled was read correctly.")).to_be_visible()

    page.get_by_role("link", name="Handwriting").click()
    expect(page.get_by_role("button", name=f"{digit}, read correctly")).to_have_count(1)
    expect(page.get_by_role("row", name=f"{digit} 1 of 1")).to_be_visible()

    run_accuracy_job(stack.settings, stack.credentials)
    page.get_by_role("link", name="Model").click()
    expect(page.get_by_role("link", name=f": {digit} read as {digit}")).to_be_visible()


def test_a_sample_is_uploaded_read_and_deleted(page: Page, stack: Stack) -> None:
    visit(page, stack.settings.page_url)
    page.get_by_label("Choose images").set_input_files(ROOT / "samples" / "mnist-1.png")
    expect(page.get_by_role("button", name="mnist-1.png read as")).to_be_visible()

    page.get_by_role("link", name="Handwriting").click()
    page.get_by_role("button", name=re.compile("^Read as")).click()  # not the one above, which goes
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()


def test_what_is_no_image_is_refused_with_the_kinds_that_can_be_read(page: Page, stack: Stack) -> None:
    visit(page, stack.settings.page_url)
    no_image = FilePayload(name="notes.png", mimeType="image/png", buffer=b"not an image")
    page.get_by_label("Choose images").set_input_files(no_image)
    expect(page.get_by_role("alert")).to_contain_text("PNG, JPEG, WebP")
    expect(page.get_by_role("button", name="notes.png failed")).to_be_visible()
