import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from accuracy_job import days
from accuracy_job.checks import Names
from accuracy_job.days import LABELS_PER_PAGE
from accuracy_job.engines import COUNTING, local
from accuracy_job.files import StoreError
from accuracy_job.kernel import Counts, Group, merge
from accuracy_job.package import PACKAGE
from accuracy_job.records import Text, check_texts
from accuracy_job.splits import count_all
from accuracy_job.store import KEYS_PER_PAGE, LISTED, put_parquet

DAY = "2026-11-22"


class Crash(BaseException):
    """The job is gone: nothing it would still do happens."""


class Recorded:
    """A store that writes down what is asked of it, and may be gone before, or after, its nth change."""

    def __init__(self, store: MemoryStore, crash_at: int = -1, *, after: bool = False) -> None:
        self._store = store
        self._crash_at = crash_at
        self._after = after
        self._lock = Lock()
        self.changes: list[str] = []
        self.read: list[str] = []

    def put(self, path: str, body: bytes) -> None:
        self._change(path, lambda: self._store.put(path, body))

    def delete(self, path: str) -> None:
        self._change(path, lambda: self._store.delete(path))

    def get(self, path: str) -> Any:  # noqa: ANN401 -- obstore's
        self.read.append(path)
        return self._store.get(path)

    def list(self, prefix: str, **options: Any) -> Iterator[Any]:  # noqa: ANN401 -- obstore's
        return self._store.list(prefix, **options)

    def list_with_delimiter(self, prefix: str) -> Any:  # noqa: ANN401 -- obstore's
        return self._store.list_with_delimiter(prefix)

    def _change(self, path: str, change: Callable[[], object]) -> None:
        with self._lock:  # days are counted at once: no other's change comes after the last
            self.changes.append(path)
            left = self._crash_at - len(self.changes) + 1
            is_gone = self._crash_at >= 0 and left <= 0
            if not is_gone or (left == 0 and self._after):
                change()
            if is_gone:
                raise Crash


def put_label(store: MemoryStore, name: str, day: str = DAY, **fields: object) -> None:
    label = {"id": name, "writer": "w", "true": 7, "predicted": 1, "confidence": 0.5, "model": "m1"} | fields
    store.put(f"labels/date={day}/{name}.json", json.dumps(label).encode())


def counts_of(source: Any, kept: Any = None, *, recount: bool = False) -> Counts:  # noqa: ANN401 -- stores and doubles
    found = days.find(source, kept or MemoryStore(), recount=recount)
    return merge(local.run(COUNTING, found, at_once=2), days.strays(source))


def from_the_labels(store: MemoryStore) -> Counts:
    """Count the labels themselves: what is right, whatever was kept."""
    keys = [item["path"] for page in store.list("labels") for item in page]
    texts = (Text(key, bytes(store.get(key).bytes()), key[12:22]) for key in keys)
    return count_all([check_texts(texts, Names())])


def plain(counts: Counts) -> tuple[object, ...]:
    matrices = {group: matrix.tolist() for group, matrix in counts.matrices.items()}
    return matrices, counts.calibration.tolist(), dict(counts.rejected), dict(counts.confused)


def keys_in(store: MemoryStore, prefix: str = "") -> list[str]:
    return sorted(item["path"] for page in store.list(prefix) for item in page)


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
    for i in range(4 * LABELS_PER_PAGE + 1):
        put_label(store, f"{i}")
    source = Recorded(store)
    assert counts_of(source).pairs == 4 * LABELS_PER_PAGE + 1
    assert sorted(source.read) == keys_in(store)


def test_keys_with_spaces_and_other_letters_are_read() -> None:
    store = MemoryStore()
    put_label(store, "a b ü 七 % +")
    assert counts_of(store).pairs == 1


def test_an_empty_store_has_no_pairs() -> None:
    assert plain(counts_of(MemoryStore())) == plain(Counts())


