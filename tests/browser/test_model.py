"""The model's report: figures with their intervals, the confusion matrix, what is said when there is none."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.api_double import ApiDouble, report_of
from tests.browser.conftest import DESKTOP, PHONE

VIEW = "/#model"
MATRIX = [[0] * 10 for _ in range(10)]
MATRIX[0][0] = 30
MATRIX[4][4] = 8
MATRIX[4][9] = 2


@pytest.fixture(autouse=True)
def connected(page: Page, api: ApiDouble) -> None:
    api.connect(page)
    api.report = report_of(MATRIX)


def test_the_accuracy_has_its_interval_its_age_and_its_basis(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_text("95.0% read correctly")).to_be_visible()
    expect(page.get_by_text("95% interval 83.5% to 98.6%")).to_be_visible()
    expect(page.get_by_text("Made this minute")).to_contain_text("from 40 labelled images.")
    expect(page.get_by_text("Always saying 0 would reach 75.0%.")).to_be_visible()
    expect(page.get_by_text("40 of 80 images are labelled (50.0%).")).to_be_visible()
    expect(page.get_by_text("2 malformed labels were left out.")).to_be_visible()


def test_the_matrix_is_a_table_of_counts_with_true_rows_and_predicted_columns(page: Page) -> None:
    page.goto(VIEW)
    row = page.get_by_role("row", name="4 0 0 0 0 8")
    expect(row.locator(".count").filter(visible=True)).to_have_text(
        ["0", "0", "0", "0", "8", "0", "0", "0", "0", "2"]
    )
    expect(page.get_by_role("columnheader", name="9")).to_be_visible()


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_large_count_is_whole_within_its_cell_of_the_matrix(page: Page, api: ApiDouble) -> None:
    api.report = report_of([[12345] * 10] * 10)
    page.goto(VIEW)
    cells = page.locator(".matrix td:not(.corner)")
    expect(cells).to_have_count(100)
    room = "cells => cells.map(cell => cell.clientWidth - cell.querySelector('.count').offsetWidth)"
    assert min(cells.evaluate_all(room)) >= 0


def test_the_matrix_shows_row_percentages_on_demand(page: Page) -> None:
    page.goto(VIEW)
    page.get_by_role("button", name="Row %").click()
    expect(page.get_by_role("link", name="20 : 4 read as 9. Show mine", exact=True)).to_be_visible()
    page.get_by_role("button", name="Counts").click()
    expect(page.get_by_role("link", name="2 : 4 read as 9. Show mine", exact=True)).to_be_visible()


def test_a_cell_opens_ones_own_images_of_that_kind(page: Page, api: ApiDouble) -> None:
    api.add(predicted=9, true=4)
    api.add(predicted=4, true=4)
    page.goto(VIEW)
    page.get_by_role("link", name="2 : 4 read as 9").click()
    expect(page.locator(".gallery button")).to_have_text(["4, read as 9"])


def test_each_digit_has_precision_recall_and_f1(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_role("row", name="4 100.0% 80.0% 88.9% 10")).to_be_visible()
    expect(page.get_by_role("row", name="0 100.0% 100.0% 100.0% 30")).to_be_visible()
    expect(page.get_by_role("row", name="Mean 20.0% 18.0% 18.9% 40")).to_be_visible()


def test_a_digit_has_no_figure_that_nothing_is_there_to_judge_by(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_role("row", name="9 0.0% – – 0")).to_be_visible()  # 4s were read as it
    expect(page.get_by_role("row", name="1 – – – 0")).to_be_visible()
    expect(page.get_by_text("In the mean it counts as 0.")).to_be_visible()


def test_figures_that_are_almost_certain_are_not_rounded_to_it(page: Page, api: ApiDouble) -> None:
    almost = report_of(MATRIX)
    almost["accuracy_interval"] = [0.9992, 0.99999]
    almost["coverage"].update(classifications=1_000_000, labelled=999_900, share=0.9999)
    api.report = almost
    page.goto(VIEW)
    expect(page.get_by_text("95% interval > 99.9% to > 99.9%")).to_be_visible()
    expect(page.get_by_text("999,900 of 1,000,000 images are labelled (> 99.9%).")).to_be_visible()


def test_models_and_days_are_compared(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_role("row", name="digits-2026.10.3 20 95.0%")).to_be_visible()
    expect(page.get_by_role("row", name="2026-11-22 20 95.0%")).to_be_visible()


def test_calibration_is_drawn_and_can_be_read_as_a_table(page: Page) -> None:
    page.goto(VIEW)
    expect(page.get_by_role("img", name="Confidence against accuracy.")).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row", name="93%–100% 38 97.0% 100.0%")).to_be_visible()


def test_before_the_first_report_the_page_says_where_it_will_come_from(page: Page, api: ApiDouble) -> None:
    api.report = None
    page.goto(VIEW)
    expect(page.get_by_text("No report yet.")).to_be_visible()


def test_a_report_of_no_pairs_has_no_figures(page: Page, api: ApiDouble) -> None:
    api.report = report_of([[0] * 10 for _ in range(10)])
    page.goto(VIEW)
    expect(page.get_by_text("Nobody has labelled an image yet.")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)


def test_a_new_report_is_of_this_minute_also_where_the_clock_is_slow(page: Page, api: ApiDouble) -> None:
    api.report = report_of(MATRIX, made=datetime.now(UTC) + timedelta(minutes=10))
    page.goto(VIEW)
    expect(page.get_by_text("Made this minute")).to_be_visible()


def test_what_is_not_two_days_old_is_counted_in_hours(page: Page, api: ApiDouble) -> None:
    api.report = report_of(MATRIX, made=datetime.now(UTC) - timedelta(hours=35))  # two dates ago, or one
    page.goto(VIEW)
    expect(page.get_by_text("Made 35 hours ago")).to_be_visible()


def test_an_old_report_is_called_old(page: Page, api: ApiDouble) -> None:
    api.report = report_of(MATRIX, made=datetime.now(UTC) - timedelta(days=8))
    page.goto(VIEW)
    expect(page.get_by_text("Made 8 days ago")).to_be_visible()
    expect(page.get_by_text("This report is more than a week old.")).to_be_visible()


def test_without_a_connection_the_report_can_be_tried_again(page: Page, api: ApiDouble) -> None:
    api.is_away = True
    page.goto(VIEW)
    expect(page.get_by_role("alert")).to_contain_text("No connection to the API.")
    api.is_away = False
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.get_by_text("95.0% read correctly")).to_be_visible()
    expect(page.locator("[data-part=report]")).to_be_focused()  # the button is gone
