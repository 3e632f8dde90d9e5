import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import GenericError

from accuracy_job.checks import Names
from accuracy_job.engines import COUNTING
from accuracy_job.engines.spark import LAST_LINE, SPLITS_PER_TASK, dealt, mapped
from accuracy_job.files import InputError, StoreError, splits
from accuracy_job.kernel import Batch, Counts
from accuracy_job.splits import Seen, unseen
from accuracy_job.store import CLASSIFICATIONS_COUNTING, classified_days, open_store, put


@given(st.integers(1, 2000), st.integers(1, 64))
def test_every_split_is_in_one_task_and_no_core_is_without(splits: int, cores: int) -> None:
    tasks = dealt(range(splits), cores)
    assert sorted(split for task in tasks for split in task) == list(range(splits))
    assert len(tasks) >= min(splits, cores)
    assert 1 <= min(map(len, tasks)) <= max(map(len, tasks)) <= SPLITS_PER_TASK


@given(st.integers(1, 2000), st.integers(1, 64))
def test_cores_have_the_same_number_of_tasks(splits: int, cores: int) -> None:
    tasks = dealt(range(splits), cores)
    assert len(tasks) == splits or len(tasks) % cores == 0


def test_neighbours_go_to_different_tasks() -> None:
    assert list(map(list, dealt(range(5), 2))) == [[0, 2, 4], [1, 3]]


def test_classifications_are_counted_by_executors(tmp_path: Path) -> None:
    for name in ("2026-11-21/a.json", "2026-11-21/b.json", "2026-11-22/c.json", "2026-11-22/notes"):
        put(open_store(str(tmp_path)), f"classifications/{name}", b"{}")
    days = classified_days(open_store(str(tmp_path)))
    work, there = pickle.loads(pickle.dumps((CLASSIFICATIONS_COUNTING, days)))
    assert [mapped(work, [day]) for day in there] == [2, 1]


class Denied:
    """A split of a store that lets nobody in."""

    def batches(self) -> Iterator[Batch]:
        raise AssertionError("nobody asks for them")

    def counts(self, seen: Seen = unseen) -> Counts:  # noqa: ARG002 - as a split's are asked for
        raise GenericError("Error performing GET: 403\n\nDebug source:\nGeneric {\n}")


def test_what_a_store_answers_an_executor_is_one_line_which_java_keeps() -> None:
    with pytest.raises(StoreError) as raised:
        mapped(COUNTING, [Denied()])
    assert str(raised.value) == "an executor: Error performing GET: 403"


def test_a_fault_of_which_arrow_says_several_lines_is_one_in_what_java_says_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"true": [7] * 1000, "predicted": [1] * 1000}), path)
    body = path.read_bytes()
    path.write_bytes(body[:4] + b"\xff" * 100 + body[104:])  # the pages, whose headers Thrift reads
    with pytest.raises(InputError) as raised:
        mapped(COUNTING, splits(str(path), Names()))
    assert "\n" in str(raised.value.__cause__)
    said = "".join(traceback.format_exception(raised.value)) + "\n\tat org.apache.spark.api.python\n"
    assert LAST_LINE.findall(said) == [("InputError", str(raised.value))]
