"""A SeaweedFS of the tests' own: a real store on loopback, on free ports, with data that goes with it."""

import json
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

import boto3
import pytest
from mypy_boto3_s3 import S3Client

HOST = "127.0.0.1"
KEYS = {"AWS_ACCESS_KEY_ID": "integration", "AWS_SECRET_ACCESS_KEY": "integration-secret"}
SERVERS = ("s3", "master", "volume", "filer", "admin")
STOP_SECONDS = 10


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a real store, and how to reach it."""

    endpoint: str
    client: S3Client
    name: str = field(default_factory=lambda: f"legible-{uuid4()}")

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        return {**KEYS, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.endpoint}

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


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a running store."""
    folder = tmp_path_factory.mktemp("weed")
    ports = dict(zip(SERVERS, free_ports(len(SERVERS)), strict=True))
    url = f"http://{HOST}:{ports['s3']}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("weed")),
                "mini",
                f"-dir={folder}",
                f"-ip={HOST}",
                f"-ip.bind={HOST}",
                *(f"-{server}.port={port}" for server, port in ports.items()),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"),
                *("-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
            ],
            env=KEYS,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    """Return a new bucket, so that no test sees what another left."""
    return new_bucket(endpoint)


@pytest.fixture(scope="module")
def module_bucket(endpoint: str) -> Bucket:
    """Return a bucket that the tests of a module share."""
    return new_bucket(endpoint)


@pytest.fixture(scope="session")
def store_keys() -> dict[str, str]:
    return KEYS


@pytest.fixture(scope="session")
def ports() -> Callable[[int], list[int]]:
    return free_ports


def new_bucket(endpoint: str) -> Bucket:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    new = Bucket(endpoint, client)
    client.create_bucket(Bucket=new.name)
    return new


def free_ports(count: int) -> list[int]:
    """Return ports that are free together with those 10,000 above, where weed puts gRPC."""
    ports = (
        port for port in random.sample(range(20_000, 50_000), 30_000) if free(port) and free(port + 10_000)
    )
    return [next(ports) for _ in range(count)]


def free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the store refuses a stranger: then it has its credentials."""
    for _ in range(600):
        with suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"weed ended with {process.wait(0.1)}")
        with suppress(URLError, OSError):
            try:
                urlopen(url, timeout=1).close()
            except HTTPError as refusal:
                if refusal.code == 403:
                    return
    raise RuntimeError("weed does not answer")
