import json
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from obstore.store import MemoryStore, ObjectStore

from accuracy_job.checks import Names
from accuracy_job.engines import local
from accuracy_job.kernel import Counts, Group
from accuracy_job.report import build
from accuracy_job.store import (
    KEYS_PER_PAGE,
    StoreError,
    count_classifications,
    errors_named,
    list_labels,
    publish,
    read_labels,
)

MADE = datetime(2026, 11, 22, 11, 19, 51, tzinfo=UTC)


def put_label(store: ObjectStore, name: str, day: str = "2026-11-22", **fields: object) -> None:
    label = {"true": 7, "predicted": 1, "confidence": 0.5, "model": "m1"} | fields
    obstore.put(store, f"labels/date={day}/{name}.json", json.dumps(label).encode())


def counts_of(store: ObjectStore) -> Counts:
    return local.run(read_labels(store, list_labels(store), Names()))


def pairs_in(counts: Counts) -> int:
    return int(sum(matrix.sum() for matrix in counts.matrices.values()))


def test_labels_are_counted_by_model_and_the_day_of_their_key() -> None:
    store = MemoryStore()
    put_label(store, "a")
    put_label(store, "b", day="2026-11-21", model="m2", labelled="2026-11-23T00:00:00Z")
    counts = counts_of(store)
    assert {group: matrix[7, 1] for group, matrix in counts.matrices.items()} == {
        Group("m1", "2026-11-22"): 1,
        Group("m2", "2026-11-21"): 1,
    }


def test_labels_of_many_pages_are_each_read_once() -> None:
    store = MemoryStore()
    for i in range(4 * KEYS_PER_PAGE + 1):
        put_label(store, f"{i}")
    assert pairs_in(counts_of(store)) == 4 * KEYS_PER_PAGE + 1


def test_keys_with_spaces_and_other_letters_are_read() -> None:
    store = MemoryStore()
    put_label(store, "a b ü 七 % +")
    assert pairs_in(counts_of(store)) == 1


def test_an_empty_store_has_no_pairs() -> None:
    assert counts_of(MemoryStore()).matrices == {}


def test_what_is_no_label_is_rejected_and_what_marks_a_folder_is_not() -> None:
    store = MemoryStore()
    put_label(store, "right")
    obstore.put(store, "labels/date=2026-11-22/text.json", b"hello")
    obstore.put(store, "labels/date=2026-11-22/empty.json", b"")
    obstore.put(store, "labels/date=2026-11-22/huge.json", b" " * 100_000)
    obstore.put(store, "labels/date=2026-11-22/notes.txt", b"notes")
    obstore.put(store, "labels/date=2026-11-32/a.json", b"{}")
    obstore.put(store, "labels/a.json", b"{}")
    obstore.put(store, "labels/date=2026-11-21", b"")
    counts = counts_of(store)
    assert pairs_in(counts) == 1
    assert {reason: each.count for reason, each in counts.rejected.items()} == {
        "not JSON": 2,
        "longer than 65536 bytes": 1,
        "the key is not labels/date={date}/{id}.json": 3,
    }


def test_a_label_that_vanishes_after_it_was_listed_counts_neither_way() -> None:
    store = MemoryStore()
    put_label(store, "stays")
    put_label(store, "goes")
    stale = list(list_labels(store))
    obstore.delete(store, "labels/date=2026-11-22/goes.json")
    counts = local.run(read_labels(store, stale, Names()))
    assert pairs_in(counts) == 1
    assert counts.rejected == {}


def test_reading_may_stop_early() -> None:
    store = MemoryStore()
    for i in range(4 * KEYS_PER_PAGE):
        put_label(store, f"{i}")
    batches = read_labels(store, list_labels(store), Names())
    assert len(next(batches).pairs) == KEYS_PER_PAGE
    batches.close()
    assert list(batches) == []


def test_classifications_are_counted_on_every_day() -> None:
    store = MemoryStore()
    for key in (
        "classifications/2026-11-22/a.json",
        "classifications/2026-11-21/b.json",
        "classifications/x",
    ):
        obstore.put(store, key, b"{}")
    assert count_classifications(store) == 2


def test_a_report_is_kept_under_its_time_and_as_the_latest() -> None:
    store = MemoryStore()
    older, newer = build(Counts(), MADE), build(Counts(), MADE + timedelta(seconds=1))
    for report in (older, newer):
        publish(store, report)
    keys = [item["path"] for page in store.list() for item in page]
    kept = {key: json.loads(bytes(store.get(key).bytes())) for key in keys}
    assert kept == {
        "reports/2026-11-22T11:19:51.000000Z.json": older,
        "reports/2026-11-22T11:19:52.000000Z.json": newer,
        "reports/latest.json": newer,
    }


def test_a_kept_report_is_never_replaced() -> None:
    store = MemoryStore()
    publish(store, build(Counts(), MADE))
    with pytest.raises(StoreError, match="already exists"), errors_named("memory"):
        publish(store, build(Counts(), MADE))
