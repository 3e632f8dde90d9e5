"""Arrow columns to pairs, a batch of rows at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accuracy_job.checks import (
    NOT_A_CONFIDENCE,
    NOT_A_DIGIT,
    Fault,
    Names,
    as_day,
    as_digit,
    as_text,
    fault_reason,
    path_day,
    rejections,
)
from accuracy_job.kernel import DIGITS, Batch, Group, IntArray, Pairs, Rejected

ONE_GROUP: IntArray = np.zeros((), np.int64)
PER_DAY = {unit: 86_400 * number for unit, number in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items()}
DATES = (-(2**31), 2**31 - 1)  # the days from 1970 that a date32 holds: more than have a name
VIEWS = (pa.string_view(), pa.binary_view())  # of texts: few functions of Arrow take them
TEXTS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)


def check_columns(batch: pa.RecordBatch, names: Names, source: str) -> Batch:
    """Check the rows of a batch. Columns other than `true` and `predicted` may be missing."""
    there = batch.schema.names
    columns = {part: _plain(batch.column(name)) for part, name in names.of_parts().items() if name in there}
    true, predicted = digits(columns["true"]), digits(columns["predicted"])
    wrong = {"true": true == NOT_A_DIGIT, "predicted": predicted == NOT_A_DIGIT}
    confidence = confidences(columns["confidence"]) if "confidence" in columns else None
    if confidence is not None:
        wrong["confidence"] = confidence == NOT_A_CONFIDENCE
    pairs = Pairs(true, predicted, confidence, *_groups(columns, path_day(source)))
    if not any(rows.any() for rows in wrong.values()):
        return Batch(_with_ids(pairs, columns.get("id")))
    good = ~np.logical_or.reduce(list(wrong.values()))
    ids = columns["id"].filter(pa.array(good)) if "id" in columns else None
    return Batch(_with_ids(_where(pairs, good), ids), _faults(columns, wrong, source))


def _plain(column: pa.Array) -> pa.Array:
    if isinstance(column.type, pa.JsonType):
        column = column.storage
    return column.cast(pa.binary()) if column.type in VIEWS else column


def digits(column: pa.Array) -> npt.NDArray[np.uint8]:
    """(n,) the digits of a column of any type, NOT_A_DIGIT where there is none."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return np.append(digits(column.dictionary), np.uint8(NOT_A_DIGIT))[_indices(column)]
    if pa.types.is_integer(kind):
        values = (column.fill_null(NOT_A_DIGIT) if column.null_count else column).to_numpy()
        # Seen as unsigned, a negative number is a large one: this leaves digits, and makes all else 10.
        return _capped(values.view(f"u{values.itemsize}"))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64()).fill_null(NOT_A_DIGIT).to_numpy()
        return np.where(np.isin(values, np.arange(DIGITS)), values, NOT_A_DIGIT).astype(np.uint8)
    if _is_text(kind):
        return _text_digits(column.cast(pa.binary()))
    return np.full(len(column), NOT_A_DIGIT, np.uint8)


def confidences(column: pa.Array) -> npt.NDArray[np.float64]:
    """(n,) the confidences of a column of any type, NaN where missing, NOT_A_CONFIDENCE where wrong."""
    numbers = _numbers(column)
    values = numbers.to_numpy(zero_copy_only=False)
    good = (values >= 0) & (values <= 1)
    if numbers.null_count:
        good |= numbers.is_null().to_numpy(zero_copy_only=False)
    return values if good.all() else np.where(good, values, NOT_A_CONFIDENCE)


def _text_digits(column: pa.Array) -> npt.NDArray[np.uint8]:
    if len(column) and pc.all(pc.equal(pc.binary_length(column), 1)).as_py() and not column.null_count:
        # One byte a cell, as nearly always: the bytes themselves, and uint8 wraps what is below "0" around.
        cells = np.frombuffer(column.buffers()[2], np.uint8)[_first_byte(column) :][: len(column)]
        return _capped(cells - np.uint8(ord("0")))
    encoded = column.dictionary_encode()
    found = [as_digit(value) for value in encoded.dictionary.to_pylist()]
    return np.array([*found, NOT_A_DIGIT], np.uint8)[_indices(encoded)]


def _capped(values: npt.NDArray[np.unsignedinteger[Any]]) -> npt.NDArray[np.uint8]:
    # Looking for the largest takes a tenth of the time that capping does, which is for what is malformed.
    capped = np.minimum(values, NOT_A_DIGIT) if values.max(initial=0) > NOT_A_DIGIT else values
    return capped.astype(np.uint8, copy=False)


def _first_byte(column: pa.Array) -> int:
    return int(np.frombuffer(column.buffers()[1], np.int32)[column.offset])


