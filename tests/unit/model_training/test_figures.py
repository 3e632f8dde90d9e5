import numpy as np
import pytest
from scipy.stats import binomtest

from model_training.figures import calibration_error, reliability, wilson


@pytest.mark.parametrize(("right", "count"), [(0, 10), (10, 10), (93, 100)])
def test_the_interval_is_wilsons(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_answers_that_are_as_right_as_they_are_sure_have_no_calibration_error() -> None:
    confidence = np.repeat([0.25, 0.5, 1.0], 4)
    right = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1], bool)
    assert calibration_error(reliability(confidence, right)) == pytest.approx(0)


def test_answers_that_are_sure_and_wrong_have_all_of_it() -> None:
    assert calibration_error(reliability(np.ones(5), np.zeros(5, bool))) == pytest.approx(1)
