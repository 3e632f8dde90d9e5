import json
from collections.abc import Callable
from functools import reduce
from threading import Lock
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from accuracy_job import days, writers
from accuracy_job.engines import COUNTING, local
from chalice_app.legibility import legibility

W0, W1, W2, W3 = (digit * 64 for digit in "01ef")
LABELS = st.lists(
    st.tuples(
        st.sampled_from([W0, W1, W2]),
        st.sampled_from(["2026-11-21", "2026-11-22"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=40,
)
Label = tuple[str, str, int, int]


def store_of(labels: list[Label]) -> MemoryStore:
    store = MemoryStore()
    for i, label in enumerate(labels):
        put_label(store, f"{i}", label)
    return store


def put_label(store: MemoryStore, name: str, label: Label) -> None:
    writer, day, true, predicted = label
    body = {"id": name, "writer": writer, "true": true, "predicted": predicted}
    store.put(f"labels/date={day}/{name}.json", json.dumps(body).encode())


def run(store: MemoryStore, published: Any = None) -> int:  # noqa: ANN401 -- a store or a double
    found = days.find(store, store)
    local.run(COUNTING, found, at_once=2)
    return writers.publish(published or store, local.run(writers.COUNTING, found, at_once=2))


class Crash(BaseException):
    """The job is gone: nothing it would still do happens."""


class Dying:
    """A store that the nth change, and all after it, do not reach."""

    def __init__(self, store: MemoryStore, changes: int) -> None:
        self._store = store
        self._left = iter(range(changes))
        self._lock = Lock()

    def put(self, key: str, body: bytes, **options: Any) -> None:  # noqa: ANN401 -- obstore's
        self._change()
        self._store.put(key, body, **options)

    def delete(self, key: str) -> None:
        self._change()
        self._store.delete(key)

    def get(self, key: str) -> Any:  # noqa: ANN401 -- obstore's
        return self._store.get(key)

    def list(self, prefix: str) -> Any:  # noqa: ANN401 -- obstore's
        return self._store.list(prefix)

    def _change(self) -> None:
        with self._lock:
            if next(self._left, None) is None:
                raise Crash


def objects(store: MemoryStore) -> dict[str, object]:
    keys = [item["path"] for page in store.list("reports/writers") for item in page]
    return {key: json.loads(bytes(store.get(key).bytes())) for key in keys}


@settings(max_examples=40, deadline=None)
@given(LABELS)
def test_the_counts_of_a_writer_are_those_that_the_api_gives_them(labels: list[Label]) -> None:
    store = store_of(labels)
    run(store)
    for writer in (W0, W1, W2):
        pairs = [(true, predicted) for name, _, true, predicted in labels if name == writer]
        api = legibility(len(pairs), pairs)
        mine = objects(store).get(f"reports/writers/{writer}.json")
        fields = ("labelled", "correct", "confusion_matrix")
        assert mine == ({"writer": writer, **{name: api[name] for name in fields}} if pairs else None)


@settings(max_examples=20, deadline=None)
@given(LABELS)
def test_merging_is_associative_and_commutative(labels: list[Label]) -> None:
    store = store_of(labels)
    run(store)
    parts = [*(writers.count(day) for day in days.find(store, store)), writers.NOTHING]
    forwards, backwards = reduce(writers.merge, parts), reduce(writers.merge, parts[::-1])
    assert writers.total(forwards).equals(writers.total(backwards))


def test_many_days_of_the_same_writers_take_the_memory_of_few() -> None:
    cells = [{"writer": f"{i:064}", "cell": cell, "count": 1} for i in range(200) for cell in range(100)]
    day = pa.Table.from_pylist(cells, writers.SCHEMA)  # 20,000 rows, and a year of it 7.3 million
    year = reduce(writers.merge, [day] * 365, writers.NOTHING)
    assert len(year) < 2 * writers.LEAST_TO_ADD
    assert writers.total(year).equals(writers.total(pa.concat_tables([day] * 365)))


def test_only_writers_whose_counts_changed_are_written() -> None:
    store = store_of([(W0, "2026-11-22", 7, 7), (W1, "2026-11-22", 7, 7), (W2, "2026-11-22", 7, 7)])
    assert run(store) == 3
    assert run(store) == 0
    put_label(store, "0", (W0, "2026-11-22", 1, 7))  # corrected
    store.delete("labels/date=2026-11-22/2.json")
    assert run(store) == 2
    assert objects(store).keys() == {f"reports/writers/{W0}.json", f"reports/writers/{W1}.json"}


def test_labels_without_a_writer_and_malformed_ones_count_for_nobody() -> None:
    store = store_of([(W0, "2026-11-22", 7, 7)])
    store.put("labels/date=2026-11-22/a.json", b'{"true": 1, "predicted": 1}')
    store.put("labels/date=2026-11-22/b.json", f'{{"true": 10, "predicted": 1, "writer": "{W0}"}}'.encode())
    assert run(store) == 1


@pytest.mark.parametrize("writer", ["a//b", "/", "a\nb", "..", "ann", f"{W0}\n", "F" * 64])
def test_what_is_no_hash_of_a_writer_has_no_object(writer: str) -> None:
    store = store_of([(W0, "2026-11-22", 7, 7), (writer, "2026-11-22", 7, 7)])
    assert (run(store), run(store)) == (2, 0)
    store.delete("labels/date=2026-11-22/1.json")
    assert (run(store), run(store)) == (1, 0)
    assert objects(store).keys() == {f"reports/writers/{W0}.json"}


def test_a_writer_whose_rows_lie_in_two_batches_has_one_object() -> None:
    parts = [pa.table({"writer": [W0], "cell": [cell], "count": [1]}, writers.SCHEMA) for cell in (0, 71, 77)]
    ((writer, document),) = writers.documents(pa.concat_tables(parts))
    assert writer == W0
    assert json.loads(document)["labelled"] == 3


@pytest.mark.parametrize("damage", [None, b"damaged", b"PAR1" + bytes(100) + b"PAR1"])
def test_lost_totals_are_made_again_with_all_objects(damage: bytes | None) -> None:
    store = store_of([(W0, "2026-11-22", 7, 7), (W1, "2026-11-22", 7, 7)])
    run(store)
    if damage:
        store.put(writers.TOTALS, damage)
    else:
        store.delete(writers.TOTALS)
    store.delete("labels/date=2026-11-22/1.json")
    assert run(store) == 2
    assert objects(store).keys() == {f"reports/writers/{W0}.json"}
    assert run(store) == 0


def changed_labels() -> MemoryStore:
    """Return a store of a run after which a writer got a label, one lost their only one, and one came."""
    store = store_of([(W0, "2026-11-22", 7, 7), (W1, "2026-11-22", 7, 7), (W3, "2026-11-22", 7, 7)])
    run(store)
    put_label(store, "late", (W0, "2026-11-22", 7, 1))
    store.delete("labels/date=2026-11-22/1.json")
    put_label(store, "first", (W2, "2026-11-22", 7, 1))
    return store


def revert(store: MemoryStore) -> None:
    for name in ("late", "first"):
        store.delete(f"labels/date=2026-11-22/{name}.json")
    put_label(store, "1", (W1, "2026-11-22", 7, 7))


@pytest.mark.parametrize("then", [revert, lambda _store: None])
@pytest.mark.parametrize("changes", range(5))
def test_a_run_that_is_interrupted_at_any_change_is_made_good_by_the_next(
    changes: int, then: Callable[[MemoryStore], None]
) -> None:
    store = changed_labels()
    with pytest.raises(Crash):
        run(store, Dying(store, changes))
    then(store)
    run(store)
    afresh = MemoryStore()
    for page in store.list("labels"):
        for item in page:
            afresh.put(item["path"], store.get(item["path"]).bytes())
    run(afresh)
    assert objects(store) == objects(afresh)
    assert run(store, Dying(store, 1)) == 0


def test_a_run_after_which_three_writers_changed_makes_five_changes() -> None:
    store = changed_labels()
    assert run(store, Dying(store, 5)) == 3


def test_no_writer_goes_with_a_days_parquet() -> None:
    store = store_of([(W0, "2026-11-21", 7, 7), (W1, "2026-11-22", 7, 7)])
    run(store)
    before = objects(store)
    for page in store.list("compacted"):
        for i, item in enumerate(page):
            if i:
                store.put(item["path"], b"damaged")
            else:
                store.delete(item["path"])
    assert run(store) == 0
    assert objects(store) == before
