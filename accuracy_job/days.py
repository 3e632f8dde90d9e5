"""The labels of a store, a day at a time: read once, kept as Parquet, counted once for each state of the day.

The label objects are the authority and are only read. What the job keeps of a day can be made again from
them at any time, so an interrupted or a damaged one costs time and nothing else:

    compacted/date={day}/{state}.parquet    the labels, verified before the file of an older state is deleted
    partials/date={day}.json                their counts, under the state that they are of

A state is a hash of the listing (keys, ETags, sizes) and of the code that makes counts of it.
"""

import hashlib
import inspect
import re
import sys
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from obstore.store import ObjectStore

from accuracy_job import checks, columns, kernel, partials, records, splits, store
from accuracy_job.checks import Fault, Names, as_text, path_day, rejections
from accuracy_job.columns import check_columns
from accuracy_job.files import ROWS_PER_BATCH, StoreError
from accuracy_job.kernel import Batch, Counts
from accuracy_job.records import Malformed, Text, check_record, check_texts, parsed
from accuracy_job.splits import Seen, count_all, unseen
from accuracy_job.store import CONNECTIONS, LISTED, delete, get_parquet, listed, put_parquet

if TYPE_CHECKING:
    from obstore import ObjectMeta  # is not there at run time

LABELS, COMPACTED, PARTIALS = "labels", "compacted", "partials"
LABEL_KEY = re.compile(r"labels/date=[^/]+/([^/]+)\.json")
MAX_LABEL_BYTES = 2**16  # a label is a few hundred; what is longer is not worth the memory
LABELS_PER_PAGE = 1000
PAGES_AHEAD = 2
NAMES = Names()
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "etag": pa.string(),
        "writer": pa.string(),
        "true": pa.uint8(),
        "predicted": pa.uint8(),
        "confidence": pa.float64(),
        "model": pa.string(),
        "labelled": pa.string(),
        "malformed": pa.binary(),  # the whole label where it is no pair, else null
    }
)
# A recount holds its day in memory: about 500 bytes a label.
_recounting = BoundedSemaphore(2)


class Listing(NamedTuple):
    """What lies in a day's folder."""

    etags: dict[str, str]  # by the label's id
    faults: list[Fault]


