"""A Legible store: label objects come out of it, reports go into it. A folder takes reports too."""

import json
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from accuracy_job.checks import Fault, Names, path_day, rejections
from accuracy_job.kernel import Batch, added
from accuracy_job.records import Text, check_texts

if TYPE_CHECKING:
    from obstore import ObjectMeta  # is not there at run time

LABELS, CLASSIFICATIONS, REPORTS = "labels/", "classifications/", "reports/"
LABEL_KEY = re.compile(r"labels/date=[^/]+/[^/]+\.json")
MAX_LABEL_BYTES = 2**16  # a label is a few hundred; what is longer is not worth the memory
KEYS_PER_PAGE = 1000  # as many as S3 lists at once
PAGES_AHEAD = 2
CONNECTIONS = 32


class StoreError(Exception):
    """The store does not do what it is asked for. The message says which store, and what it answers."""


@contextmanager
def errors_named(url: str) -> Iterator[None]:
    """Turn what goes wrong with a store into StoreError."""
    try:
        yield
    except (BaseError, OSError) as error:
        # The lines that follow the first are obstore's own innards.
        raise StoreError(f"{url}: {str(error).partition(chr(10))[0]}") from error


def is_s3(url: str) -> bool:
    return url.startswith("s3://")


def open_store(url: str) -> ObjectStore:
    """Return the store at `s3://bucket[/prefix]`, its access from the AWS_ variables; else a local folder."""
    if not is_s3(url):
        return LocalStore(url, mkdir=True)
    _, bucket, prefix, *_ = urlsplit(url)
    return S3Store(
        bucket,
        prefix=prefix.strip("/") or None,
        # http:// is what AWS_ENDPOINT_URL says, or it is not used.
        client_options={"allow_http": True, "connect_timeout": "3s", "timeout": "10s"},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
    )


def list_labels(store: ObjectStore) -> Iterator["Sequence[ObjectMeta]"]:
    """Return the pages of what lies where labels do."""
    return obstore.list(store, LABELS, chunk_size=KEYS_PER_PAGE)


def read_labels(
    store: ObjectStore, listed: Iterable["Sequence[ObjectMeta]"], names: Names
) -> Generator[Batch, None, None]:
    """Return the pairs of the listed objects, many read at once, a few pages of keys in memory."""
    pool = ThreadPoolExecutor(CONNECTIONS)
    pages: deque[Iterator[Text | Fault | None]] = deque()
    try:
        for page in listed:
            pages.append(pool.map(partial(_read, store), page))
            if len(pages) > PAGES_AHEAD:
                yield _check(pages.popleft(), names)
        while pages:
            yield _check(pages.popleft(), names)
    finally:
        pool.shutdown(cancel_futures=True)


def count_classifications(store: ObjectStore) -> int:
    """Return how many classifications there are, by listing them."""
    pages = obstore.list(store, CLASSIFICATIONS, chunk_size=KEYS_PER_PAGE)
    return sum(item["path"].endswith(".json") for page in pages for item in page)


def publish(store: ObjectStore, report: dict[str, Any]) -> None:
    """Write the report under its time, never to change, and then as the latest. Each appears whole."""
    body = json.dumps(report, indent=2, allow_nan=False).encode()
    obstore.put(store, f"{REPORTS}{report['made']}.json", body, mode="create")
    obstore.put(store, f"{REPORTS}latest.json", body)


def _check(found: Iterable[Text | Fault | None], names: Names) -> Batch:
    objects = list(found)
    batch = check_texts((text for text in objects if isinstance(text, Text)), names)
    faults = rejections(fault for fault in objects if isinstance(fault, Fault))
    return Batch(batch.pairs, added(batch.rejected, faults))


def _read(store: ObjectStore, item: "ObjectMeta") -> Text | Fault | None:
    """Return the text of one object, None where it marks a folder or vanished after it was listed."""
    key, size = item["path"], item["size"]
    if size == 0 and not key.endswith(".json"):
        return None
    if not LABEL_KEY.fullmatch(key) or path_day(key) is None:
        return Fault("the key is not labels/date={date}/{id}.json", key, None)
    if size > MAX_LABEL_BYTES:
        return Fault(f"longer than {MAX_LABEL_BYTES} bytes", key, size)
    try:
        return Text(key, bytes(obstore.get(store, key).bytes()), path_day(key))
    except FileNotFoundError:
        return None
