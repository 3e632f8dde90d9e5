from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix

from chalice_app.legibility import legibility, wilson_interval

digits = st.integers(0, 9)


@settings(deadline=None)  # scikit-learn's first call is slow
@given(st.lists(st.tuples(digits, digits), min_size=1))
def test_figures_equal_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    true, predicted = zip(*pairs, strict=True)
    figures = legibility(len(pairs), pairs)
    assert figures["confusion_matrix"] == confusion_matrix(true, predicted, labels=range(10)).tolist()
    assert figures["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert figures["labelled"] == sum(digit["labelled"] for digit in figures["digits"]) == len(pairs)


@settings(deadline=None)  # so is SciPy's
@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_is_wilsons(shares: tuple[int, int]) -> None:
    correct, of = shares
    expected = binomtest(correct, of).proportion_ci(method="wilson")
    assert wilson_interval(correct, of) == pytest.approx((expected.low, expected.high))


@given(st.integers(1, 5000))
def test_the_interval_ends_where_shares_end(of: int) -> None:
    assert wilson_interval(0, of)[0] == 0
    assert wilson_interval(of, of)[1] == 1


def test_without_labels_there_are_no_figures_and_no_advice() -> None:
    figures = legibility(3, [])
    assert (figures["images"], figures["labelled"], figures["accuracy"], figures["interval"]) == (
        3,
        0,
        None,
        None,
    )
    assert figures["advice"] == []
    assert not figures["enough"]


def test_advice_names_the_confusion_and_what_to_change() -> None:
    figures = legibility(12, [(7, 1)] * 4 + [(7, 7)] * 8)
    assert [advice["text"] for advice in figures["advice"]] == [
        "Your 7s are read as 1 (4 of 12): widen the top bar of the 7."
    ]


def test_every_confusion_gets_advice_and_the_most_frequent_comes_first() -> None:
    for true, predicted in product(range(10), repeat=2):
        if true != predicted:
            figures = legibility(3, [(true, predicted)] * 2 + [(predicted, true)])
            assert [advice["true"] for advice in figures["advice"]] == [true, predicted]


def test_thirty_labels_are_enough() -> None:
    assert not legibility(29, [(0, 0)] * 29)["enough"]
    assert legibility(30, [(0, 0)] * 30)["enough"]
