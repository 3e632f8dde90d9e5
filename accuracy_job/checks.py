"""What counts as a pair. Digits are checked here, before they index anything.

A digit is a whole number from 0 to 9: 7.0 is one; 7.5 and true are not. In a column of text "7" is a digit;
in JSON, which has numbers, it is not. A confidence is a number from 0 to 1, and may be missing.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeGuard

from accuracy_job.kernel import DIGITS, MAX_EXAMPLES, Rejected

NOT_A_DIGIT = 10
NOT_A_CONFIDENCE = -1.0
MAX_SHOWN = 60  # characters of a wrong value in an example
DIGIT_TEXT = re.compile(rb"\s*([0-9])(\.0*)?\s*")
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
ALWAYS = frozenset({"true", "predicted"})
PARTS = ("true", "predicted", "confidence", "model", "time", "id")
REASONS = {
    "true": "true is not a digit",
    "predicted": "predicted is not a digit",
    "confidence": "confidence is not from 0 to 1",
    "model": "model is not text",
}
DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
DAY_FOLDER = re.compile(rf"(?:^|/)date=({DATE.pattern})/")


@dataclass(frozen=True)
class Names:
    """The columns, or JSON fields, that hold the parts of a pair."""

    true: str = "true"
    predicted: str = "predicted"
    confidence: str = "confidence"
    model: str = "model"
    time: str = "labelled"  # an RFC 3339 time in UTC, a timestamp or a date
    id: str = "id"  # what the report's examples name
    required: frozenset[str] = ALWAYS  # the parts that a file must have

    def of_parts(self) -> dict[str, str]:
        """Return the name of each part."""
        return {part: getattr(self, part) for part in PARTS}


class Fault(NamedTuple):
    """Why one input is no pair."""

    reason: str
    source: str
    value: object

    def __str__(self) -> str:
        value = self.value.decode(errors="replace") if isinstance(self.value, bytes) else self.value
        try:
            text = json.dumps(value, default=str)  # so that no byte of it reaches a terminal as a command
        except RecursionError:
            text = "nested too deeply to be shown"
        return f"{self.source}: {text[:MAX_SHOWN]}"


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a JSON value is a number. In Python True is one, too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_digit(value: object) -> int:
    """Return the digit that a value is, else NOT_A_DIGIT. Bytes are a text cell, a str is a JSON string."""
    if isinstance(value, bytes):
        match = DIGIT_TEXT.fullmatch(value)
        return int(match[1]) if match else NOT_A_DIGIT
    return int(value) if is_number(value) and value in range(DIGITS) else NOT_A_DIGIT


def is_text(value: object) -> TypeGuard[str]:
    """Tell whether a JSON value is text. JSON can spell half a character, which nothing can write."""
    return isinstance(value, str) and HALF.search(value) is None


def as_text(value: object) -> str | None:
    """Return the text of a cell, None where it is empty or none."""
    if isinstance(value, bytes):
        return value.decode(errors="replace") or None
    if isinstance(value, str):
        return value if value and is_text(value) else None
    return None if value is None or isinstance(value, list | dict) else str(value)


def as_day(value: object) -> str | None:
    """Return the date at the start of an RFC 3339 time, None where there is none."""
    text = (as_text(value) or "")[:10]
    try:  # Python also takes 17950101 for a date, which begins the seconds since 1970 of a day in 2026
        return str(date.fromisoformat(text)) if DATE.fullmatch(text) else None
    except ValueError:
        return None


def path_day(path: str) -> str | None:
    """Return the day of the `date=YYYY-MM-DD` folder that a path lies in, None where there is none."""
    match = DAY_FOLDER.search(path)
    return as_day(match[1]) if match else None


def rejections(faults: Iterable[Fault]) -> dict[str, Rejected]:
    """Faults counted by reason."""
    examples = defaultdict(list)
    for fault in faults:
        examples[fault.reason].append(str(fault))
    return {
        reason: Rejected(len(found), tuple(sorted(set(found))[:MAX_EXAMPLES]))
        for reason, found in examples.items()
    }


def fault_reason(part: str, value: object) -> str:
    return f"{part} is missing" if value in (None, b"") else REASONS[part]
