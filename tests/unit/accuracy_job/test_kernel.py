from functools import reduce
from operator import add

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accuracy_job.kernel import (
    BIN_EDGES,
    CONFIDENCE_UNITS,
    Batch,
    Counts,
    Group,
    Newest,
    Pairs,
    Rejected,
    Rejections,
    count,
    merge,
)

Row = tuple[int, int, float, Group]  # true, predicted, confidence, group

DIGIT = st.integers(0, 9)
CONFIDENCE = st.one_of(st.just(np.nan), st.floats(0, 1))
GROUP = st.builds(
    Group, st.sampled_from([None, "a", "b"]), st.sampled_from([None, "2026-11-21", "2026-11-22"])
)
ROWS = st.lists(st.tuples(DIGIT, DIGIT, CONFIDENCE, GROUP), max_size=30)
REJECTED = st.dictionaries(
    st.sampled_from(["not JSON", "true is missing"]),
    st.builds(
        lambda count, names: Rejected(count, tuple(sorted(names)[:10])),
        st.integers(1, 1000),
        st.sets(st.text(max_size=3), min_size=1, max_size=15),
    ),
)


def batch_of(rows: list[Row], rejected: Rejections | None = None) -> Batch:
    true, predicted, confidence, groups = zip(*rows, strict=True) if rows else ((), (), (), ())
    index = list(dict.fromkeys(groups))
    return Batch(
        Pairs(
            np.array(true, np.uint8),
            np.array(predicted, np.uint8),
            np.array(confidence, np.float64),
            tuple(index),
            np.array([index.index(group) for group in groups], np.intp),
            # Ids that follow from the row, and none for some.
            [None if np.isnan(sure) else str(sure) for one, other, sure, _ in rows if one != other],
        ),
        rejected or {},
    )


COUNTS = st.builds(lambda rows, rejected: count(batch_of(rows, rejected)), ROWS, REJECTED)


def plain(counts: Counts) -> tuple[object, ...]:
    return (
        {group: matrix.tolist() for group, matrix in counts.matrices.items()},
        counts.calibration.tolist(),
        dict(counts.rejected),
        dict(counts.confused),
    )


@given(COUNTS, COUNTS, COUNTS)
def test_merging_is_associative(a: Counts, b: Counts, c: Counts) -> None:
    assert plain(merge(merge(a, b), c)) == plain(merge(a, merge(b, c)))


@given(COUNTS, COUNTS)
def test_merging_is_commutative(a: Counts, b: Counts) -> None:
    assert plain(merge(a, b)) == plain(merge(b, a))


@given(COUNTS)
def test_merging_with_nothing_changes_nothing(a: Counts) -> None:
    assert plain(merge(a, Counts())) == plain(merge(Counts(), a)) == plain(a)


@given(COUNTS, COUNTS)
def test_merging_leaves_its_arguments_as_they_were(a: Counts, b: Counts) -> None:
    before = plain(a), plain(b)
    merge(a, b)
    assert (plain(a), plain(b)) == before


@given(ROWS, ROWS)
def test_the_counts_of_two_parts_merge_to_the_counts_of_the_whole(one: list[Row], other: list[Row]) -> None:
    parts = merge(count(batch_of(one)), count(batch_of(other)))
    assert plain(parts) == plain(count(batch_of(one + other)))


def test_rows_are_true_and_columns_are_predicted() -> None:
    matrix = count(batch_of([(7, 1, np.nan, Group())])).matrices[Group()]
    assert matrix[7, 1] == 1
    assert matrix.sum() == 1


def test_zero_is_a_digit() -> None:
    counts = count(batch_of([(0, 0, 0.9, Group()), (0, 3, 0.9, Group()), (3, 0, 0.9, Group())]))
    assert counts.matrices[Group()][[0, 0, 3], [0, 3, 0]].tolist() == [1, 1, 1]


def test_every_group_has_its_own_matrix() -> None:
    rows = [(1, 1, np.nan, Group("a", "2026-11-21")), (1, 1, np.nan, Group("a")), (1, 2, np.nan, Group("a"))]
    sums = {group: matrix.sum() for group, matrix in count(batch_of(rows)).matrices.items()}
    assert sums == {Group("a", "2026-11-21"): 1, Group("a", None): 2}


def test_one_group_for_all_rows_needs_no_index_per_row() -> None:
    pairs = Pairs(np.array([1, 2], np.uint8), np.array([1, 3], np.uint8), groups=(Group("a"),))
    assert count(Batch(pairs)).matrices.keys() == {Group("a")}


def test_a_group_named_twice_is_counted_as_one() -> None:
    pairs = Pairs(
        np.array([1, 1], np.uint8),
        np.array([1, 1], np.uint8),
        groups=(Group(), Group()),
        group=np.array([0, 1]),
    )
    assert count(Batch(pairs)).matrices[Group()][1, 1] == 2


def test_a_mistake_without_an_id_is_counted_and_is_no_example() -> None:
    true, predicted = np.array([1, 1, 3], np.uint8), np.array([2, 2, 4], np.uint8)
    counts = count(Batch(Pairs(true, predicted, wrong_ids=[None, "a", None])))
    assert counts.matrices[Group()][[1, 3], [2, 4]].tolist() == [2, 1]
    assert counts.confused == {(1, 2): ("a",)}


def test_bins_are_closed_on_the_right_and_hold_both_ends() -> None:
    rows = [(1, 1, value, Group()) for value in (0.0, 0.2, np.nextafter(0.2, 1), 1.0, np.nan)]
    pairs, correct, units = count(batch_of(rows)).calibration
    assert pairs.nonzero()[0].tolist() == [0, 2, 3, 14]
    assert pairs.sum() == correct.sum() == 4
    assert units[14] == CONFIDENCE_UNITS


def test_of_mistakes_the_five_newest_stay_the_newest_first() -> None:
    parts = [Newest(ids) for ids in (("b", "a"), ("g", "e", "c", "b"), ("f", "d"))]
    assert reduce(add, parts) == ("g", "f", "e", "d", "c")


def test_examples_of_what_was_rejected_stay_ten() -> None:
    examples = [Rejected(1, (f"{i:02}",)) for i in range(30)]
    total = reduce(add, examples)
    assert total == Rejected(30, tuple(f"{i:02}" for i in range(10)))


@given(st.lists(st.tuples(DIGIT, DIGIT)))
def test_pairs_without_groups_are_counted_as_those_of_one_group(rows: list[tuple[int, int]]) -> None:
    true, predicted = (np.array([row[i] for row in rows], np.uint8) for i in (0, 1))
    grouped = batch_of([(*row, np.nan, Group("a")) for row in rows])
    assert plain(count(Batch(Pairs(true, predicted, groups=(Group("a"),))))) == plain(count(grouped))


@given(st.lists(st.one_of(st.floats(0, 1), st.integers(0, 15).map(lambda n: n / 15)), min_size=1))
def test_a_bin_holds_what_lies_between_its_edges(confidences: list[float]) -> None:
    pairs, _, _ = count(batch_of([(1, 1, value, Group()) for value in confidences])).calibration
    expected, _ = np.histogram(-np.array(confidences), np.append(-BIN_EDGES[:0:-1], 0.0))
    assert pairs.tolist() == expected[::-1].tolist()
