"""A Legible store, or a folder, that gives and takes objects: how it is opened, and its reports."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from mimetypes import guess_type
from operator import add
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError
from obstore.store import LocalStore, ObjectStore, S3Store

from accuracy_job.engines import MapReduce
from accuracy_job.files import S3, InputError, StoreError, endpoint
from accuracy_job.report import Report, is_report
from accuracy_job.splits import Seen, unseen

CLASSIFICATIONS, REPORTS = "classifications/", "reports/"
LATEST = f"{REPORTS}latest.json"
STORE = re.compile(rf"{S3}(\w[\w.-]*)(?:/+|\Z)(.*)", re.ASCII | re.DOTALL)  # bucket and prefix
OTHER_SCHEME = re.compile(rf"(?!{S3})[\w+.-]+://")
# For each of two days at once: 4,300 GET/s where an answer takes 30 ms. S3 begins with 5,500 for a prefix.
CONNECTIONS = 64
KEYS_PER_PAGE = 1000  # what S3 answers at once
LISTED = pa.schema(  # as obstore has them: a cast of each page would wait for Python's lock
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("e_tag", pa.string()),
        pa.field("size", pa.uint64(), nullable=False),
    ]
)


class Folder(NamedTuple):
    """A folder of a store."""

    store: ObjectStore
    path: str


@contextmanager
def errors_named(url: str) -> Iterator[None]:
    """Turn what goes wrong with a store into StoreError."""
    try:
        yield
    except (BaseError, OSError) as error:
        # The lines that follow the first are obstore's own innards.
        message = f"{url}: {str(error).partition(chr(10))[0]}"
        if isinstance(error, InvalidPathError):  # which obstore passes over in no listing
            message += ": delete it, as nothing beside it can be listed"
        raise StoreError(message) from error


@cache
def open_store(url: str) -> ObjectStore:
    """Return the store at `s3://bucket[/prefix]`, its access from the AWS_ variables; else a local folder.

    Raises InputError where the URL or a variable is wrong.
    """
    if not url or OTHER_SCHEME.match(url):
        raise InputError(f"{url or 'nothing'}: a place must be a folder, or like s3://bucket/prefix")
    if not url.startswith(S3):
        return LocalStore(Path(url).absolute(), mkdir=True)  # an executor is in another folder
    endpoint("S3")  # of what is no address obstore makes a panic
    if (named := STORE.fullmatch(url)) is None:
        raise InputError(f"{url}: it must be like s3://bucket or s3://bucket/prefix")
    bucket, prefix = named.groups()
    try:
        return S3Store(
            bucket,
            prefix=prefix.rstrip("/") or None,
            # http:// is what AWS_ENDPOINT_URL says, or it is not used.
            client_options={"allow_http": True, "connect_timeout": "3s", "timeout": "10s"},
            # S3 answers 503 to who reads faster than a prefix gives, until it has adapted.
            retry_config={"max_retries": 10, "retry_timeout": timedelta(seconds=30)},
        )
    except ValueError as error:  # of a prefix like a//b
        raise InputError(f"{url}: {str(error).partition(chr(10))[0]}") from error


def classified_days(store: ObjectStore) -> list[Folder]:
    """Return the folders of classifications, as splits."""
    return [Folder(store, day) for day in store.list_with_delimiter(CLASSIFICATIONS)["common_prefixes"]]


def count_json(folder: Folder, _seen: Seen = unseen) -> int:
    """Map: the number of a folder's JSON objects, by listing them."""
    pages = listed(*folder)
    return sum(pc.sum(pc.ends_with(page["path"], ".json")).as_py() for page in pages)


CLASSIFICATIONS_COUNTING: MapReduce[Folder, int] = MapReduce(count_json, add, 0)


def listed(store: ObjectStore, folder: str) -> Iterator[pa.RecordBatch]:
    """Return the pages of a listing. LISTED.

    As columns: Python's objects would take half as much time again.
    """
    for page in store.list(folder, chunk_size=KEYS_PER_PAGE, return_arrow=True):
        yield pa.record_batch(page).select(LISTED.names)


def latest(store: ObjectStore) -> Report | None:
    """Return the latest report, None where there is none."""
    try:
        report = json.loads(bytes(store.get(LATEST).bytes()))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return report if is_report(report) else None


def publish(store: ObjectStore, report: Report) -> None:
    """Write the report under its time, never to change, and then as the latest. Each appears whole."""
    body = json.dumps(report, allow_nan=False).encode()  # indented, a year's would be five times as long
    key = f"{REPORTS}{report['made']}.json"
    try:
        put(store, key, body, mode="create")
    except AlreadyExistsError:
        if bytes(store.get(key).bytes()) != body:  # the same is a first try whose answer was lost
            raise
    put(store, LATEST, body)


def put(
    store: ObjectStore, key: str, body: bytes, mode: Literal["create", "overwrite"] = "overwrite"
) -> None:
    """Write an object; S3 is told its media type."""
    media_type, _ = guess_type(key)
    # A folder knows no media types, and refuses them.
    attributes = {"Content-Type": media_type} if media_type and isinstance(store, S3Store) else None
    store.put(key, body, attributes=attributes, mode=mode)


def delete(store: ObjectStore, key: str) -> None:
    """Delete an object, if it is there."""
    with suppress(FileNotFoundError):
        store.delete(key)


def put_parquet(store: ObjectStore, key: str, table: pa.Table) -> None:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    store.put(key, file.getvalue())


def get_parquet(
    store: ObjectStore, key: str, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table | None:
    """Return a table, None where it is not there or cannot be read as Parquet."""
    try:
        body = pa.py_buffer(store.get(key).bytes())
    except FileNotFoundError:
        return None
    with suppress(pa.ArrowException, OSError):  # either, by where it is damaged
        return pq.read_table(body, columns=columns, schema=schema)
    return None
