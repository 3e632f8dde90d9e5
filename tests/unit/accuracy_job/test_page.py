import io
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from accuracy_job.kernel import Batch, Counts, Group, Newest, Pairs, Rejected, count, merge
from accuracy_job.page import page
from accuracy_job.pictures import NAMES, days_to_name, pictures
from accuracy_job.report import Report, build

MADE = datetime(2026, 11, 22, 11, 19, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
ALL = {"confusion-matrix", "confusion-matrix-rows", "reliability", "accuracy-over-time"}


def counts_of(true: Sequence[int], predicted: Sequence[int], days: int = 1) -> Counts:
    groups = tuple(Group(HOSTILE, str(MADE.date() - timedelta(days=i))) for i in range(days))
    index, confidence = np.arange(len(true)) % days, np.linspace(0.5, 1, len(true))
    pairs = Pairs(np.array(true, np.uint8), np.array(predicted, np.uint8), confidence, groups, index)
    return count(Batch(pairs, {"not JSON": Rejected(2, (f"labels/{HOSTILE}.json",))}))


def report_of(pairs: int = 100, days: int = 1) -> Report:
    one = counts_of([7] * pairs, [7] * (pairs - 1) + [0], days)
    two = merge(one, Counts(confused={(7, 0): Newest((HOSTILE, "b"))}))
    return build(merge(two, one), MADE, 1000, build(one, MADE))


def is_drawn(picture: bytes) -> bool:
    with Image.open(io.BytesIO(picture)) as image:
        return len(image.convert("L").getcolors(256) or ()) > 2


@pytest.mark.parametrize("days", [1, 10, 365])
def test_a_report_has_four_pictures_of_any_number_of_days(days: int) -> None:
    drawn = pictures(report_of(days * 3, days))
    assert drawn.keys() == ALL == {*NAMES}
    assert all(map(is_drawn, drawn.values()))


@pytest.mark.parametrize("ends", [("0001-01-01", "0001-01-12"), ("9999-12-01", "9999-12-31")])
def test_the_first_and_the_last_days_of_the_calendar_are_drawn(ends: tuple[str, str]) -> None:
    first, last = (date.fromisoformat(day).toordinal() for day in ends)
    groups = tuple(Group(day=date.fromordinal(day).isoformat()) for day in range(first, last + 1))
    true = np.arange(len(groups), dtype=np.uint8) % 10
    counts = count(Batch(Pairs(true, true, None, groups, np.arange(len(groups)))))
    assert is_drawn(pictures(build(counts, MADE))["accuracy-over-time"])


@pytest.mark.parametrize(
    ("days", "named"),
    [
        ([5], [5]),
        ([1, 2, 3], [1, 2, 3]),
        ([1, 2, 3, 300], [1, 300]),
        ([1, 299, 300], [1, 299]),
        ([*range(1, 92)], [1, 11, 21, 31, 41, 51, 61, 71, 81, 91]),
    ],
)
def test_no_day_is_named_on_top_of_another(days: list[int], named: list[int]) -> None:
    assert days_to_name(days) == named


def test_what_a_report_has_nothing_for_is_not_drawn() -> None:
    assert pictures(build(Counts(), MADE)).keys() == {"confusion-matrix", "confusion-matrix-rows"}


def test_the_page_holds_the_figures_and_its_pictures() -> None:
    report = report_of()
    text = page(report, pictures(report))
    assert "99.00 %" in text
    assert text.count("data:image/png;base64,") == 4
    assert "200 of 1,000 classifications" in text
    assert "Made 2026-11-22 11:19 UTC." in text
    assert "Made 2026-11-22 11:19 UTC of a&lt;b.csv." in page({**report, "input": "a<b.csv"}, {})


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(report_of(), {})
    assert not any(mark in text for mark in ("http:", "https:", "src=", "<link", "@import"))


def test_what_came_with_the_labels_cannot_become_part_of_the_page() -> None:
    text = page(report_of(), {})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert HOSTILE not in text


def test_of_many_days_the_latest_are_listed_newest_first_and_then_all() -> None:
    for days, has_all in ((14, False), (20, True)):
        report = report_of(60, days)
        listed = re.findall(r'<th scope="row">(\d{4}-\d\d-\d\d)</th>', page(report, {}))
        newest = [day["day"] for day in reversed(report["days"])]
        assert listed == newest[:14] + newest * has_all


def test_what_scrolls_is_reached_by_keyboard_and_has_a_name_of_its_own() -> None:
    report = report_of(60, 20)
    text = page(report, pictures(report))
    names = re.findall(r'<div class="wide" tabindex="0" role="region" aria-label="(.+?)"><table>', text)
    assert len(names) == len(set(names)) == text.count("<table>") == 8


def test_what_the_pictures_show_is_there_as_tables() -> None:
    report = report_of()
    text = page(report, pictures(report))
    (matrix,) = re.findall(r"<summary>The counts as a table</summary>(.*?)</details>", text, re.DOTALL)
    rows = re.findall(r'<tr><th scope="row">(\d)</th>(.*?)</tr>', matrix)
    counts = [[int(count) for count in re.findall(r"<td>(\d+)</td>", row)] for _, row in rows]
    assert counts == report["confusion_matrix"]
    (bins,) = re.findall(
        r"<summary>The bins of confidence as a table</summary>(.*?)</details>", text, re.DOTALL
    )
    last = report["calibration"]["bins"][-1]
    cells = (f"{last['count']:,}", f"{last['confidence']:.2%}", f"{last['accuracy']:.2%}")
    assert "".join(f"<td>{cell.replace('%', ' %')}</td>" for cell in cells) in bins
    assert bins.count("<td>–</td>") == 2 * sum(not each["count"] for each in report["calibration"]["bins"])
    assert "The bins of confidence" not in page(build(Counts(), MADE), {})


def test_a_page_without_pairs_says_so() -> None:
    report = build(Counts(), MADE, 0)
    assert "No pairs yet" in page(report, pictures(report))


@pytest.mark.parametrize(
    ("p_value", "said"), [(0.01, "significant"), (0.5, "chance"), (None, "too few pairs")]
)
def test_the_page_says_what_the_trend_means(p_value: float | None, said: str) -> None:
    report = report_of()
    trend = {"p_value": p_value, "significant": p_value is not None and p_value < 0.05}
    assert said in page({**report, "trend": {**report["trend"], **trend}}, {})
