"""S3, as far as the API needs it: JSON documents, bytes, conditional writes, prefixes."""

import json
import logging
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalice_app import logs
from chalice_app.problems import Problem, unavailable

if TYPE_CHECKING:  # the stubs are not part of the Lambda package
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

LOG = logging.getLogger("legible.store")
JSON = "application/json"
LISTED = 1000  # keys, that S3 returns at once
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_UNMET = {"PreconditionFailed", "412", *_ABSENT}
_CONFLICT = "ConditionalRequestConflict"  # with another change of the key: nothing is written, nothing known
_CONFLICTS = 2  # in a row after which a write is given up
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Blob:
    content: bytes
    media_type: str
    etag: str  # changes with the content; quoted, as HTTP writes it

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.content)
        return document


class Store:
    """One bucket. Every method raises Problem 503 when the store does not answer as it should."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, media_type: str) -> None:
        self._put(key, content, media_type)

    def put_empty(self, key: str) -> None:
        """Write an object whose key says it all."""
        self.put(key, b"", "application/octet-stream")

    def put_json(self, key: str, document: object) -> None:
        self.put(key, _encode(document), JSON)

    def create_json(self, key: str, document: object) -> bool:
        """Write a document where none is; return False, and change nothing, where one is."""
        return self._put(key, _encode(document), JSON, IfNoneMatch="*")

    def replace_json(self, key: str, document: object, etag: str) -> bool:
        """Write over the version that `etag` names; return False, and change nothing, where it is gone."""
        return self._put(key, _encode(document), JSON, IfMatch=etag)

    def _put(self, key: str, content: bytes, media_type: str, **condition: Any) -> bool:  # noqa: ANN401  as boto3's
        """Write an object; return whether the condition was met, if there is one."""
        written = _ask(
            lambda: self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=media_type, **condition
            ),
            none_if=_UNMET if condition else (),
        )
        return written is not None

    def get(self, key: str) -> Blob | None:
        return _ask(lambda: self._read(key), none_if=_ABSENT)

    def _read(self, key: str) -> Blob:
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        return Blob(answer["Body"].read(), answer["ContentType"], answer["ETag"])

    def get_json(self, key: str) -> dict[str, Any] | None:
        blob = self.get(key)
        return None if blob is None else blob.json()

    def exists(self, key: str) -> bool:
        return key in self.keys(key)

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        """Yield the keys under a prefix in their order, those behind `after`, a request for every LISTED.

        Keys that end in a slash are left out: consoles make such empty objects to show a folder.
        """
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, **start
            )
        )
        while (page := _ask(lambda: next(pages, None))) is not None:
            yield from (key for item in page.get("Contents", []) if not (key := item["Key"]).endswith("/"))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete up to a thousand objects; what is not there is no error."""
        objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
        answer = _ask(
            lambda: self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
        )
        if answer is None or answer.get("Errors"):
            raise unavailable("The store could not delete everything. Send the request again.")

    def check(self) -> None:
        """Raise unless the bucket answers."""
        _ask(lambda: self._client.head_bucket(Bucket=self._bucket))


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _ask(
    call: Callable[[], _Answer], *, none_if: Container[str] = (), conflicts: int = _CONFLICTS
) -> _Answer | None:
    """Return S3's answer, or None if its error code is one of `none_if`; any other failure is Problem 503."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in none_if:
            return None
        if error.response["Error"]["Code"] == _CONFLICT and conflicts:
            return _ask(call, none_if=none_if, conflicts=conflicts - 1)
        raise _no_answer(error.response["Error"]["Code"]) from error
    except BotoCoreError as error:
        raise _no_answer(type(error).__name__) from error


def _no_answer(reason: str) -> Problem:
    logs.event(LOG, logging.ERROR, "the store does not answer", reason=reason)
    return unavailable("The store does not answer. Nothing was lost: send the request again.")
