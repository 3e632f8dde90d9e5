"""Small in-memory doubles of what the API talks to."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import uuid6

from chalice_app.classifications import Classifications
from chalice_app.inference import InferenceClient
from chalice_app.problems import Problem
from chalice_app.store import Blob, Store

# What tells an image from other bytes. The model below reads what comes after it.
PNG = b"\x89PNG\r\n\x1a\n"


def _nothing(_key: str) -> None: ...


class MemoryStore:
    """A bucket as a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, Blob] = {}
        self.reads = 0
        self.listed = 0  # times
        self.before_put: Callable[[str], None] = _nothing  # what happens elsewhere just before a write

    def put(self, key: str, content: bytes, media_type: str) -> None:
        self.before_put(key)
        self.objects[key] = Blob(content, media_type, f'"{hashlib.md5(content).hexdigest()}"')

    def put_empty(self, key: str) -> None:
        self.put(key, b"", "application/octet-stream")

    def put_json(self, key: str, document: object) -> None:
        self.put(key, json.dumps(document).encode(), "application/json")

    def create_json(self, key: str, document: object) -> bool:
        if key in self.objects:
            return False
        self.put_json(key, document)
        return True

    def replace_json(self, key: str, document: object, etag: str) -> bool:
        if key not in self.objects or self.objects[key].etag != etag:
            return False
        self.put_json(key, document)
        return True

    def get(self, key: str) -> Blob | None:
        self.reads += 1
        return self.objects.get(key)

    def get_json(self, key: str) -> dict[str, Any] | None:
        blob = self.get(key)
        return None if blob is None else blob.json()

    def exists(self, key: str) -> bool:
        return key in self.objects

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        self.reads += 1
        self.listed += 1
        return iter(sorted(key for key in self.objects if key.startswith(prefix) and key > after))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


class Model:
    """A container that reads the digit from the first byte, and refuses what does not begin with one."""

    name = "digits-test"

    def __init__(self) -> None:
        self.is_down = False
        self.refuses = False
        self.asked = 0
        self.before_answer: Callable[[], object] = lambda: None  # what happens elsewhere meanwhile

    def classify(self, image: bytes, _request_id: str) -> dict[str, Any]:
        self.asked += 1
        self.before_answer()
        if self.is_down:
            raise Problem(503, "The model does not answer.")
        digit = chr(image.removeprefix(PNG)[0])
        if self.refuses or not digit.isdigit():
            raise Problem(415, "not an image")
        return {"predicted": int(digit), "confidence": 0.9, "model": self.name}


@contextmanager
def serving(store: MemoryStore, model: Model, now: Callable[[], datetime]) -> Iterator[Classifications]:
    """Yield the service over doubles, by a clock."""
    with ThreadPoolExecutor(2) as threads:
        clients = cast("Store", store), cast("InferenceClient", model)
        yield Classifications(*clients, threads, uuid6.uuid7, now)
