"""S3, as far as the API needs it: JSON documents, bytes, conditional creation, prefixes."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from chalice_app.problems import unavailable

if TYPE_CHECKING:  # the stubs are not part of the Lambda package
    from mypy_boto3_s3 import S3Client

_ABSENT = {"NoSuchKey", "404", "NotFound"}
_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


@dataclass(frozen=True)
class Blob:
    content: bytes
    media_type: str


class Store:
    """One bucket. Every method raises Problem 503 when the store does not answer as it should."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, media_type: str) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=media_type)
        except (BotoCoreError, ClientError) as error:
            _fail(error)

    def put_json(self, key: str, document: object) -> None:
        self.put(key, _encode(document), "application/json")

    def create_json(self, key: str, document: object) -> bool:
        """Write a document where none is; return False, and change nothing, where one is."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=_encode(document),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _code(error) in _EXISTS:
                return False
            _fail(error)
        except BotoCoreError as error:
            _fail(error)
        return True

    def get(self, key: str) -> Blob | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return Blob(answer["Body"].read(), answer["ContentType"])
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            _fail(error)
        except BotoCoreError as error:
            _fail(error)

    def get_json(self, key: str) -> dict[str, Any] | None:
        blob = self.get(key)
        return None if blob is None else json.loads(blob.content)

    def exists(self, key: str) -> bool:
        return key in self.keys(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys under a prefix in their order, a request for every thousand."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            for page in pages:
                yield from (item["Key"] for item in page.get("Contents", []))
        except (BotoCoreError, ClientError) as error:
            _fail(error)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete up to a thousand objects; what is not there is no error."""
        try:
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except (BotoCoreError, ClientError) as error:
            _fail(error)
        if answer.get("Errors"):
            raise unavailable("The store could not delete everything. Send the request again.")

    def check(self) -> None:
        """Raise unless the bucket answers."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (BotoCoreError, ClientError) as error:
            _fail(error)


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _fail(error: Exception) -> NoReturn:
    raise unavailable("The store does not answer. Nothing was lost: send the request again.") from error
