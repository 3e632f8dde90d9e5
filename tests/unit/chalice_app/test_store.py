import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalice_app.problems import Problem
from chalice_app.store import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def client() -> "S3Client":
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stub(client: "S3Client") -> Stubber:
    return Stubber(client)


DOCUMENT = {"Bucket": "bucket", "Key": "k", "Body": b"{}", "ContentType": "application/json"}


@pytest.fixture
def store(client: "S3Client") -> Store:
    return Store(client, "bucket")


def test_what_is_not_there_is_none(store: Store, stub: Stubber) -> None:
    stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    with stub:
        assert store.get_json("k") is None


def test_a_document_is_read_back(store: Store, stub: Stubber) -> None:
    body = StreamingBody(io.BytesIO(b'{"a":0}'), 7)
    stub.add_response("get_object", {"Body": body, "ContentType": "application/json", "ETag": '"e"'})
    with stub:
        assert store.get_json("k") == {"a": 0}


def test_creation_where_something_is_changes_nothing(store: Store, stub: Stubber) -> None:
    stub.add_client_error(
        "put_object", "PreconditionFailed", expected_params={**DOCUMENT, "IfNoneMatch": "*"}
    )
    with stub:
        assert store.create_json("k", {}) is False


def test_a_conflict_with_another_change_says_nothing_yet(store: Store, stub: Stubber) -> None:
    for _ in range(2):
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    stub.add_response("put_object", {}, {**DOCUMENT, "IfNoneMatch": "*"})
    with stub:
        assert store.create_json("k", {}) is True


def test_a_conflict_that_lasts_is_a_503(store: Store, stub: Stubber) -> None:
    for _ in range(3):
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    with stub, pytest.raises(Problem) as error:
        store.replace_json("k", {}, '"e"')
    assert error.value.status == 503


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchKey"])
def test_a_replacement_of_what_has_changed_or_gone_changes_nothing(
    store: Store, stub: Stubber, code: str
) -> None:
    stub.add_client_error("put_object", code, expected_params={**DOCUMENT, "IfMatch": '"e"'})
    with stub:
        assert store.replace_json("k", {}, '"e"') is False


def test_what_is_written_is_said_to_be(store: Store, stub: Stubber) -> None:
    stub.add_response("put_object", {}, {**DOCUMENT, "IfNoneMatch": "*"})
    stub.add_response("put_object", {}, {**DOCUMENT, "IfMatch": '"e"'})
    with stub:
        assert store.create_json("k", {}) is True
        assert store.replace_json("k", {}, '"e"') is True


def test_an_image_keeps_its_media_type(store: Store, stub: Stubber) -> None:
    stub.add_response("put_object", {}, {**DOCUMENT, "ContentType": "image/png"})
    with stub:
        store.put("k", b"{}", "image/png")


def test_a_write_without_a_condition_that_is_refused_is_no_success(store: Store, stub: Stubber) -> None:
    stub.add_client_error("put_object", "PreconditionFailed", expected_params=DOCUMENT)
    with stub, pytest.raises(Problem):
        store.put_json("k", {})


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("put_object", lambda store: store.put("k", b"", "text/plain")),
        ("put_object", lambda store: store.create_json("k", {})),
        ("put_object", lambda store: store.replace_json("k", {}, '"e"')),
        ("get_object", lambda store: store.get("k")),
        ("list_objects_v2", lambda store: list(store.keys("k"))),
        ("delete_objects", lambda store: store.delete(["k"])),
        ("head_bucket", lambda store: store.check()),
    ],
)
def test_a_store_that_fails_is_a_503_that_says_when_to_come_back(
    store: Store, stub: Stubber, operation: str, call: Callable[[Store], object]
) -> None:
    stub.add_client_error(operation, "SlowDown", "secret detail", http_status_code=503)
    with stub, pytest.raises(Problem) as error:
        call(store)
    assert error.value.status == 503
    assert "Retry-After" in error.value.headers
    assert "secret" not in error.value.detail


def test_a_deletion_that_was_done_only_in_part_is_no_success(store: Store, stub: Stubber) -> None:
    stub.add_response("delete_objects", {"Errors": [{"Key": "k", "Code": "InternalError"}]})
    with stub, pytest.raises(Problem):
        store.delete(["k"])


def test_existence_is_of_the_very_key(store: Store, stub: Stubber) -> None:
    stub.add_response("list_objects_v2", {"Contents": [{"Key": "k.true-1"}]})
    with stub:
        assert store.exists("k") is False


def test_what_only_shows_a_folder_is_no_key(store: Store, stub: Stubber) -> None:
    stub.add_response("list_objects_v2", {"Contents": [{"Key": "pending/"}, {"Key": "pending/id"}]})
    with stub:
        assert list(store.keys("pending/")) == ["pending/id"]


def test_keys_can_begin_behind_one(store: Store, stub: Stubber) -> None:
    expected = {"Bucket": "bucket", "Prefix": "p/", "StartAfter": "p/1"}
    stub.add_response("list_objects_v2", {"Contents": [{"Key": "p/2"}]}, expected)
    with stub:
        assert list(store.keys("p/", "p/1")) == ["p/2"]
