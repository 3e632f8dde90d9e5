import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from obstore.store import MemoryStore, S3Store

from accuracy_job.engines import local
from accuracy_job.files import StoreError
from accuracy_job.kernel import Counts
from accuracy_job.report import build
from accuracy_job.store import (
    CLASSIFICATIONS_COUNTING,
    classified_days,
    errors_named,
    latest,
    listed,
    open_store,
    publish,
)

MADE = datetime(2026, 11, 22, 11, 19, 51, tzinfo=UTC)


def test_classifications_are_counted_on_every_day() -> None:
    store = MemoryStore()
    for key in (
        "classifications/2026-11-22/a.json",
        "classifications/2026-11-21/b.json",
        "classifications/x",
    ):
        store.put(key, b"{}")
    days = classified_days(store)
    assert [local.run(CLASSIFICATIONS_COUNTING, part, at_once=2) for part in (days, days[:1], [])] == [
        2,
        1,
        0,
    ]


class Stub(BaseHTTPRequestHandler):
    """A store that gives every asker the same."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 11:19:51 GMT")
        self.end_headers()
        self.wfile.write(self.body)


class OddKey(Stub):
    """Answers as S3 does where somebody put an object beside those of the API."""

    body = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>labels//a.json</Key><Size>2</Size>"
        b"<LastModified>2026-11-22T11:19:51.000Z</LastModified></Contents></ListBucketResult>"
    )


class Busy(Stub):
    """Answers as S3 does to who reads faster than it gives, for a while."""

    body = b"{}"
    refusals = count()

    def do_GET(self) -> None:
        if next(self.refusals) < 6:
            self.send_error(503, "Slow Down")
        else:
            super().do_GET()


@contextmanager
def stubbed(stub: type[Stub], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), stub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "any")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


def test_an_object_whose_key_cannot_be_listed_is_named_and_to_be_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        stubbed(OddKey, monkeypatch),
        pytest.raises(StoreError, match=r'"labels//a\.json" .*: delete it'),
        errors_named("s3://odd-key"),
    ):
        list(listed(open_store("s3://odd-key"), "labels"))


def test_a_store_that_asks_for_patience_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with stubbed(Busy, monkeypatch):
        assert bytes(open_store("s3://busy").get("a.json").bytes()) == b"{}"


def test_a_folder_is_the_same_from_whatever_folder_is_the_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(open_store("kept"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    pickle.loads(pickled).put("a.json", b"{}")
    assert (tmp_path / "kept/a.json").read_bytes() == b"{}"


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
        publish(store, build(Counts(), MADE, source="another"))


def test_a_report_that_is_written_twice_as_an_answer_was_lost_is_published() -> None:
    store = MemoryStore()
    report = build(Counts(), MADE)
    store.put("reports/2026-11-22T11:19:51.000000Z.json", json.dumps(report).encode())
    publish(store, report)
    assert latest(store) == report


def changed(**fields: object) -> bytes:
    return json.dumps(build(Counts(), MADE) | fields).encode()


def test_the_latest_report_is_read_again() -> None:
    store = MemoryStore()
    assert latest(store) is None
    publish(store, report := build(Counts(), MADE))
    assert latest(store) == report


@pytest.mark.parametrize(
    "document",
    [
        b"half a rep",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b"null",
        changed(made=None),
        changed(confusion_matrix=None),
        changed(confusion_matrix=[[0] * 10] * 9),
        changed(confusion_matrix=[[0] * 9, *[[0] * 10] * 9]),
        changed(confusion_matrix=[["0"] * 10] * 10),
        changed(confusion_matrix=[[-1] * 10] * 10),
        changed(confusion_matrix=[[2**63] * 10] * 10),
    ],
)
def test_what_is_no_report_to_compare_with_is_none(document: bytes) -> None:
    store = MemoryStore()
    store.put("reports/latest.json", document)
    assert latest(store) is None


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://my.bucket_1", "my.bucket_1", None),
        ("s3://bucket/", "bucket", None),
        ("s3://bucket//prefix/", "bucket", "prefix"),
        ("s3://bucket/a#1/%20?é", "bucket", "a#1/%20?é"),
    ],
)
def test_a_url_names_a_bucket_and_all_of_a_prefix(url: str, bucket: str, prefix: str | None) -> None:
    store = open_store(url)
    assert isinstance(store, S3Store)
    assert (store.config["bucket"], store.prefix) == (bucket, prefix)