@dataclass(frozen=True)
class Day:
    """The labels of one day, as a split. Raises StoreError where `kept` does not keep."""

    source: ObjectStore
    kept: ObjectStore
    day: str
    recount: bool = False  # as if nothing had been kept

    def counts(self, seen: Seen = unseen) -> Counts:
        """Return the counts of the day as it is now; at once, if it is as it was when it was counted last."""
        found = None if self.recount else partials.read(self.kept, self._partial)
        if found is not None and found.state == state_of(listed(self.source, self._folder)):
            seen(found.counts.pairs)
            return found.counts
        with _recounting:  # many days are looked at together: what they list is not kept until here
            objects = pa.Table.from_batches(listed(self.source, self._folder), LISTED)
            return self._count(state_of(objects.to_batches()), listing_of(objects), seen)

    def batches(self) -> Iterator[Batch]:
        """Return what was counted last."""
        yield from self._checked(self.labels())

    def labels(self, columns: Sequence[str] = SCHEMA.names) -> pa.Table:
        """Return the labels that were counted last. Those columns of SCHEMA.

        Where their Parquet is damaged or lost, the day is counted again.
        """
        labels = self._counted_last(columns)
        if labels is None:
            delete(self.kept, self._partial)  # where it fits, the day would be left alone
            self.counts()
            labels = self._counted_last(columns)
        return SCHEMA.empty_table().select(columns) if labels is None else labels

    def _counted_last(self, columns: Sequence[str]) -> pa.Table | None:
        partial = partials.read(self.kept, self._partial)
        return None if partial is None else self._table(self._parquet(partial.state), columns)

    @property
    def _folder(self) -> str:
        return f"{LABELS}/date={self.day}"

    @property
    def _partial(self) -> str:
        return f"{PARTIALS}/date={self.day}.json"

    def _parquet(self, state: str) -> str:
        return f"{COMPACTED}/date={self.day}/{state}.parquet"

    def _count(self, state: str, listing: Listing, seen: Seen) -> Counts:
        """Read what is new, keep all, count. Wherever this is interrupted, the next run does it again.

        A day whose partial fits is left alone, with all that lies there: so it goes first, and comes last.
        """
        delete(self.kept, self._partial)
        if not listing.etags and not listing.faults:
            self._delete_parquets()
            return Counts()
        kept = [] if self.recount else map(self._table, self._parquets())
        labels = self._labels(listing.etags, filter(None, kept), seen)
        faults = Batch(rejected=rejections(listing.faults))
        counts = count_all([*self._checked(labels), faults])
        if dict(zip(labels["id"].to_pylist(), labels["etag"].to_pylist(), strict=True)) != listing.etags:
            state += "-changed"  # while it was read: no listing has this state, the next run counts again
        self._keep(self._parquet(state), labels)
        self._delete_parquets(but=self._parquet(state))
        partials.write(self.kept, self._partial, partials.Partial(state, counts))
        return counts

    def _delete_parquets(self, but: str | None = None) -> None:
        for key in self._parquets():
            if key != but:
                delete(self.kept, key)

    def _labels(self, etags: dict[str, str], kept: Iterable[pa.Table], seen: Seen) -> pa.Table:
        """Return the listed labels: those that are kept unchanged, and the rest read. SCHEMA, by id."""
        missing, parts = dict(etags), [SCHEMA.empty_table()]
        for table in kept:
            same = [
                missing.get(id) == etag
                for id, etag in zip(table["id"].to_pylist(), table["etag"].to_pylist(), strict=True)
            ]
            parts.append(self._checked_again(table.filter(pa.array(same, pa.bool_()))))
            for id in parts[-1]["id"].to_pylist():
                del missing[id]
            seen(len(parts[-1]))
        for rows in self._read(missing):
            parts.append(pa.Table.from_pylist(rows, SCHEMA))
            seen(len(rows))
        return pa.concat_tables(parts).sort_by("id")

    def _checked_again(self, kept: pa.Table) -> pa.Table:
        """Return kept labels, those parsed that were no pairs to the code that kept them. SCHEMA."""
        malformed = pc.is_valid(kept["malformed"])
        rows = [
            self._parsed(row["id"], row["etag"], row["malformed"])
            for row in kept.filter(malformed).to_pylist()
        ]
        return pa.concat_tables([kept.filter(pc.invert(malformed)), pa.Table.from_pylist(rows, SCHEMA)])

    def _read(self, ids: Iterable[str]) -> Generator[list[dict[str, Any]], None, None]:
        """Return the rows of label objects, many read at once."""
        remaining, pages = iter(ids), deque[Iterator[dict[str, Any] | None]]()
        pool = ThreadPoolExecutor(CONNECTIONS)
        try:
            while page := list(islice(remaining, LABELS_PER_PAGE)):
                pages.append(pool.map(self._row, page))
                if len(pages) > PAGES_AHEAD:
                    yield [row for row in pages.popleft() if row]
            while pages:
                yield [row for row in pages.popleft() if row]
        finally:
            pool.shutdown(cancel_futures=True)

    def _row(self, id: str) -> dict[str, Any] | None:
        """Return a label as a row of SCHEMA, None if it vanished after it was listed."""
        try:
            answer = self.source.get(f"{self._folder}/{id}.json")
            body = bytes(answer.bytes())
        except FileNotFoundError:
            return None
        return self._parsed(id, answer.meta["e_tag"] or "", body)

    def _parsed(self, id: str, etag: str, body: bytes) -> dict[str, Any]:
        """Return a label as a row of SCHEMA."""
        found = {"id": id, "etag": etag}
        try:
            record = parsed(body)
            row = check_record(record, NAMES, self.day)
        except Malformed:
            return {**found, "malformed": body}
        return {
            **found,
            "writer": as_text(record.get("writer")),
            "true": row.true,
            "predicted": row.predicted,
            "confidence": None if row.confidence != row.confidence else row.confidence,
            "model": row.group.model,
            "labelled": as_text(record.get("labelled")),
        }

    def _checked(self, labels: pa.Table) -> Iterator[Batch]:
        malformed = pc.is_valid(labels["malformed"])
        for batch in labels.filter(pc.invert(malformed)).to_batches(ROWS_PER_BATCH):
            yield check_columns(batch, NAMES, f"{self._folder}/")
        others = labels.filter(malformed).select(["id", "malformed"]).to_pylist()
        texts = (Text(f"{self._folder}/{row['id']}.json", row["malformed"], self.day) for row in others)
        yield check_texts(texts, NAMES)

    def _parquets(self) -> list[str]:
        paths = (item["path"] for page in self.kept.list(f"{COMPACTED}/date={self.day}") for item in page)
        return [path for path in paths if path.endswith(".parquet")]

    def _keep(self, key: str, labels: pa.Table) -> None:
        """Write labels as Parquet, and read them again before they are trusted."""
        put_parquet(self.kept, key, labels)
        if (there := self._table(key)) is None or not there.equals(labels):
            raise StoreError(f"{key}: is not there as it was written; does another run keep the same days?")

    def _table(self, key: str, columns: Sequence[str] = SCHEMA.names) -> pa.Table | None:
        return get_parquet(self.kept, key, SCHEMA, columns)