def _numbers(column: pa.Array) -> pa.Array:
    """Return the column as float64: null where it is empty, NaN where it holds no number."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(column.type):
        return _parsed_numbers(column.cast(pa.binary()))
    if not any(is_kind(column.type) for is_kind in NUMBERS):
        return pa.array(np.full(len(column), np.nan))
    return column.cast(pa.float64(), safe=False)  # whole numbers that it rounds are no confidences either way


def _parsed_numbers(column: pa.Array) -> pa.Array:
    column = pc.if_else(pc.equal(column, b""), None, column)
    try:
        return column.cast(pa.string()).cast(pa.float64())
    except pa.ArrowInvalid:
        return pa.array([_number(text) for text in column.to_pylist()], pa.float64())


def _number(text: bytes | None) -> float | None:
    try:
        return None if text is None else float(text.replace(b"_", b"?"))  # to Python 0_1 is a number
    except ValueError:
        return np.nan


def _groups(columns: dict[str, pa.Array], day: str | None) -> tuple[tuple[Group, ...], IntArray]:
    """Return the distinct groups of rows, and each row's index into them: (n,), or () for all rows."""
    models, model = _encoded(columns.get("model"), as_text)
    days, of_day = _encoded_days(columns.get("time")) if day is None else ([day], ONE_GROUP)
    index = model * len(days) + of_day
    if len(models) * len(days) > 2**16:  # Many models on many days: keep the products that occur.
        present, index = np.unique(index, return_inverse=True)
    else:
        present = np.arange(len(models) * len(days))
    return tuple(Group(models[i // len(days)], days[i % len(days)]) for i in present), index


def _encoded_days(column: pa.Array | None) -> tuple[list[str | None], IntArray]:
    """Return as `_encoded`, of the days that times name."""
    if column is None or pa.types.is_dictionary(column.type):
        return _encoded(column, as_day)
    if pa.types.is_timestamp(column.type):
        column = _dates(column)
    if pa.types.is_date32(column.type) and len(column) and not column.null_count:
        return _range_of_days(column.view(pa.int32()).to_numpy())
    if _is_text(column.type):  # cut to what names the day, so that few distinct values are left
        column = pc.binary_slice(column.cast(pa.binary()), 0, 10)
    return _encoded(column, as_day)


def _dates(times: pa.Array) -> pa.Array:
    """Return the dates of times, in UTC. Arrow's cast would wrap around those that are too far away."""
    days = times.view(pa.int64()).fill_null(0).to_numpy() // PER_DAY[times.type.unit]
    dates = pa.array(np.clip(days, *DATES).astype(np.int32), pa.date32())
    return pc.if_else(times.is_valid(), dates, None) if times.null_count else dates


def _range_of_days(days: npt.NDArray[np.int32]) -> tuple[list[str | None], IntArray]:
    """Return all days from the first to the last, and each row's index: rows lie close in time."""
    first, last = int(days.min()), int(days.max())
    if last - first >= 2**12:  # eleven years
        return _encoded(pa.array(days, pa.date32()), as_day)
    names = [str(day) for day in np.arange(first, last + 1).astype("datetime64[D]")]
    return list(map(as_day, names)), days.astype(np.int64) - first


def _encoded(
    column: pa.Array | None, read: Callable[[object], str | None]
) -> tuple[list[str | None], IntArray]:
    """Return the distinct values of a column, None the last of them, and each row's index into them."""
    if column is None:
        return [None], ONE_GROUP
    if isinstance(column, pa.ExtensionArray):  # Arrow encodes only what it stores
        encoded = column.storage.dictionary_encode()
        values = column.type.wrap_array(encoded.dictionary)
    else:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        values = encoded.dictionary
    return [*map(read, _values(values)), None], _indices(encoded)


def _values(column: pa.Array) -> list[object]:
    """Return a column as objects of Python, which reads text only where it is UTF-8, and not all times."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.string())
    values: list[object] = (column.cast(pa.binary()) if _is_text(column.type) else column).to_pylist()
    return values


def _indices(encoded: pa.DictionaryArray) -> IntArray:
    """(n,) indices into the dictionary, its length where the row is null."""
    indices: IntArray = encoded.indices.cast(pa.int64()).fill_null(len(encoded.dictionary)).to_numpy()
    return indices


def _is_text(kind: pa.DataType) -> bool:
    return kind in TEXTS or pa.types.is_fixed_size_binary(kind)


def _where(pairs: Pairs, rows: npt.NDArray[np.bool_]) -> Pairs:
    return Pairs(
        pairs.true[rows],
        pairs.predicted[rows],
        None if pairs.confidence is None else pairs.confidence[rows],
        pairs.groups,
        pairs.group[rows] if pairs.group.ndim else pairs.group,
    )


def _with_ids(pairs: Pairs, ids: pa.Array | None) -> Pairs:
    if ids is None:
        return pairs
    wrong = ids.filter(pa.array(pairs.true != pairs.predicted))
    return replace(pairs, wrong_ids=[as_text(id) for id in _values(wrong)])


def _faults(
    columns: dict[str, pa.Array], wrong: dict[str, npt.NDArray[np.bool_]], source: str
) -> dict[str, Rejected]:
    """Return what is wrong; a row with several faults counts under the first."""
    faults: list[Fault] = []
    seen = np.zeros(len(wrong["true"]), bool)
    for part, rows in wrong.items():
        values = _values(columns[part].filter(pa.array(rows & ~seen)))
        faults += [Fault(fault_reason(part, value), source, value) for value in values]
        seen |= rows
    return rejections(faults)
