import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accuracy_job.checks import NOT_A_CONFIDENCE, NOT_A_DIGIT, Names
from accuracy_job.columns import check_columns, confidences, digits
from accuracy_job.kernel import Batch, Group, count

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


def checked(source: str = "pairs.parquet", **columns: object) -> Batch:
    return check_columns(pa.RecordBatch.from_pydict(columns), Names(), source)


@pytest.mark.parametrize("kind", INTEGERS)
def test_digits_are_the_same_in_every_type_of_integer(kind: str) -> None:
    assert digits(pa.array([0, 9, 10, None, 127], pa.type_for_alias(kind))).tolist() == [0, 9, 10, 10, 10]


@pytest.mark.parametrize("kind", [kind for kind in INTEGERS if kind.startswith("i")])
def test_negative_numbers_are_no_digits(kind: str) -> None:
    assert digits(pa.array([-1, -128, -6], pa.type_for_alias(kind))).tolist() == [NOT_A_DIGIT] * 3


def test_large_numbers_do_not_wrap_around_to_digits() -> None:
    assert digits(pa.array([256, 2**32, 2**63 - 1, -(2**63), 2**40 + 7])).tolist() == [NOT_A_DIGIT] * 5


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.decimal128(5, 2)])
def test_whole_numbers_are_digits_in_columns_of_fractions(kind: pa.DataType) -> None:
    column = pa.array([Decimal(text) for text in ("7.00", "0.00", "7.50", "-1.00", "10.00")]).cast(kind)
    assert digits(column).tolist() == [7, 0, 10, 10, 10]


def test_floats_that_are_no_numbers_are_no_digits() -> None:
    assert digits(pa.array([np.nan, np.inf, -np.inf, -0.0, 1e300])).tolist() == [10, 10, 10, 0, 10]


TEXT = [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int8(), pa.string())]


@pytest.mark.parametrize("kind", TEXT)
def test_text_is_read_as_a_digit(kind: pa.DataType) -> None:
    cells = ["7", "0", " 7 ", "7.0", "7.", "seven", "", "10", "-1", "7.5", "77", None, "07", "1e0", "/", ":"]
    found = [7, 0, 7, 7, 7, *[NOT_A_DIGIT] * 11]
    assert digits(pa.array(cells, pa.string()).cast(kind)).tolist() == found


def test_text_of_other_scripts_is_no_digit() -> None:
    assert digits(pa.array(["٧", "７"])).tolist() == [NOT_A_DIGIT] * 2


@given(st.lists(st.binary(min_size=1, max_size=1), min_size=1), st.integers(0, 3))
def test_cells_of_one_byte_are_read_as_all_others(cells: list[bytes], skipped: int) -> None:
    column = pa.array([b"long", *cells, b"x"], pa.binary()).slice(1, len(cells)).slice(skipped)
    one_by_one = [int(cell) if cell in b"0123456789" else NOT_A_DIGIT for cell in cells[skipped:]]
    assert digits(column).tolist() == one_by_one


@pytest.mark.parametrize(
    "column", [[True, False], [None, None], [[7], [8]], [date(2026, 11, 22)] * 2, [UUID(int=7)] * 2]
)
def test_columns_of_other_types_hold_no_digits(column: list[object]) -> None:
    assert digits(pa.array(column)).tolist() == [NOT_A_DIGIT] * 2


def test_slices_with_missing_values_are_read_at_their_place() -> None:
    assert digits(pa.array([1, None, 3, None, 5]).slice(2)).tolist() == [3, 10, 5]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_confidences_keep_what_is_missing_apart_from_what_is_wrong(kind: pa.DataType) -> None:
    found = confidences(pa.array([0.0, 1.0, None, np.nan, 1.5, -0.5], kind))
    wrong = [NOT_A_CONFIDENCE] * 3
    np.testing.assert_array_equal(found, [0.0, 1.0, np.nan, *wrong])


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_a_whole_number_that_no_float_holds_is_no_confidence(kind: pa.DataType) -> None:
    found = confidences(pa.array([0, 1, 2**53 + 1, 2**63 - 1], kind))
    assert found.tolist() == [0, 1, NOT_A_CONFIDENCE, NOT_A_CONFIDENCE]


@pytest.mark.parametrize("cells", [["0.5", "", None], ["0.5", "", None, "half", "nan", "1e9"]])
@pytest.mark.parametrize("kind", TEXT)
def test_confidences_are_read_from_text(cells: list[str | None], kind: pa.DataType) -> None:
    expected = [0.5, np.nan, np.nan, *[NOT_A_CONFIDENCE] * 3]
    np.testing.assert_array_equal(
        confidences(pa.array(cells, pa.string()).cast(kind)), expected[: len(cells)]
    )


def test_what_only_python_reads_as_a_number_is_no_confidence() -> None:
    assert confidences(pa.array(["0_1", "0.5"])).tolist() == [NOT_A_CONFIDENCE, 0.5]


