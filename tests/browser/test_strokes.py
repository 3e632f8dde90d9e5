"""strokes.js: the mathematics of a drawing, run where it runs."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """Open the page once: nothing here leaves anything on it."""
    with chromium.new_context(base_url=site) as context:
        page = context.new_page()
        page.goto("/")
        yield page


def run(page: Page, body: str) -> Any:  # noqa: ANN401  whatever JSON the script returns
    """Run the body of a function to which `strokes` is the module and `at` makes a point."""
    return page.evaluate(
        f"""async () => {{
            const strokes = await import("/strokes.js");
            const at = (x, y, pressure = 0.5) => ({{ x, y, pressure }});
            {body}
        }}"""
    )


def test_curves_join_where_the_last_one_ended(page: Page) -> None:
    curves = run(
        page, "return strokes.segments({ width: 0.1, points: [at(0, 0), at(0.5, 0), at(1, 1), at(0, 1)] })"
    )
    assert [curve["to"] for curve in curves[:-1]] == [curve["from"] for curve in curves[1:]]


def test_a_stroke_begins_and_ends_where_the_pen_did(page: Page) -> None:
    curves = run(
        page, "return strokes.segments({ width: 0.1, points: [at(0, 0.1), at(0.5, 0), at(1, 0.9)] })"
    )
    assert (curves[0]["from"]["x"], curves[0]["from"]["y"]) == (0, 0.1)
    assert (curves[-1]["to"]["x"], curves[-1]["to"]["y"]) == (1, 0.9)


def test_curves_join_without_a_corner(page: Page) -> None:
    """At every joint the direction in which one curve ends is that in which the next begins."""
    turns = run(
        page,
        """
        const points = Array.from({ length: 9 }, (_, i) => at(Math.cos(i), Math.sin(i)));
        const curves = strokes.segments({ width: 0.1, points });
        const angle = (a, b) => Math.atan2(b.y - a.y, b.x - a.x);
        return curves.slice(1, -2).map((curve, i) =>
            Math.sin(angle(curve.control, curve.to) - angle(curves[i + 2].from, curves[i + 2].control)));
        """,
    )
    assert len(turns) == 6
    assert turns == pytest.approx([0] * 6, abs=1e-9)


@pytest.mark.parametrize(("pressure", "width"), [(0, 0.05), (0.5, 0.1), (1, 0.15)])
def test_pressure_makes_half_to_one_and_a_half_of_the_brush(
    page: Page, pressure: float, width: float
) -> None:
    curves = run(
        page,
        f"return strokes.segments({{ width: 0.1, points: [at(0, 0, {pressure}), at(1, 1, {pressure})] }})",
    )
    assert [curve["width"] for curve in curves] == pytest.approx([width, width])


def test_a_hand_that_presses_almost_alike_writes_alike_so_that_its_curves_are_one_path(page: Page) -> None:
    widths = run(
        page,
        """
        const points = Array.from({ length: 100 }, (_, i) => at(i / 100, 0, i / 100));
        return strokes.segments({ width: 0.1, points }).map(({ width }) => width);
        """,
    )
    assert len(set(widths)) <= 33
    assert widths == pytest.approx([0.05 + i / 1000 for i in range(100)], abs=0.1 / 64 + 1e-9)


def test_a_stroke_without_points_has_no_curves(page: Page) -> None:
    assert run(page, "return strokes.segments({ width: 0.1, points: [] })") == []


def test_points_that_the_tremor_of_a_hand_adds_are_left_out(page: Page) -> None:
    points = run(
        page,
        """
        let stroke = { width: 0.1, points: [] };
        for (const x of [0, 0.001, 0.002, 0.01]) stroke = strokes.extended(stroke, at(x, 0));
        return stroke.points.map(({ x }) => x);
        """,
    )
    assert points == [0, 0.01]


def test_undo_goes_back_over_strokes_and_clearings_and_stops_at_the_empty_pad(page: Page) -> None:
    counts = run(
        page,
        """
        const drawing = new strokes.Drawing();
        const counts = [];
        const note = () => counts.push(drawing.strokes.length);
        drawing.add({ width: 0.1, points: [] }); note();
        drawing.add({ width: 0.1, points: [] }); note();
        drawing.clear(); note();
        drawing.clear();
        for (let i = 0; i < 4; i++) { drawing.undo(); note(); }
        return counts;
        """,
    )
    assert counts == [1, 2, 0, 2, 1, 0, 0]
