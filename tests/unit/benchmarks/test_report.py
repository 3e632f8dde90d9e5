import ast
import math
import re
from base64 import b64decode
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from benchmarks import machine
from benchmarks.__main__ import NAMES
from benchmarks.machine import Machine
from benchmarks.plots import spread, svg
from benchmarks.report import Section, page
from benchmarks.results import Bars, Lines, Result, Table
from infrastructure.local.settings import ROOT

BENCHMARKS = ROOT / "benchmarks"
HOSTILE = "<script>alert(1)</script>"
BARS = Bars("Counting", "s", {"Legible": [1.0, 1.2, 0.9], HOSTILE: [2.0]})
LINES = Lines("Rates", "connections", "requests/s", {"Legible": [(1, 90), (8, 250)]}, doubling=True)
RESULT = Result(
    [Table("Times", ("", "s"), [("Legible", "1.0"), (HOSTILE, "2.0")])], [BARS, LINES], {"peer": "7.1"}
)
QUIET = Machine(datetime(2026, 11, 22, 11, 19, tzinfo=UTC), 0.02, {"processor": "a fast one"})


def made(result: Result | str = RESULT, of: Machine = QUIET) -> str:
    return page(of, [Section("python -m benchmarks.one", "Title.\n\nText. Run: it.", 61.0, result)])


def pictures(text: str) -> list[str]:
    return [
        b64decode(found).decode() for found in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    ]


def test_a_page_has_the_machine_the_command_every_table_and_every_plot() -> None:
    text = made()
    for expected in (
        "2026-11-22 11:19 UTC",
        "a fast one",
        "benchmarks.one",
        ">Title<",
        "<p>Text.</p>",
        "peer 7.1",
    ):
        assert expected in text
    assert re.findall(r"<td>([^<]*)</td>", text)[-4:-2] == ["Legible", "1.0"]
    assert len(pictures(text)) == 2


def test_a_page_needs_nothing_but_itself_and_runs_nothing() -> None:
    text = made()
    assert not re.search(r'(?:src|href)="(?!data:|#)|<link|<script|@import|url\(', text)


def test_why_figures_may_be_wrong_stands_above_them() -> None:
    text = made(Result(RESULT.tables, warnings=["Other work took a core."]))
    assert 0 < text.index("Other work took a core.") < text.index("<td>Legible")


def test_a_benchmark_that_this_machine_cannot_run_is_on_the_page_with_the_reason() -> None:
    assert "Left out: npm is needed" in made("npm is needed")


@pytest.mark.parametrize(("load", "warned"), [(0.0, False), (0.49, False), (0.5, True), (3.0, True)])
def test_a_machine_that_had_other_work_is_said_to_have_had_it(load: float, *, warned: bool) -> None:
    assert ("was not quiet" in made(of=Machine(QUIET.began, load, {}))) is warned


@pytest.mark.parametrize("plot", [BARS, LINES])
def test_a_plot_is_drawn_the_same_each_time(plot: Bars | Lines) -> None:
    drawn = svg(plot)
    assert drawn == svg(plot)
    assert len(list(ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}path"))) > 5


def test_a_bar_of_few_values_shows_all_of_them_and_one_of_many_not_the_rarest() -> None:
    assert spread([1.0, 50.0, 99.0]) == (1, 50, 99)
    assert spread([float(number) for number in range(101)]) == (5, 50, 95)


def test_a_bar_of_one_value_has_no_range() -> None:
    assert spread([7.0]) == pytest.approx((math.nan, 7, math.nan), nan_ok=True)


def test_a_steep_plot_names_its_values_as_they_are() -> None:
    steep = Lines("Slowest", "connections", "ms", {"Legible": [(1, 7), (128, 13_000)]}, steep=True)
    assert "<!-- 10,000 -->" in svg(steep).decode()


def test_this_machine_is_described() -> None:
    described = machine.describe()
    assert {"processor", "cores", "memory", "Python", "packages", "Legible"} < described.facts.keys()
    assert all(described.facts.values())


def test_every_benchmark_runs_in_make_bench() -> None:
    """A benchmark is what has a `run` of its own that may be quick."""
    found = {
        module.stem
        for module in BENCHMARKS.glob("*.py")
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "run"
        if not node.args.args and [argument.arg for argument in node.args.kwonlyargs] == ["quick"]
    }
    assert found == set(NAMES)