def of_one_length(column: pa.Array) -> pa.Array:
    return pa.array(column.cast(pa.binary()).to_pylist(), pa.binary(len(column[0].as_py())))


OTHER_TEXTS = {
    "string view": lambda column: column.cast(pa.string_view()),
    "binary view": lambda column: column.cast(pa.binary_view()),
    "one length": of_one_length,
    "words of one length": lambda column: of_one_length(column).dictionary_encode(),
    "JSON": lambda column: column.cast(pa.json_()),
}


@pytest.mark.parametrize("spelt", OTHER_TEXTS.values(), ids=OTHER_TEXTS)
def test_text_of_every_other_type_is_read_as_text(spelt: Callable[[pa.Array], pa.Array]) -> None:
    texts: dict[str, object] = {
        "true": ["7", "7", "x"],
        "predicted": ["7", "1", "1"],
        "confidence": ["0.5", None, "1.0"],
        "model": ["m", "m", "m"],
        "labelled": ["2026-11-22T10:00:00Z"] * 3,
        "id": ["a", "b", "c"],
    }
    viewed = check_columns(
        pa.RecordBatch.from_pydict({k: spelt(pa.array(v)) for k, v in texts.items()}), Names(), "a"
    )
    plain = check_columns(pa.RecordBatch.from_pydict(texts), Names(), "a")
    assert viewed.rejected == plain.rejected
    assert viewed.pairs.wrong_ids == plain.pairs.wrong_ids == ["b"]
    one, other = count(viewed), count(plain)
    assert one.matrices.keys() == other.matrices.keys() == {Group("m", "2026-11-22")}
    np.testing.assert_array_equal(one.calibration, other.calibration)


OTHERS = [pa.array(column) for column in ([True], [date(2026, 11, 22)], [[0.5]], [UUID(int=7)])]


@pytest.mark.parametrize("column", [*OTHERS, pa.array([1], pa.int8()).cast(pa.bool8())])
def test_columns_of_other_types_hold_no_confidences(column: pa.Array) -> None:
    assert confidences(column).tolist() == [NOT_A_CONFIDENCE]


def test_a_column_of_nothing_holds_no_confidence_and_no_fault() -> None:
    assert np.isnan(confidences(pa.nulls(2))).all()


def test_wrong_rows_are_left_out_and_counted_by_reason() -> None:
    batch = checked(
        true=["1", "2", "ten", None, "5"],
        predicted=[1, 2, 3, 4, 50],
        confidence=[0.5, 7.0, 0.5, 0.5, 0.5],
        model=["a", "b", "c", "d", "e"],
    )
    assert batch.pairs.true.tolist() == [1]
    assert {reason: each.examples for reason, each in batch.rejected.items()} == {
        "true is not a digit": ('pairs.parquet: "ten"',),
        "true is missing": ("pairs.parquet: null",),
        "predicted is not a digit": ("pairs.parquet: 50",),
        "confidence is not from 0 to 1": ("pairs.parquet: 7.0",),
    }
    assert count(batch).matrices.keys() == {Group("a")}


def test_a_row_counts_under_its_first_fault() -> None:
    rejected = checked(true=[10], predicted=[10], confidence=[10.0]).rejected
    assert {reason: each.count for reason, each in rejected.items()} == {"true is not a digit": 1}


def day_of(times: object, source: str = "pairs.parquet") -> list[str | None]:
    counts = count(checked(source, true=[1], predicted=[1], labelled=times))
    return [group.day for group in counts.matrices]


EVENING = datetime(2026, 11, 22, 23, 30, tzinfo=timezone(timedelta(hours=-5)))


@pytest.mark.parametrize(
    ("times", "day"),
    [
        (pa.array([datetime(2026, 11, 22, 23, 30, tzinfo=UTC)]), "2026-11-22"),
        (pa.array([EVENING], pa.timestamp("ns", "America/New_York")), "2026-11-23"),
        (pa.array([date(2026, 11, 22)]), "2026-11-22"),
        (pa.array(["2026-11-22T23:30:00.123Z"]), "2026-11-22"),
        (pa.array([b"2026-11-22"]), "2026-11-22"),
        (pa.array(["2026-11-22"]).dictionary_encode(), "2026-11-22"),
        (pa.array(["someday"]), None),
        (pa.array([1763806791]), None),
        (pa.array([1795010112]), None),  # begins as a date of 1795
        (pa.array([None], pa.string()), None),
    ],
)
def test_the_day_comes_from_times_of_every_kind(times: pa.Array, day: str | None) -> None:
    assert day_of(times) == [day]


NOON = 1_795_348_800  # of 2026-11-22, in seconds
FAR = [-(2**63), -(2**62), -62_135_596_801, 253_402_300_800, NOON * 10**3, NOON * 10**6, 2**63 - 1]


