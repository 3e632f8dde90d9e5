"""JSON records to pairs, one at a time: label objects, and the lines of JSON Lines files."""

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from accuracy_job.checks import (
    ALWAYS,
    NOT_A_CONFIDENCE,
    NOT_A_DIGIT,
    REASONS,
    Fault,
    Names,
    as_day,
    as_digit,
    as_text,
    fault_reason,
    is_number,
    is_text,
    rejections,
)
from accuracy_job.kernel import Batch, Group, Pairs

NOT_JSON = "not JSON"


class Text(NamedTuple):
    """One JSON text, where it is from, and its day where the path says it."""

    source: str
    body: bytes
    day: str | None


class Malformed(ValueError):
    """One record is no pair. `args` are the reason and the wrong value."""


class Row(NamedTuple):
    """One checked pair."""

    true: int
    predicted: int
    confidence: float  # NaN where there is none
    group: Group
    id: str | None


def check_texts(texts: Iterable[Text], names: Names, not_json: str = NOT_JSON) -> Batch:
    """Check JSON texts, one record each. `not_json` is the reason to reject what is none."""
    rows, faults = [], []
    for text in texts:
        try:
            rows.append(check_record(parsed(text.body, not_json), names, text.day))
        except Malformed as error:
            faults.append(Fault(error.args[0], text.source, error.args[1]))
    return Batch(_pairs(rows), rejections(faults))


def check_record(record: dict[str, object], names: Names, day: str | None) -> Row:
    """Check one record. The day, where it is given, goes before the record's time. Raises Malformed."""
    parts = {part: record.get(getattr(names, part)) for part in REASONS}
    true, predicted = as_digit(parts["true"]), as_digit(parts["predicted"])
    confidence, model = as_confidence(parts["confidence"]), parts["model"]
    wrong = {
        "true": true == NOT_A_DIGIT,
        "predicted": predicted == NOT_A_DIGIT,
        "confidence": confidence == NOT_A_CONFIDENCE,
        "model": model is not None and not is_text(model),
    }
    for part, is_wrong in wrong.items():
        if is_wrong:
            raise Malformed(fault_reason(part, parts[part]), parts[part])
    for part in sorted(names.required - ALWAYS):
        if getattr(names, part) not in record:
            raise Malformed(f"{part} is missing", record)
    group = Group(as_text(model), day or as_day(record.get(names.time)))
    return Row(true, predicted, confidence, group, as_text(record.get(names.id)))


def as_confidence(value: object) -> float:
    """Return the confidence that a JSON value is, NaN for null, else NOT_A_CONFIDENCE."""
    if value is None:
        return np.nan
    return float(value) if is_number(value) and 0 <= value <= 1 else NOT_A_CONFIDENCE


def parsed(body: bytes, not_json: str = NOT_JSON) -> dict[str, object]:
    """Return the JSON object that a text is. Raises Malformed."""
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed(not_json, body) from None
    if not isinstance(record, dict):
        raise Malformed("not a JSON object", body)
    return record


def _pairs(rows: list[Row]) -> Pairs:
    index = {group: i for i, group in enumerate(dict.fromkeys(row.group for row in rows))}
    return Pairs(
        np.array([row.true for row in rows], np.uint8),
        np.array([row.predicted for row in rows], np.uint8),
        np.array([row.confidence for row in rows], np.float64),
        tuple(index),
        np.array([index[row.group] for row in rows], np.intp),
        [row.id for row in rows if row.true != row.predicted],
    )
