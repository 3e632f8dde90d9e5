"""Somebody who uses the API over HTTP."""

import json
import secrets
from typing import Any

import pytest
import urllib3

from infrastructure.local.samples import Sample

ZERO = next(sample.path for sample in Sample.all() if sample.path.name == "mnist-2.png").read_bytes()
GATEWAY_SECONDS = 29.0  # no caller on AWS waits longer
_HTTP = urllib3.PoolManager(maxsize=8)


class Writer:
    """A person with a token of their own."""

    def __init__(self, api_url: str, token: str | None = None) -> None:
        self.token = secrets.token_urlsafe(32) if token is None else token
        self._api_url = api_url

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; a header's name is written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}", **named}
        return _HTTP.request(
            method, self._api_url + path, body=body, headers=sent, timeout=GATEWAY_SECONDS, retries=False
        )

    def post(
        self, image: bytes = ZERO, content_type: str = "image/png", **headers: str
    ) -> urllib3.BaseHTTPResponse:
        return self.ask("POST", "/classifications", image, content_type=content_type, **headers)

    def classify(self, image: bytes = ZERO, **headers: str) -> dict[str, Any]:
        """Return the record of an image that the model reads at once."""
        answer = self.post(image, **headers)
        assert answer.status == 201, answer.data
        record: dict[str, Any] = answer.json()
        assert answer.headers["Location"] == f"classifications/{record['id']}"
        return record

    def record(self, id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/classifications/{id}")
        assert answer.status == 200, answer.data
        record: dict[str, Any] = answer.json()
        return record

    def image(self, id: str, accept: str = "image/png", **headers: str) -> urllib3.BaseHTTPResponse:
        return self.ask("GET", f"/classifications/{id}/image", None, accept=accept, **headers)

    def label(self, id: str, true: object) -> urllib3.BaseHTTPResponse:
        body = json.dumps({"true": true}).encode()
        return self.ask("PUT", f"/classifications/{id}/label", body, content_type="application/json")

    def delete(self, id: str) -> urllib3.BaseHTTPResponse:
        return self.ask("DELETE", f"/classifications/{id}")

    def legibility(self) -> dict[str, Any]:
        figures: dict[str, Any] = self.ask("GET", "/legibility").json()
        return figures


def kept(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the id of an image that was kept until the model answers."""
    assert answer.status == 202, answer.data
    record = answer.json()
    assert record["status"] == "pending"
    assert answer.headers["Location"] == f"classifications/{record['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    return str(record["id"])


def problem(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """Return the problem details of an answer, after a look at their form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.data, parse_constant=pytest.fail)  # NaN is none of JSON's
    assert document["status"] == answer.status
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in answer.data.decode()
    return document