def test_what_is_no_label_is_rejected_and_what_marks_a_folder_is_not() -> None:
    store = MemoryStore()
    put_label(store, "right")
    store.put("labels/date=2026-11-22/text.json", b"hello")
    store.put("labels/date=2026-11-22/empty.json", b"")
    store.put("labels/date=2026-11-22/huge.json", b" " * 100_000)
    store.put("labels/date=2026-11-22/notes.txt", b"notes")
    store.put("labels/date=2026-11-32/a.json", b"{}")
    store.put("labels/a.json", b"{}")
    store.put("labels/date=2026-11-21", b"")
    kept = MemoryStore()
    for counts in (counts_of(store, kept), counts_of(store, kept), counts_of(store, kept, recount=True)):
        assert counts.pairs == 1
        assert {reason: each.count for reason, each in counts.rejected.items()} == {
            "not JSON": 2,
            "longer than 65536 bytes": 1,
            "the key is not labels/date={date}/{id}.json": 3,
        }


@pytest.mark.parametrize("value", ["\ud800", ["a"], {"a": "\ud800"}])
def test_what_is_no_text_in_a_label_stops_nothing(value: object) -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a", model=value)
    put_label(store, "b", writer=value, labelled=value)
    counts = counts_of(store, kept)
    assert counts.pairs == 1
    assert counts.rejected.keys() == {"model is not text"}
    (day,) = days.find(store, kept)
    assert day.labels(["writer", "labelled"]).to_pylist() == [{"writer": None, "labelled": None}] * 2


def test_a_label_may_have_65536_bytes() -> None:
    store = MemoryStore()
    store.put(f"labels/date={DAY}/a.json", b'{"true": 7, "predicted": 1}'.ljust(2**16))
    assert counts_of(store).pairs == 1
    store.put(f"labels/date={DAY}/a.json", b'{"true": 7, "predicted": 1}'.ljust(2**16 + 1))
    assert counts_of(store).pairs == 0


def test_a_label_that_vanishes_after_it_was_listed_counts_neither_way() -> None:
    class Vanishing(Recorded):
        def get(self, path: str) -> Any:  # noqa: ANN401 -- obstore's
            if path.endswith("goes.json"):
                raise FileNotFoundError
            return super().get(path)

    store = MemoryStore()
    put_label(store, "stays")
    put_label(store, "goes")
    kept = MemoryStore()
    counts = counts_of(Vanishing(store), kept)
    assert (counts.pairs, counts.rejected) == (1, {})
    assert counts_of(store, kept).pairs == 2  # it is back, the same as it was


def test_a_label_corrected_after_it_was_listed_is_read_again_when_its_former_version_is_back() -> None:
    class Corrected(Recorded):
        def get(self, path: str) -> Any:  # noqa: ANN401 -- obstore's
            put_label(store, "a", predicted=7)
            return super().get(path)

    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    counts_of(Corrected(store), kept)
    put_label(store, "a")
    assert plain(counts_of(store, kept)) == plain(from_the_labels(store))


def test_labels_of_two_states_which_a_run_left_beside_each_other_become_one_again() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    counts_of(store, kept)
    (key,) = keys_in(kept, "compacted")
    kept.put(key.replace(".parquet", "-other.parquet"), bytes(kept.get(key).bytes()))
    counts_of(store, kept)
    assert keys_in(kept, "compacted") == [key]


def test_unchanged_days_are_listed_and_not_read() -> None:
    store, kept = MemoryStore(), MemoryStore()
    for day in ("2026-11-20", "2026-11-21"):
        put_label(store, "a", day=day)
    first = counts_of(store, kept)
    source, target = Recorded(store), Recorded(kept)
    assert plain(counts_of(source, target)) == plain(first)
    assert source.read == target.changes == []
    assert sorted(target.read) == ["partials/date=2026-11-20.json", "partials/date=2026-11-21.json"]


def test_an_unchanged_day_of_two_pages_is_not_read_again() -> None:
    store, kept = MemoryStore(), MemoryStore()
    for i in range(KEYS_PER_PAGE + 1):
        put_label(store, f"{i}")
    counts_of(store, kept)
    source = Recorded(store)
    assert counts_of(source, kept).pairs == KEYS_PER_PAGE + 1
    assert source.read == []


def test_a_day_is_another_where_its_second_page_is() -> None:
    first, second, other = (
        pa.Table.from_pylist([{"path": f"labels/date={DAY}/{name}.json", "size": 7}], LISTED)
        for name in ("a", "b", "c")
    )
    listings = (pa.concat_tables([first, *more]) for more in ([], [second], [other]))
    states = {days.state_of(listing.to_batches()) for listing in listings}
    assert len(states) == 3