@pytest.mark.parametrize("beside", [[], [None], [NOON]])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_a_time_outside_the_years_of_the_calendar_is_none(zone: str | None, beside: list[int | None]) -> None:
    times = pa.array([*FAR, *beside], pa.timestamp("s", zone))
    counts = count(checked(true=[1] * len(times), predicted=[1] * len(times), labelled=times))
    days = {group.day: int(matrix.sum()) for group, matrix in counts.matrices.items()}
    assert days == ({None: 7, "2026-11-22": 1} if beside == [NOON] else {None: len(times)})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_first_and_the_last_moment_of_a_day_are_of_that_day(unit: str) -> None:
    second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for start, day in ((NOON - 43_200, "2026-11-22"), (-86_400, "1969-12-31")):
        times = [start * second, (start + 86_400) * second - 1]
        counts = count(checked(true=[1] * 2, predicted=[1] * 2, labelled=pa.array(times, pa.timestamp(unit))))
        assert {group.day: matrix[1, 1] for group, matrix in counts.matrices.items()} == {day: 2}


@pytest.mark.parametrize("days", [[-(2**31), 2**31 - 1, 3_000_000], [3_000_000], [3_000_000, None]])
def test_a_date_outside_the_years_of_the_calendar_is_none(days: list[int | None]) -> None:
    dates = pa.array(days, pa.int32()).cast(pa.date32())
    counts = count(checked(true=[1] * len(days), predicted=[1] * len(days), labelled=dates))
    assert [group.day for group in counts.matrices] == [None]


def test_the_day_of_the_folder_goes_before_the_time() -> None:
    assert day_of(["2026-11-22"], "labels/date=2026-11-20/part.parquet") == ["2026-11-20"]


@pytest.mark.parametrize("models", [["a", "", None], pa.array(["a", "", None]).dictionary_encode()])
def test_an_empty_model_is_none(models: object) -> None:
    matrices = count(checked(true=[1, 1, 1], predicted=[1, 1, 1], model=models)).matrices
    assert {group.model: matrix.sum() for group, matrix in matrices.items()} == {"a": 1, None: 2}


def test_uuids_are_named_as_they_are_written() -> None:
    uuids = pa.array([UUID(int=7), None, UUID(int=7)])
    batch = checked(true=[1, 1, 1], predicted=[2, 1, 1], model=uuids, labelled=uuids, id=uuids)
    name = "00000000-0000-0000-0000-000000000007"
    assert {group: matrix.sum() for group, matrix in count(batch).matrices.items()} == {
        Group(name): 2,
        Group(): 1,
    }
    assert batch.pairs.wrong_ids == [name]


def test_many_models_on_many_days_stay_few_matrices() -> None:
    n = 300
    batch = checked(
        true=[1] * n,
        predicted=[1] * n,
        model=[f"m{i}" for i in range(n)],
        labelled=[date(2026, 1, 1) + timedelta(days=i) for i in range(n)],
    )
    assert len(batch.pairs.groups) == n
    assert count(batch).matrices[Group("m31", "2026-02-01")][1, 1] == 1


def test_days_far_apart_are_told_apart() -> None:
    far = pa.array([date(1970, 1, 1), date(9999, 12, 31), date(1970, 1, 1)])
    counts = count(checked(true=[1, 1, 1], predicted=[1, 1, 1], labelled=far))
    assert {group.day: matrix.sum() for group, matrix in counts.matrices.items()} == {
        "1970-01-01": 2,
        "9999-12-31": 1,
    }


NANOSECOND = pa.array([1], pa.timestamp("ns"))  # which Python has not
NOT_UTF8 = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())


@pytest.mark.parametrize(
    ("value", "text"), [(NANOSECOND, "1970-01-01 00:00:00.000000001"), (NOT_UTF8, "\ufffd")]
)
def test_values_that_python_does_not_have_are_shown_as_text(value: pa.Array, text: str) -> None:
    batch = checked(true=value, predicted=[1])
    assert batch.rejected["true is not a digit"].examples == (f"pairs.parquet: {json.dumps(text)}",)
    pairs = checked(true=[7], predicted=[1], id=value, model=value).pairs
    assert (pairs.wrong_ids, pairs.groups[0].model) == ([text], text)


@pytest.mark.parametrize("true", [[7, 1, 3, 0], [7, 99, 3, 0]])
def test_only_mistakes_have_ids(true: list[int]) -> None:
    pairs = checked(true=true, predicted=[7, 1, 8, 2], id=["right", "other", "wrong", None]).pairs
    assert pairs.wrong_ids == ["wrong", None]


def test_a_malformed_row_takes_nothing_from_the_others() -> None:
    pairs = checked(
        true=[7, 99, 0], predicted=[1, 1, 2], confidence=[0.5, 0.9, 0.25], model=["a", "a", "b"]
    ).pairs
    assert (pairs.true.tolist(), pairs.predicted.tolist()) == ([7, 0], [1, 2])
    assert pairs.confidence is not None
    assert pairs.confidence.tolist() == [0.5, 0.25]
    assert [pairs.groups[index].model for index in pairs.group] == ["a", "b"]
