from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np
import pytest

from inference_image.model import WEIGHTS, Answer, Model
from inference_image.preprocessing import Preprocessed, preprocess
from inference_image.reading import Reading
from model_training.evaluate import (
    Outcome,
    mnist_test,
    other_writers,
    read_all,
    seed_of,
    summarise,
    unlike_in,
)
from model_training.generator import HELD_OUT, Example, examples
from model_training.marks import NOT_A_DIGIT

SEEN = Preprocessed(np.zeros((28, 28), np.uint8), 0.0, None, None, 0, None, None)


def outcome(
    true: int, predicted: int, is_digit: float = 1.0, kind: str = "photo", confidence: float = 1.0
) -> Outcome:
    answer = Answer(predicted, confidence, (0.1,) * 10, is_digit)
    return Outcome(Example(b"", true, kind), Reading(answer, SEEN, "digits"))


@pytest.mark.parametrize("source", [mnist_test, other_writers])
def test_whole_digits_of_others_are_read_as_what_they_are(source: Callable[[], Iterable[Example]]) -> None:
    few = list(islice(source(), 40))
    outcomes = read_all(few, [preprocess(one.file) for one in few], Model.load(WEIGHTS))
    assert [one.example for one in outcomes] == few
    assert sum(one.is_right for one in outcomes) > 30  # chance would be four


def figures(outcomes: Iterable[Outcome]) -> dict[str, str]:
    return dict(summarise(list(outcomes)))


def test_the_summary_tells_digits_that_were_rejected_from_nothing_that_was() -> None:
    digits = [outcome(7, 7), outcome(7, 7), outcome(1, 1), outcome(0, 0, is_digit=0.4)]
    nothing = [
        outcome(NOT_A_DIGIT, 3, is_digit=0.1, kind="blank"),
        outcome(NOT_A_DIGIT, 3, is_digit=0.6, kind="solid"),
    ]
    found = figures([*digits, *nothing])
    assert found["digits wrongly rejected"] == "25.0%"
    assert found["blank and solid images rejected"] == "50.0%"
    assert found["AUROC of is_digit"] == "0.8750"  # of eight pairs one is in the wrong order


def test_where_no_digit_is_measured_nothing_is_said_of_digits() -> None:
    assert figures([outcome(NOT_A_DIGIT, 3, 0.1, "solid")]) == {"blank and solid images rejected": "100.0%"}


def test_confidence_that_is_not_earned_is_a_calibration_error() -> None:
    outcomes = [
        outcome(1, 1, confidence=0.9),
        outcome(1, 7, confidence=0.9),
        outcome(NOT_A_DIGIT, 1, 0.0, "blank"),
    ]
    assert figures(outcomes)["expected calibration error"] == "0.4000"


def test_is_digit_is_calibrated_where_it_is_as_often_right_as_it_says_in_use() -> None:
    digits, others = [outcome(1, 1, is_digit=7 / 8)] * 2, [outcome(NOT_A_DIGIT, 1, 7 / 8, "blank")] * 3
    assert figures([*digits, *others])["expected calibration error of is_digit"] == "0.0000"
    assert figures([outcome(1, 1, is_digit=1), *others])["expected calibration error of is_digit"] == "0.1094"


def test_each_version_is_measured_on_images_of_its_own() -> None:
    assert seed_of("digits-1") == seed_of("digits-1") != seed_of("digits-2")


def test_the_same_seed_draws_the_same_examples_of_the_kinds_that_are_asked_for() -> None:
    kinds = ["tiny", "solid", "noise"]
    drawn = [list(examples(HELD_OUT, 12, (0, 1), kinds)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert {one.kind for one in drawn[0]} <= set(kinds)
    assert all((one.digit == NOT_A_DIGIT) == (one.kind != "tiny") for one in drawn[0])


@pytest.mark.parametrize(
    ("changed", "unlike"),
    [
        ({"settings": {"seed": 7, "epochs": 24}}, None),
        ({"settings": {"seed": 7, "epochs": 2}}, "settings"),
        ({"version": "digits-1"}, "version"),
        ({"preprocessing_version": 1}, "preprocessing_version"),
        ({"data": {"sha256": "0"}}, "data"),
    ],
)
def test_what_was_not_made_as_the_shipped_weights_is_not_measured_beside_them(
    changed: dict[str, Any], unlike: str | None
) -> None:
    shipped = {
        "version": "digits-2",
        "preprocessing_version": 2,
        "data": {"sha256": "1"},
        "settings": {"seed": 1, "epochs": 24},
    }
    assert unlike_in(shipped | changed, shipped) == unlike