def state_by(code: Path) -> str:
    """Return the state of an empty day by the job's code in a folder."""
    words = "from accuracy_job import days, store; print(days.state_of([]))"
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=code,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "."},
    )
    return done.stdout


MODULES = ["checks", "columns", "days", "kernel", "partials", "records", "splits", "store"]


@pytest.mark.parametrize("module", MODULES)
def test_a_day_is_counted_again_by_other_code(module: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "accuracy_job", ignore=shutil.ignore_patterns("__pycache__"))
    before = state_by(tmp_path)
    with (tmp_path / "accuracy_job" / f"{module}.py").open("a") as file:
        file.write("OTHER = 1\n")
    assert state_by(tmp_path) != before


def test_a_day_is_another_where_a_key_an_etag_or_a_size_is() -> None:
    label: dict[str, object] = {"path": "labels/date=2026-11-22/a.json", "e_tag": '"1"', "size": 7}
    others: list[dict[str, object]] = [
        {},
        {"path": "labels/date=2026-11-22/b.json"},
        {"e_tag": '"2"'},
        {"e_tag": None},
        {"size": 8},
    ]
    states = {days.state_of(pa.Table.from_pylist([label | other], LISTED).to_batches()) for other in others}
    assert len(states) == len(others)


def test_only_what_changed_is_read_again() -> None:
    store, kept = MemoryStore(), MemoryStore()
    for name in "abc":
        put_label(store, name)
        put_label(store, name, day="2026-11-21")
    counts_of(store, kept)
    put_label(store, "a", true=1)
    put_label(store, "late", day="2026-11-21")
    source = Recorded(store)
    counts = counts_of(source, kept)
    assert sorted(source.read) == ["labels/date=2026-11-21/late.json", f"labels/date={DAY}/a.json"]
    assert plain(counts) == plain(from_the_labels(store))


def test_a_deleted_label_is_gone_from_all_that_is_kept() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "deleted")
    put_label(store, "stays")
    put_label(store, "alone", day="2026-11-21")
    counts_of(store, kept)
    store.delete(f"labels/date={DAY}/deleted.json")
    store.delete("labels/date=2026-11-21/alone.json")
    assert counts_of(store, kept).pairs == 1
    compacted, partial = keys_in(kept)
    assert pq.read_table(pa.py_buffer(kept.get(compacted).bytes()))["id"].to_pylist() == ["stays"]
    assert partial == f"partials/date={DAY}.json"


def test_a_days_parquet_holds_the_labels_for_anybody_to_query() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a", labelled="2026-11-22T10:00:00Z")
    put_label(store, "b", true="seven")
    counts_of(store, kept)
    (name,) = keys_in(kept, "compacted")
    good, bad = pq.read_table(pa.py_buffer(kept.get(name).bytes())).drop("etag").to_pylist()
    assert good == {
        "id": "a",
        "writer": "w",
        "true": 7,
        "predicted": 1,
        "confidence": 0.5,
        "model": "m1",
        "labelled": "2026-11-22T10:00:00Z",
        "malformed": None,
    }
    assert json.loads(bad["malformed"])["true"] == "seven"


def test_a_days_parquet_is_in_the_order_of_ids_which_is_that_of_time() -> None:
    store, kept = MemoryStore(), MemoryStore()
    for name in "bca":
        put_label(store, name)
        counts_of(store, kept)
    (key,) = keys_in(kept, "compacted")
    assert pq.read_table(pa.py_buffer(kept.get(key).bytes()))["id"].to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize("damage", [b"", b"PAR1 and no more", b'{"state": 1}', b"[]", b"[" * 100_000])
@pytest.mark.parametrize("what", ["compacted", "partials"])
def test_what_was_kept_and_is_damaged_is_made_again(what: str, damage: bytes) -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    first = counts_of(store, kept)
    (name,) = keys_in(kept, what)
    kept.put(name, damage)
    if what == "compacted":  # else the day would be left alone
        kept.delete("partials/date=2026-11-22.json")
    assert plain(counts_of(store, kept)) == plain(first)
    assert kept.get(name).bytes() != damage


