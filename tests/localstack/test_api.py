"""The API's code against S3 as AWS answers it, in LocalStack."""

import json
import secrets
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.test import Client

from accuracy_job.__main__ import main as accuracy_job
from infrastructure.local.samples import Sample
from infrastructure.local.settings import BUCKET

MNIST_0 = next(sample.path for sample in Sample.all() if sample.path.name == "mnist-2.png")


class Writer:
    """Somebody with a token of their own."""

    def __init__(self, client: Client) -> None:
        self._http = client.http
        self.headers = {"Authorization": f"Bearer {secrets.token_urlsafe(32)}"}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON document of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._http.request(method, path, headers=self.headers | named, body=body)
        return answer.status_code, json.loads(answer.body) if answer.body else None

    def classify(self, path: Path = MNIST_0, **headers: str) -> dict[str, Any]:
        status, record = self.ask(
            "POST", "/classifications", path.read_bytes(), content_type="image/png", **headers
        )
        assert status == 201
        assert isinstance(record, dict)
        return record

    def label(self, record: dict[str, Any], true: int) -> tuple[int, Any]:
        body = json.dumps({"true": true}).encode()
        return self.ask(
            "PUT", f"/classifications/{record['id']}/label", body, content_type="application/json"
        )


@pytest.fixture
def writer(client: Client) -> Writer:
    return Writer(client)


def keys_that_name(id: str) -> list[str]:
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [item["Key"] for page in pages for item in page.get("Contents", []) if id in item["Key"]]


def test_a_drawn_zero_is_classified_labelled_and_counted_as_zero(writer: Writer) -> None:
    record = writer.classify()
    assert record["predicted"] == 0
    status, labelled = writer.label(record, 0)
    assert (status, labelled["true"]) == (200, 0)
    _, figures = writer.ask("GET", "/legibility")
    assert figures["confusion_matrix"][0][0] == 1


def test_the_image_comes_back_byte_for_byte(client: Client, writer: Writer) -> None:
    record = writer.classify()
    answer = client.http.get(
        f"/classifications/{record['id']}/image", headers=writer.headers | {"Accept": "image/png"}
    )
    assert answer.body == MNIST_0.read_bytes()
    assert answer.headers["Content-Type"] == "image/png"


def test_creation_is_conditional_so_a_replayed_request_makes_no_second_record(writer: Writer) -> None:
    first = writer.classify(idempotency_key="k")
    assert writer.classify(idempotency_key="k") == first
    _, page = writer.ask("GET", "/classifications")
    assert [record["id"] for record in page["classifications"]] == [first["id"]]


def test_pages_go_back_in_time(writer: Writer) -> None:
    made = [writer.classify()["id"] for _ in range(3)]
    _, first = writer.ask("GET", "/classifications?limit=2")
    _, second = writer.ask("GET", f"/classifications?limit=2&cursor={first['cursor']}")
    listed = [record["id"] for record in first["classifications"] + second["classifications"]]
    assert listed == made[::-1]
    assert second["cursor"] is None


def test_a_deletion_leaves_no_object_behind(writer: Writer) -> None:
    record = writer.classify(idempotency_key="k")
    writer.label(record, 0)
    assert len(keys_that_name(record["id"])) == 5  # image, record, label, and two keys of the index
    assert writer.ask("DELETE", f"/classifications/{record['id']}") == (204, None)
    assert keys_that_name(record["id"]) == []


def test_another_writer_finds_nothing(client: Client, writer: Writer) -> None:
    record = writer.classify()
    stranger = Writer(client)
    path = f"/classifications/{record['id']}"
    assert stranger.ask("GET", path)[0] == 404
    assert stranger.ask("GET", f"{path}/image", accept="image/png")[0] == 404
    assert stranger.label(record, 0)[0] == 404
    assert stranger.ask("DELETE", path)[0] == 404
    assert stranger.ask("GET", "/classifications")[1]["classifications"] == []


def test_an_image_that_the_model_refuses_is_not_kept(writer: Writer) -> None:
    before = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="images/").get("KeyCount")
    status, problem = writer.ask("POST", "/classifications", b"no image", content_type="image/png")
    assert (status, problem["status"]) == (415, 415)
    assert boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="images/").get("KeyCount") == before


def test_the_accuracy_job_reports_to_the_api(client: Client, writer: Writer) -> None:
    writer.label(writer.classify(), 8)
    assert accuracy_job([f"s3://{BUCKET}"]) == 0
    report = json.loads(client.http.get("/accuracy").body)
    assert report["confusion_matrix"][8][0] >= 1
    assert report["pairs"] == sum(map(sum, report["confusion_matrix"]))


def test_health_names_the_store_and_the_model(client: Client) -> None:
    health = json.loads(client.http.get("/health").body)
    assert health["status"] == "ok"
    assert health["dependencies"]["inference"]["model"].startswith("digits-")