def find(source: ObjectStore, kept: ObjectStore, *, recount: bool = False) -> list[Day]:
    """Return the days that have labels, or of which something is kept."""
    folders = source.list_with_delimiter(LABELS)["common_prefixes"]
    counted = [item["path"] for item in kept.list_with_delimiter(PARTIALS)["objects"]]
    left = [item["path"] for page in kept.list(COMPACTED) for item in page]
    places = (f"{place.removesuffix('.json')}/" for place in (*folders, *counted, *left))
    found = sorted({day for place in places if (day := path_day(place))})
    # Two runs at once, one of which did not end, may have left the labels of two states.
    files = Counter(path_day(path) for path in left if path.endswith(".parquet"))
    return [Day(source, kept, day, recount or files[day] > 1) for day in found]


def strays(source: ObjectStore) -> Counts:
    """Return what lies among the labels, but in no day's folder: rejections."""
    found = source.list_with_delimiter(LABELS)
    folders = [folder for folder in found["common_prefixes"] if path_day(f"{folder}/") is None]
    inside = [item for folder in folders for page in source.list(folder) for item in page]
    items = [item for item in (*found["objects"], *inside) if not _marks_a_folder(item)]
    return Counts(rejected=rejections(wrong_key(item["path"]) for item in items))


def state_of(objects: Iterable[pa.RecordBatch]) -> str:
    """Return the state of a day whose folder holds these objects: LISTED, a page each, by key as S3 has them.

    Arrow's own bytes are hashed: threads that make text of them wait for Python's lock.
    """
    state = hashlib.sha256(code_hash().encode())
    for batch in objects:
        state.update(batch.serialize())
    return state.hexdigest()


def listing_of(objects: pa.Table) -> Listing:
    """Tell labels from what is none. LISTED."""
    etags, faults = {}, []
    for item in objects.to_pylist():
        key, size = item["path"], item["size"]
        if label := LABEL_KEY.fullmatch(key):
            if size > MAX_LABEL_BYTES:
                faults.append(Fault(f"longer than {MAX_LABEL_BYTES} bytes", key, size))
            else:
                etags[label[1]] = item["e_tag"] or ""
        elif not _marks_a_folder(item):
            faults.append(wrong_key(key))
    return Listing(etags, faults)


def wrong_key(key: str) -> Fault:
    return Fault("the key is not labels/date={date}/{id}.json", key, None)


@cache
def code_hash() -> str:
    """Return a hash of the code that makes counts of labels: other code, other counts."""
    modules = (sys.modules[__name__], checks, columns, kernel, partials, records, splits, store)
    return hashlib.sha256("".join(map(inspect.getsource, modules)).encode()).hexdigest()


def _marks_a_folder(item: "ObjectMeta") -> bool:
    return item["size"] == 0 and not item["path"].endswith(".json")