@pytest.mark.parametrize(
    ("name", "damage"),
    [("matrices", [["digits-1", "2026-11-22", [[1]]]]), ("calibration", [[1]]), ("calibration", [[10**30]])],
)
def test_kept_counts_of_another_shape_are_made_again(name: str, damage: Any) -> None:  # noqa: ANN401  JSON
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    first = counts_of(store, kept)
    (key,) = keys_in(kept, "partials")
    kept.put(key, json.dumps({**json.loads(bytes(kept.get(key).bytes())), name: damage}).encode())
    assert plain(counts_of(store, kept)) == plain(first)


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda _body: b"",
    lambda body: body[: len(body) // 2],
    lambda body: body[:4] + bytes(100) + body[104:],  # the labels, while what tells where they lie is whole
]


@pytest.mark.parametrize("damage", [*DAMAGES, None])
def test_labels_whose_parquet_is_damaged_or_lost_are_counted_again(
    damage: Callable[[bytes], bytes] | None,
) -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    put_label(store, "bad", true=10)
    counts = counts_of(store, kept)
    (name,) = keys_in(kept, "compacted")
    body = bytes(kept.get(name).bytes())
    if damage:
        kept.put(name, damage(body))
    else:
        kept.delete(name)
    (day,) = days.find(store, kept)
    assert day.labels(["id"]).to_pylist() == [{"id": "a"}, {"id": "bad"}]
    assert bytes(kept.get(name).bytes()) == body
    assert plain(count_all(day.batches())) == plain(counts)


def test_a_day_of_faults_alone_is_counted_once() -> None:
    store, kept = MemoryStore(), MemoryStore()
    store.put(f"labels/date={DAY}/notes.txt", b"notes")
    counts_of(store, kept)
    target: Any = Recorded(kept)
    (day,) = days.find(store, target)
    assert len(day.labels()) == 0
    assert target.changes == []


def test_a_label_that_other_code_took_for_no_pair_is_parsed_again_when_its_day_is_counted() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    put_label(store, "bad", true=10)
    counts_of(store, kept)
    (key,) = keys_in(kept, "compacted")
    table = pq.read_table(pa.py_buffer(kept.get(key).bytes()))
    rows = table.to_pylist()
    body = bytes(store.get(f"labels/date={DAY}/a.json").bytes())
    rows[0] = {"id": "a", "etag": rows[0]["etag"], "malformed": body}  # as stricter code would keep it
    put_parquet(kept, key, pa.Table.from_pylist(rows, days.SCHEMA))
    kept.delete(f"partials/date={DAY}.json")
    source = Recorded(store)
    assert plain(counts_of(source, kept)) == plain(from_the_labels(store))
    assert source.read == []
    (day,) = days.find(store, kept)
    assert day.labels().equals(table)


def test_a_recount_trusts_nothing_that_was_kept() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    counts_of(store, kept)
    source = Recorded(store)
    assert counts_of(source, kept, recount=True).pairs == 1
    assert source.read == [f"labels/date={DAY}/a.json"]


def test_a_day_is_verified_from_the_parquet_that_was_counted() -> None:
    store, kept = MemoryStore(), MemoryStore()
    put_label(store, "a")
    put_label(store, "bad", true=10)
    counts = counts_of(store, kept)
    (day,) = days.find(store, kept)
    assert plain(count_all(day.batches())) == plain(counts)


# A history: what people did, and when the job ran.
NAME, TRUE = st.sampled_from("abcd"), st.sampled_from([0, 1, 7, "seven", None])
SOME_DAY = st.sampled_from(["2026-11-20", "2026-11-21"])
STEP = st.one_of(
    st.tuples(st.just("label"), SOME_DAY, NAME, TRUE),
    st.tuples(st.just("delete"), SOME_DAY, NAME, st.none()),
    st.tuples(st.just("run"), SOME_DAY, NAME, st.none()),
)
HISTORY = st.lists(STEP, max_size=25)
Step = tuple[str, str, str, object]


def happen(store: MemoryStore, step: Step) -> None:
    what, day, name, true = step
    if what == "label":
        put_label(store, name, day=day, true=true)
    elif what == "delete" and f"labels/date={day}/{name}.json" in keys_in(store):
        store.delete(f"labels/date={day}/{name}.json")


@settings(max_examples=60, deadline=None)
@given(HISTORY)
def test_after_any_history_the_counts_are_those_of_a_full_recount(history: list[Step]) -> None:
    store, kept = MemoryStore(), MemoryStore()
    for step in history:
        happen(store, step)
        if step[0] == "run":
            counts_of(store, kept)
    assert plain(counts_of(store, kept)) == plain(counts_of(store)) == plain(from_the_labels(store))
    rows = [pq.read_table(pa.py_buffer(kept.get(key).bytes())) for key in keys_in(kept, "compacted")]
    assert sum(map(len, rows)) == len(keys_in(store))


