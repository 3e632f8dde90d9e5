"""The API where it runs, with what is behind it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from infrastructure.local import parts
from infrastructure.local.credentials import Credentials
from infrastructure.local.environment import with_own
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, ROOT, Settings
from infrastructure.local.stack import Running
from tests.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class System:
    url: str
    page_origin: str
    model: Part
    store: Mapping[str, str]  # the environment that points boto3 and the accuracy job at the store
    log: Callable[[], str]  # what the API has logged

    @property
    def s3(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.store.get("AWS_ENDPOINT_URL_S3") or self.store["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.store["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.store["AWS_SECRET_ACCESS_KEY"],
            region_name=self.store["AWS_DEFAULT_REGION"],
        )

    def stored(self) -> set[str]:
        """Return the keys of all objects.

        What a test left behind is what was not there before it: meanwhile a sweep may settle the images of
        earlier tests.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def run_accuracy_job(self, *options: str) -> None:
        job = [sys.executable, "-m", "accuracy_job", f"s3://{BUCKET}", *options]
        subprocess.run(job, cwd=ROOT, env=with_own(self.store), check=True, capture_output=True)

    @contextmanager
    def without_model(self) -> Iterator[None]:
        """Stop the model's process, and let it go on afterwards."""
        send(self.model, signal.SIGSTOP)
        try:
            yield
        finally:
            send(self.model, signal.SIGCONT)
            wait_until(self.model.is_healthy)


@contextmanager
def running(folder: Path, **api_variables: str) -> Iterator[tuple[System, list[Part]]]:
    """Yield a system of its own, over a folder, and its parts: the store, the model and the API."""
    settings = Settings.on_free_ports(folder)
    credentials = Credentials.of(folder)
    api = parts.api(settings, credentials)
    api = replace(api, environment={**api.environment, **api_variables})
    model = parts.inference(settings)
    logs = folder / "logs"
    system = System(
        url=settings.api_url,
        page_origin=settings.page_url,
        model=model,
        store=parts.store_environment(settings, credentials),
        log=(logs / "API.log").read_text,
    )
    with Running([parts.store(settings, credentials), model, api], logs) as started:
        yield system, list(started.parts)


def send(part: Part, number: signal.Signals) -> None:
    assert part.pid is not None
    os.killpg(part.pid, number)
