import json
from dataclasses import replace

import numpy as np
import pytest

from accuracy_job.checks import ALWAYS, Fault, Names, path_day, rejections
from accuracy_job.kernel import Batch, Group, Rejected, count
from accuracy_job.records import Text, check_texts

LABEL = {"true": 0, "predicted": 7, "confidence": 0.5, "model": "m1", "labelled": "2026-11-22T10:00:00Z"}


def checked(*bodies: bytes, day: str | None = None, names: Names | None = None) -> Batch:
    return check_texts([Text(f"key{i}", body, day) for i, body in enumerate(bodies)], names or Names())


def label(**fields: object) -> bytes:
    return json.dumps(LABEL | fields).encode()


def test_a_label_object_is_a_pair() -> None:
    batch = checked(label())
    pairs = batch.pairs
    assert (pairs.true.tolist(), pairs.predicted.tolist(), pairs.confidence) == ([0], [7], np.array([0.5]))
    assert pairs.groups == (Group("m1", "2026-11-22"),)
    assert batch.rejected == {}


def test_the_day_of_the_path_goes_before_the_time() -> None:
    assert checked(label(), day="2026-11-21").pairs.groups == (Group("m1", "2026-11-21"),)


@pytest.mark.parametrize(
    "time", [None, "", "yesterday", "2026-13-01T00:00:00Z", "2026-W01-1", 1763806791, 1795010112]
)
def test_a_time_that_is_none_leaves_the_pair_without_a_day(time: object) -> None:
    assert checked(label(labelled=time)).pairs.groups == (Group("m1", None),)


@pytest.mark.parametrize("part", ["true", "predicted"])
@pytest.mark.parametrize("wrong", [10, -1, 7.5, "seven", "7", True, False, [7], {"digit": 7}, 1e400, 10**30])
def test_what_is_no_digit_is_rejected(part: str, wrong: object) -> None:
    batch = checked(label(**{part: wrong}), label())
    assert len(batch.pairs) == 1
    assert batch.rejected.keys() == {f"{part} is not a digit"}
    assert batch.rejected[f"{part} is not a digit"].examples == (f"key0: {json.dumps(wrong)}",)


@pytest.mark.parametrize("body", [label(true=None), b'{"predicted": 7}', b"{}"])
def test_a_digit_that_is_missing_is_rejected(body: bytes) -> None:
    assert checked(body).rejected.keys() == {"true is missing"}


def test_a_whole_number_written_as_a_float_is_a_digit() -> None:
    assert checked(b'{"true": 7.0, "predicted": 0.0}').pairs.true.tolist() == [7]


@pytest.mark.parametrize("wrong", [float("nan"), 1.2, -0.1, "0.5", True, float("inf")])
def test_a_confidence_out_of_range_is_rejected(wrong: object) -> None:
    batch = checked(label(confidence=wrong))
    assert batch.rejected.keys() == {"confidence is not from 0 to 1"}
    assert len(batch.pairs) == 0


@pytest.mark.parametrize(("confidence", "in_calibration"), [(0, 1), (1, 1), (1.0, 1), (None, 0)])
def test_a_confidence_may_be_an_end_or_missing(confidence: object, in_calibration: int) -> None:
    counts = count(checked(label(confidence=confidence)))
    assert counts.calibration[0].sum() == in_calibration
    assert sum(matrix.sum() for matrix in counts.matrices.values()) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"\x89PNG", b"9" * 5000])
def test_what_is_not_json_is_rejected(body: bytes) -> None:
    assert checked(body).rejected.keys() == {"not JSON"}


@pytest.mark.parametrize("body", [b"7", b"[7, 7]", b'"7"', b"null", b"true"])
def test_json_that_is_no_object_is_rejected(body: bytes) -> None:
    assert checked(body).rejected.keys() == {"not a JSON object"}


@pytest.mark.parametrize("model", [5, ["m1"], "\ud800", "m\udfff"])
def test_a_model_that_is_no_text_is_rejected(model: object) -> None:
    assert checked(label(model=model)).rejected.keys() == {"model is not text"}


def test_a_model_may_have_any_character() -> None:
    assert checked(b'{"true": 7, "predicted": 7, "model": "\\ud83d\\ude00"}').pairs.groups == (
        Group("\U0001f600"),
    )


@pytest.mark.parametrize("id", ["\ud800", ["a"], {"a": 1}])
def test_an_id_that_is_no_text_is_left_out(id: object) -> None:
    assert checked(label(id=id)).pairs.wrong_ids == [None]


@pytest.mark.parametrize("part", ["true", "confidence", "model", "id", "labelled"])
def test_a_record_of_any_depth_stops_nothing(part: str) -> None:
    start, depths = f'{{"true": 7, "predicted": 1, "{part}": '.encode(), range(800, 1010)
    batch = checked(*(start + b"[" * depth + b"]" * depth + b"}" for depth in depths))
    rejected = sum(each.count for each in batch.rejected.values())
    assert len(batch.pairs) + rejected == len(depths)


def test_a_record_counts_under_its_first_fault() -> None:
    rejected = checked(label(true=10, predicted=11, confidence=2)).rejected
    assert {reason: each.count for reason, each in rejected.items()} == {"true is not a digit": 1}


def test_the_job_goes_on_and_keeps_ten_examples() -> None:
    batch = checked(*[label(true=10)] * 30, label())
    (rejected,) = batch.rejected.values()
    assert (rejected.count, len(rejected.examples), len(batch.pairs)) == (30, 10, 1)


def test_an_example_is_short() -> None:
    (rejected,) = checked(b"x" * 10_000).rejected.values()
    assert len(rejected.examples[0]) < 80


def test_an_example_cannot_command_a_terminal() -> None:
    (rejected,) = checked(b"\x1b[2J").rejected.values()
    assert rejected.examples == ('key0: "\\u001b[2J"',)


def test_examples_do_not_depend_on_the_order_and_the_same_one_is_kept_once() -> None:
    values = [f"{number:02}" for number in (*range(20), *range(20))]
    faults = [Fault("true is not a digit", "key", value) for value in values]
    kept = Rejected(40, tuple(f'key: "{number:02}"' for number in range(10)))
    for order in (faults, faults[::-1]):
        assert rejections(order) == {"true is not a digit": kept}


def test_only_mistakes_have_ids() -> None:
    pairs = checked(label(id="wrong"), label(id="right", true=7), label()).pairs
    assert pairs.wrong_ids == ["wrong", None]


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("s3://bucket/date=2026-11-22/a.json", "2026-11-22"),
        ("date=2026-11-22/a.json", "2026-11-22"),
        ("update=2026-11-22/a.json", None),
        ("date=2026-11-32/a.json", None),
        ("labels/a-date=2026-11-22", None),
    ],
)
def test_the_day_of_a_path_is_that_of_its_folder(path: str, day: str | None) -> None:
    assert path_day(path) == day


def test_fields_may_have_other_names() -> None:
    names = Names(true="label", predicted="guess", id="key")
    pairs = checked(b'{"label": 3, "guess": 0, "key": "a", "id": "b"}', names=names).pairs
    assert (pairs.predicted.tolist(), pairs.wrong_ids) == ([0], ["a"])


@pytest.mark.parametrize("part", ["confidence", "model", "time", "id"])
def test_a_record_without_a_field_that_was_asked_for_is_rejected(part: str) -> None:
    names = replace(Names(), **{part: "asked"}, required=ALWAYS | {part})
    batch = checked(label(), label(asked=None), label(asked="0"), names=names)
    assert batch.rejected[f"{part} is missing"].count == 1
