"""What was measured becomes tables and plots; nothing is measured here."""

import math
from collections.abc import Sequence

import pytest

from benchmarks import accuracy, api, inference, page, preprocessing
from benchmarks.accuracy import Race, Taken
from benchmarks.inference import SERVERS, Figures, Plan
from benchmarks.plots import svg
from benchmarks.preprocessing import Cost

MATRIX = [[1] * 10] * 10


def test_contenders_are_compared_with_the_first_by_their_medians() -> None:
    race = Race("Counting", ("Legible", "another"), "", 1000)
    ran = {
        "Legible": [Taken(seconds, 100, MATRIX) for seconds in (1.0, 2.0, 9.0)],
        "another": [Taken(seconds, 300, MATRIX) for seconds in (4.0, 5.0, 6.0)],
    }
    ours, another = accuracy.table(race, ran).rows
    assert ours == ("Legible", "2.000", "1.000", "9.000", "500", "100", "1.000")
    assert another[-1] == "2.500"
    assert accuracy.bars(race, ran).values == {"Legible": [1.0, 2.0, 9.0], "another": [4.0, 5.0, 6.0]}


def figures(rate: float, latencies: Sequence[float] = (), starved: int = 0, others: float = 1.0) -> Figures:
    return Figures(rate, latencies, cpu=7.0, memory=500.0, starved=starved, failures=1, others=others)


def test_servers_are_compared_by_the_medians_of_their_rounds_and_failures_are_added_up() -> None:
    plan = Plan(rounds=3, connections=(1, 8), warm_up=0, seconds=0)
    measured = {
        (server.name, "drawing", connections): [
            figures(rate * (1 + number), [float(ms) for ms in range(1, 101)]) for rate in (80, 100, 400)
        ]
        for number, server in enumerate(reversed(SERVERS))
        for connections in plan.connections
    }
    table = inference.speed("drawing", plan, measured, [640.0])
    assert table.rows[0] == ("Legible", "1", "500.0", "50.0", "99.0", "7.00", "500", "0", "3", "1")
    assert [row[:2] for row in table.rows[:6]] == [
        *((server.name, "1") for server in SERVERS),
        ("Legible", "8"),
    ]
    assert table.rows[-1][2] == "640.0"
    assert all(len(row) == len(table.heads) for row in table.rows)
    multiples = inference.multiples(plan, measured, {"drawing": [640.0, 1000.0, 1000.0]})
    assert multiples.rows == [("drawing", connections, "1.25", "5.00", "0.50") for connections in ("1", "8")]
    assert inference.rates("drawing", plan, measured).points["Legible"] == [(1, 500.0), (8, 500.0)]
    assert inference.slowest("drawing", plan, measured).points["Legible"] == [(1, 99.0), (8, 99.0)]


def test_what_too_few_answers_tell_is_a_dash() -> None:
    plan = Plan(rounds=2, connections=(1,), warm_up=0, seconds=0)
    none = Figures(0.0, [], cpu=math.nan, memory=500.0, starved=0, failures=1, others=0.0)
    rounds = {(server.name, "photo", 1): [none, none] for server in SERVERS}
    measured = {**rounds, ("Legible", "photo", 1): [none, figures(100, [10.0] * 299)]}
    table = inference.speed("photo", plan, measured, [640.0])
    assert table.rows[0] == ("Legible", "1", "50.0", "10.0", "–", "7.00", "500", "0", "2", "1")
    assert table.rows[1] == ("FastAPI, uvicorn", "1", "0.0", "–", "–", "–", "500", "0", "2", "0")
    assert inference.multiples(plan, measured, {"photo": [640.0]}).rows == [("photo", "1", "–", "–", "0.08")]
    assert b"<svg" in svg(inference.slowest("photo", plan, measured))


def test_who_was_left_waiting_to_the_end_took_longer_than_can_be_known() -> None:
    plan = Plan(rounds=1, connections=(1,), warm_up=0, seconds=3)
    rounds = [figures(100, [5.0] * 290 + [math.inf] * 10, starved=10)]
    assert inference.row("another", 1, rounds, plan)[3:8] == ("5.0", "> 13000", "7.00", "500", "10")
    measured = {(server.name, "photo", 1): rounds for server in SERVERS}
    assert inference.slowest("photo", plan, measured).points["Legible"] == [(1, 13_000)]


@pytest.mark.parametrize(("others", "warned"), [(5.0, False), (12.0, True)])
def test_that_other_work_disturbed_a_round_is_said(others: float, *, warned: bool) -> None:
    measured = {("Legible", "photo", 1): [figures(100), figures(100, others=others)]}
    assert any("up to 12 % of a core" in said for said in inference.disturbances(measured)) is warned


def test_calls_are_told_by_wall_time_and_by_the_processors() -> None:
    measured = {"GET /": [(float(number), 0.5) for number in range(1, 102)]}
    assert api.table(measured).rows == [("GET /", "51.00", "96.00", "0.50", "101")]


def test_of_a_persons_waits_the_usual_and_the_rare_are_told() -> None:
    waits = [600.0 + number for number in range(100)]
    assert page.table(47_700, waits).rows[:3] == [
        ("first visit transfers", "47.7 kB"),
        ("last stroke to answer, median", "650 ms"),
        ("last stroke to answer, 95th percentile", "695 ms"),
    ]
    (points,) = page.waiting(waits).points.values()
    assert points[49] == pytest.approx((649.0, 50.0))


def test_of_an_upload_the_medians_are_told_and_of_a_step_each_librarys() -> None:
    cost = Cost(whole=[1.0, 2.0, 9.0], decoding=[0.5], file=1_234_567, peak=100_000_000)
    assert preprocessing.sizes({"photograph": cost}).rows == [("photograph", "1,234.6", "2.0", "0.5", "100")]
    table = preprocessing.libraries({"blur": {"OpenCV": [0.1, 0.2, 0.9], "SciPy": [1.0]}})
    assert (table.heads, table.rows) == (("step", "OpenCV", "SciPy"), [("blur", "0.200", "1.000")])


def test_preparing_is_timed_round_by_round() -> None:
    thumbnail = preprocessing.upload(*preprocessing.UPLOADS["thumbnail of 8×8, PNG"])
    cost = preprocessing.cost(thumbnail, rounds=2)
    assert (len(cost.whole), len(cost.decoding), cost.file) == (2, 2, len(thumbnail))
