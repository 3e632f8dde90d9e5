import json
from functools import reduce

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from accuracy_job import days, writers
from accuracy_job.engines import COUNTING, local
from chalice_app.legibility import legibility

LABELS = st.lists(
    st.tuples(
        st.sampled_from(["w0", "w1", "w2"]),
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


def run(store: MemoryStore) -> int:
    found = days.find(store, store)
    local.run(COUNTING, found, at_once=2)
    return writers.publish(store, local.run(writers.COUNTING, found, at_once=2))


def objects(store: MemoryStore) -> dict[str, object]:
    keys = [item["path"] for page in store.list("reports/writers") for item in page]
    return {key: json.loads(bytes(store.get(key).bytes())) for key in keys}


@settings(max_examples=40, deadline=None)
@given(LABELS)
def test_the_counts_of_a_writer_are_those_that_the_api_gives_them(labels: list[Label]) -> None:
    store = store_of(labels)
    run(store)
    for writer in ("w0", "w1", "w2"):
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


def test_only_writers_whose_counts_changed_are_written() -> None:
    store = store_of([("w0", "2026-11-22", 7, 7), ("w1", "2026-11-22", 7, 7), ("w2", "2026-11-22", 7, 7)])
    assert run(store) == 3
    assert run(store) == 0
    put_label(store, "0", ("w0", "2026-11-22", 1, 7))  # corrected
    store.delete("labels/date=2026-11-22/2.json")
    assert run(store) == 2
    assert objects(store).keys() == {"reports/writers/w0.json", "reports/writers/w1.json"}


def test_labels_without_a_writer_and_malformed_ones_count_for_nobody() -> None:
    store = store_of([("w0", "2026-11-22", 7, 7)])
    store.put("labels/date=2026-11-22/a.json", b'{"true": 1, "predicted": 1}')
    store.put("labels/date=2026-11-22/b.json", b'{"true": 10, "predicted": 1, "writer": "w0"}')
    assert run(store) == 1


def test_a_writer_whose_rows_lie_in_two_batches_has_one_object() -> None:
    parts = [
        pa.table({"writer": ["w0"], "cell": [cell], "count": [1]}, writers.SCHEMA) for cell in (0, 71, 77)
    ]
    ((writer, document),) = writers.documents(pa.concat_tables(parts))
    assert writer == "w0"
    assert json.loads(document)["labelled"] == 3


def test_lost_totals_are_made_again_with_all_objects() -> None:
    store = store_of([("w0", "2026-11-22", 7, 7)])
    run(store)
    store.put(writers.TOTALS, b"damaged")
    assert run(store) == 1


def test_no_writer_goes_with_a_days_parquet() -> None:
    store = store_of([("w0", "2026-11-21", 7, 7), ("w1", "2026-11-22", 7, 7)])
    run(store)
    before = objects(store)
    for page in store.list("compacted"):
        for i, item in enumerate(page):
            store.put(item["path"], b"damaged") if i else store.delete(item["path"])
    assert run(store) == 0
    assert objects(store) == before