def changes_of_a_run(make: Callable[[], tuple[MemoryStore, MemoryStore]]) -> int:
    store, kept = make()
    target = Recorded(kept)
    counts_of(store, target)
    return len(target.changes)


def a_first_run() -> tuple[MemoryStore, MemoryStore]:
    store = MemoryStore()
    for name in "ab":
        put_label(store, name)
        put_label(store, name, day="2026-11-21")
    return store, MemoryStore()


def a_correction_a_deletion_and_a_late_label() -> tuple[MemoryStore, MemoryStore]:
    store, kept = a_first_run()
    counts_of(store, kept)
    put_label(store, "a", true=1)
    put_label(store, "late")
    for name in "ab":  # the whole day
        store.delete(f"labels/date=2026-11-21/{name}.json")
    return store, kept


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("make", [a_first_run, a_correction_a_deletion_and_a_late_label])
def test_a_crash_at_any_change_is_mended_by_the_next_run(
    make: Callable[[], tuple[MemoryStore, MemoryStore]], after: bool
) -> None:
    changes = changes_of_a_run(make)
    assert changes >= 4
    for crash_at in range(changes):
        store, kept = make()
        labels = keys_in(store)
        with pytest.raises(Crash):
            counts_of(store, Recorded(kept, crash_at, after=after))
        assert plain(counts_of(store, kept)) == plain(from_the_labels(store))
        assert keys_in(store) == labels  # the labels are never touched
        there = sorted({label[12:22] for label in labels})
        assert [key.split("/")[1] for key in keys_in(kept, "compacted")] == [f"date={day}" for day in there]
        assert keys_in(kept, "partials") == [f"partials/date={day}.json" for day in there]


def a_late_label() -> tuple[MemoryStore, MemoryStore]:
    store, kept = a_first_run()
    counts_of(store, kept)
    put_label(store, "late")
    return store, kept


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_change_leaves_nothing_of_a_label_that_is_gone_again(after: bool) -> None:
    for crash_at in range(changes_of_a_run(a_late_label)):
        store, kept = a_late_label()
        with pytest.raises(Crash):
            counts_of(store, Recorded(kept, crash_at, after=after))
        store.delete(f"labels/date={DAY}/late.json")  # so that the day is in the state that was counted first
        counts = counts_of(store, kept)
        assert plain(counts) == plain(from_the_labels(store))
        labels = [batch for day in days.find(store, kept) for batch in day.batches()]
        assert plain(count_all(labels)) == plain(counts)
        rows = [pq.read_table(pa.py_buffer(kept.get(key).bytes())) for key in keys_in(kept, "compacted")]
        assert [table["id"].to_pylist() for table in rows] == [["a", "b"]] * 2


def test_an_older_parquet_outlives_a_newer_one_that_did_not_arrive_whole() -> None:
    class Truncating(Recorded):
        def put(self, path: str, body: bytes) -> None:
            super().put(path, body[: len(body) // 2])

    store, kept = a_first_run()
    counts_of(store, kept)
    before = keys_in(kept, "compacted")
    put_label(store, "late")
    with pytest.raises(StoreError, match="is not there as it was written"):
        counts_of(store, Truncating(kept))
    assert set(before) < set(keys_in(kept, "compacted"))
    assert plain(counts_of(store, kept)) == plain(from_the_labels(store))


def test_a_run_that_another_overtakes_says_so_and_leaves_what_the_next_one_can_use() -> None:
    store, kept = a_first_run()
    counts_of(store, kept)
    put_label(store, "late")

    class Overtaken(Recorded):
        def put(self, path: str, body: bytes) -> None:
            super().put(path, body)
            if len(self.changes) == 2:  # its partial is gone and its Parquet is written, nothing else
                put_label(store, "later")
                counts_of(store, kept)

    with pytest.raises(StoreError, match="another run"):
        counts_of(store, Overtaken(kept))
    assert plain(counts_of(store, kept)) == plain(from_the_labels(store))
    assert len(keys_in(kept, "compacted")) == 2
