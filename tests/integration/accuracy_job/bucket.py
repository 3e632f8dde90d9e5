"""A bucket of a real store, and what a test puts into it and finds there."""

import json
import os
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
from mypy_boto3_s3 import S3Client

KEYS = {"AWS_ACCESS_KEY_ID": "integration", "AWS_SECRET_ACCESS_KEY": "integration-secret"}


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a real store, and how to reach it."""

    endpoint: str
    client: S3Client
    name: str = field(default_factory=lambda: f"legible-{uuid4()}")

    @classmethod
    def make(cls, endpoint: str) -> "Bucket":
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        new = cls(endpoint, client)
        client.create_bucket(Bucket=new.name)
        return new

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **KEYS, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.endpoint}

    def put(self, key: str, body: bytes = b"{}") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def put_label(self, name: str, true: object, predicted: object, day: str = "2026-11-22") -> None:
        label = {"id": name, "true": true, "predicted": predicted, "confidence": 0.9, "model": "m1"}
        self.put(f"labels/date={day}/{name}.json", json.dumps(label).encode())

    def listed(self, prefix: str = "") -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def report(self) -> Any:  # noqa: ANN401 -- JSON
        return json.load(self.client.get_object(Bucket=self.name, Key="reports/latest.json")["Body"])
