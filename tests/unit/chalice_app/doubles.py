"""Small in-memory doubles of what the API talks to."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chalice_app.problems import Problem
from chalice_app.store import Blob


def _nothing(_key: str) -> None: ...


class MemoryStore:
    """A bucket as a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, Blob] = {}
        self.before_put: Callable[[str], None] = _nothing  # what happens elsewhere just before a write

    def put(self, key: str, content: bytes, media_type: str) -> None:
        self.before_put(key)
        self.objects[key] = Blob(content, media_type)

    def put_json(self, key: str, document: object) -> None:
        self.put(key, json.dumps(document).encode(), "application/json")

    def create_json(self, key: str, document: object) -> bool:
        if key in self.objects:
            return False
        self.put_json(key, document)
        return True

    def get(self, key: str) -> Blob | None:
        return self.objects.get(key)

    def get_json(self, key: str) -> dict[str, Any] | None:
        if key not in self.objects:
            return None
        document: dict[str, Any] = json.loads(self.objects[key].content)
        return document

    def exists(self, key: str) -> bool:
        return key in self.objects

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)


class Model:
    """A container that reads the digit from the first byte, and refuses what does not begin with one."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked = 0

    def classify(self, image: bytes, _request_id: str) -> dict[str, Any]:
        self.asked += 1
        if self.is_down:
            raise Problem(503, "The model does not answer.")
        if not chr(image[0]).isdigit():
            raise Problem(415, "not an image")
        return {"predicted": int(chr(image[0])), "confidence": 0.9, "model": "digits-test"}
