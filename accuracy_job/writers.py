"""Per writer: pairs counted by key, as tables that merge, and one small object for each writer.

A table has a row for each (writer, cell) that occurs on a day, where cell is 10 * true + predicted. Only
objects of writers whose counts changed are written: a million writers cost a million requests once.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, islice
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import ObjectStore

from accuracy_job.days import Day
from accuracy_job.engines import MapReduce
from accuracy_job.kernel import DIGITS
from accuracy_job.splits import Seen, unseen
from accuracy_job.store import CONNECTIONS, REPORTS, delete, get_parquet, put, put_parquet

TOTALS = f"{REPORTS}writers.parquet"  # what the objects say
WRITERS = f"{REPORTS}writers/"
WRITER = re.compile("[0-9a-f]{64}")  # SHA-256: what else a label may say is no part of a key
WRITERS_AT_ONCE = 10_000  # as objects in memory, 500 bytes each
ROWS_PER_BATCH = 2**16  # as Python's objects, 300 bytes each
LEAST_TO_ADD = 2**20  # rows: 80 MB
# A large string: all of a million writers may be more than the 2 GB that a string column of Arrow holds.
SCHEMA = pa.schema({"writer": pa.large_string(), "cell": pa.uint8(), "count": pa.int64()})
NOTHING = SCHEMA.empty_table()


def count(day: Day, seen: Seen = unseen) -> pa.Table:
    """Map: the counts of a day's writers. SCHEMA."""
    labels = day.labels(["writer", "true", "predicted", "malformed"])
    seen(len(labels))
    labels = labels.filter(pc.and_(pc.is_valid(labels["writer"]), pc.is_null(labels["malformed"])))
    cell = pc.add(pc.multiply(labels["true"], pa.scalar(DIGITS, pa.uint8())), labels["predicted"])
    ones = np.ones(len(labels), np.int64)
    return total(pa.table({"writer": labels["writer"], "cell": cell, "count": ones}).cast(SCHEMA))


def merge(one: pa.Table, other: pa.Table) -> pa.Table:
    """Reduce: the rows of both tables, added up where those that were not yet are the more.

    So memory is bounded by what is distinct, and a row is added up a few times, and not again for each day.
    """
    rows = pa.concat_tables([one, other])
    added = max(map(len, rows["writer"].chunks))  # the largest chunk: a total is one
    return total(rows) if len(rows) - added > max(added, LEAST_TO_ADD) else rows


def total(counts: pa.Table) -> pa.Table:
    """Return the counts, added by writer and cell, in their order. SCHEMA.

    Names are compared once each; rows are sorted as numbers, which takes a tenth of the time of names.
    """
    names = counts["writer"].combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(names.dictionary)
    rank = np.argsort(order)  # of each name: the inverse of the order
    rows = rank[names.indices] * DIGITS**2 + counts["cell"].to_numpy()
    unique, which = np.unique(rows, return_inverse=True)
    added = np.bincount(which, counts["count"], len(unique)).astype(np.int64)
    writers = names.dictionary.take(order).take(pa.array(unique // DIGITS**2))
    return pa.table([writers, pa.array((unique % DIGITS**2).astype(np.uint8)), added], SCHEMA)


COUNTING: MapReduce[Day, pa.Table] = MapReduce(count, merge, NOTHING)


def publish(store: ObjectStore, counts: pa.Table) -> int:
    """Write the objects that changed, and last the totals that they are from. Returns how many changed.

    First, their writers' totals become unknown: wherever this is interrupted, the next run writes them again,
    also if the labels are by then as they were before.
    """
    old, new = _read(store), total(counts)
    changed = pa.concat_tables([_only_in(new, old), _only_in(old, new)])["writer"].unique()
    gone = changed.filter(pc.invert(pc.is_in(changed, new["writer"])))
    if len(changed):
        unchanged = old.filter(pc.invert(pc.is_in(old["writer"], changed)))
        put_parquet(store, TOTALS, pa.concat_tables([unchanged, _unknown(changed)]))
    _write_all(store, documents(new.filter(pc.is_in(new["writer"], changed))))
    _write_all(store, ((writer, None) for writer in gone.to_pylist()))
    put_parquet(store, TOTALS, new)
    return len(changed)


def _unknown(writers: Sequence[str]) -> pa.Table:
    """Return totals that no labels have: of each writer a row that counts nothing. SCHEMA."""
    nothing = np.zeros(len(writers), np.int64)
    return pa.table({"writer": writers, "cell": nothing, "count": nothing}).cast(SCHEMA)


def _write_all(store: ObjectStore, documents: Iterator[tuple[str, bytes | None]]) -> None:
    """Write many at once, and hold few in memory."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        while page := list(islice(documents, WRITERS_AT_ONCE)):
            list(pool.map(lambda document: _write(store, *document), page))


def _only_in(one: pa.Table, other: pa.Table) -> pa.Table:
    """Return the rows that the other table has not."""
    return one.join(other, SCHEMA.names, join_type="left anti")


def _read(store: ObjectStore) -> pa.Table:
    """Return the totals of the run before; where they are lost, unknown ones of all who have an object."""
    totals = get_parquet(store, TOTALS, SCHEMA)
    if totals is not None:
        return totals
    keys = (item["path"] for page in store.list(WRITERS) for item in page)
    return _unknown([key.removeprefix(WRITERS).removesuffix(".json") for key in keys])


def documents(counts: pa.Table) -> Iterator[tuple[str, bytes]]:
    """Return each writer's object. The rows of a writer lie side by side."""
    rows = (row for batch in counts.to_batches(ROWS_PER_BATCH) for row in batch.to_pylist())
    return ((writer, _document(writer, cells)) for writer, cells in groupby(rows, itemgetter("writer")))


def _document(writer: str, cells: Iterable[dict[str, int]]) -> bytes:
    matrix = [[0] * DIGITS for _ in range(DIGITS)]
    for row in cells:
        matrix[row["cell"] // DIGITS][row["cell"] % DIGITS] = row["count"]
    correct = sum(matrix[digit][digit] for digit in range(DIGITS))
    figures = {"labelled": sum(map(sum, matrix)), "correct": correct, "confusion_matrix": matrix}
    return json.dumps({"writer": writer, **figures}).encode()


def _write(store: ObjectStore, writer: str, document: bytes | None) -> None:
    if not WRITER.fullmatch(writer):
        return
    key = f"{WRITERS}{writer}.json"
    if document is None:
        delete(store, key)
    else:
        put(store, key, document)
