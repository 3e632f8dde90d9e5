import numpy as np
import pytest

from model_training.figures import calibration_error, reliability


def test_answers_that_are_as_right_as_they_are_sure_have_no_calibration_error() -> None:
    confidence = np.repeat([0.25, 0.5, 1.0], 4)
    right = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1], bool)
    assert calibration_error(reliability(confidence, right)) == pytest.approx(0)


def test_answers_that_are_sure_and_wrong_have_all_of_it() -> None:
    assert calibration_error(reliability(np.ones(5), np.zeros(5, bool))) == pytest.approx(1)
