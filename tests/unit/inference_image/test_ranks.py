import numpy as np
import pytest

from inference_image.ranks import Values, median, percentiles, upper_quartile


def _values(count: int) -> Values:
    return np.random.default_rng(count).normal(100, 50, count).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 98, 4097])
def test_ranks_are_numpys_to_the_last_bit(count: int) -> None:
    values = _values(count)
    assert median(values) == np.median(values)
    for percent in (0.0, 12.5, 50.0, 75.0, 99.5, 100.0):
        assert percentiles(values, percent) == [np.percentile(values, percent)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 98, 4097])
def test_three_quarters_are_at_most_the_upper_quartile(count: int) -> None:
    values = _values(count)
    assert upper_quartile(values) == np.sort(values)[3 * (count - 1) // 4]


def test_several_percentiles_of_a_picture_are_found_at_once() -> None:
    picture = _values(300).reshape(20, 15)
    assert percentiles(picture[::2, ::2], 99.5, 25.0, 75.0) == pytest.approx(
        np.percentile(picture[::2, ::2], [99.5, 25.0, 75.0]), rel=1e-6
    )


def test_what_is_ranked_stays_as_it_is() -> None:
    values = _values(50)
    before = values.copy()
    median(values), upper_quartile(values), percentiles(values, 75.0)
    assert (values == before).all()
