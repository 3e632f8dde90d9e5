"""Sends the images of `samples/` through the public API, as a person would, and labels them."""

import csv
import hashlib
import json
import mimetypes
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from infrastructure.local.settings import ROOT, LocalError

FOLDER = ROOT / "samples"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Sample:
    path: Path
    true: int

    @classmethod
    def all(cls) -> list["Sample"]:
        with (FOLDER / "labels.csv").open(newline="") as file:
            return [cls(FOLDER / row["file"], int(row["true"])) for row in csv.DictReader(file)]


@dataclass(frozen=True)
class Sent:
    sample: Sample
    record: dict[str, Any]
    milliseconds: float | None  # from sending the image to its answer; None if it was sent in an earlier run


class Person:
    """Somebody who uses the API with a token of their own."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager()

    def send(self, samples: list[Sample]) -> Iterator[Sent]:
        """Classify and label each sample that this person has not sent before."""
        known = {record["sha256"]: record for record in self.records()}
        for sample in samples:
            content = sample.path.read_bytes()
            record = known.get(hashlib.sha256(content).hexdigest())
            milliseconds = None
            if record is None:
                started = time.perf_counter()
                record = self._answered(self._classify(sample, content))
                milliseconds = (time.perf_counter() - started) * 1000
            if record["true"] is None:
                record = self._label(self._answered(record), sample.true)
            yield Sent(sample, record, milliseconds)

    def records(self) -> Iterator[dict[str, Any]]:
        query = "?limit=100"
        while query:
            page = self._ask("GET", f"/classifications{query}")
            yield from page["classifications"]
            query = "" if page["cursor"] is None else f"?limit=100&cursor={page['cursor']}"

    def accuracy(self) -> dict[str, Any]:
        return self._ask("GET", "/accuracy")

    def _classify(self, sample: Sample, content: bytes) -> dict[str, Any]:
        media_type = mimetypes.guess_type(sample.path.name)[0] or "application/octet-stream"
        key = hashlib.sha256(content).hexdigest()
        headers = {"Content-Type": media_type, "Idempotency-Key": key}
        return self._ask("POST", "/classifications", content, headers)

    def _answered(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record once the model has answered: a busy machine may have left it pending."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while record["status"] == "pending":
            if time.monotonic() > deadline:
                raise LocalError(f"The model has not answered for {PATIENCE_SECONDS} s.")
            time.sleep(0.5)
            record = self._ask("GET", f"/classifications/{record['id']}")
        return record

    def _label(self, record: dict[str, Any], true: int) -> dict[str, Any]:
        body = json.dumps({"true": true}).encode()
        path = f"/classifications/{record['id']}/label"
        return self._ask("PUT", path, body, {"Content-Type": "application/json"})

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Ask the API, again where it says so: all requests here can be repeated."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self._answer(method, path, body, headers)).status == 503:
            if time.monotonic() > deadline:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), 5))
        if answer.status >= 300:
            raise LocalError(f"{method} {path} was answered with {answer.status}: {answer.data.decode()}")
        document: dict[str, Any] = json.loads(answer.data)
        return document

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method, self._api_url + path, body=body, headers=self._headers | (headers or {}), timeout=30.0
            )
        except urllib3.exceptions.HTTPError as error:
            raise LocalError(f"{method} {path} was not answered: {error}") from error
