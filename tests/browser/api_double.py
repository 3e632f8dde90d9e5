"""The API in memory, for what the real one does not do on demand: be slow, fail, be away, answer anything."""

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, Request, Route

from accuracy_job.kernel import Batch, Group, Pairs, Rejected, count
from accuracy_job.report import build
from chalice_app.legibility import legibility

BASE = "http://127.0.0.1:8001"  # what static_site/config.json says
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Allow-Methods": "*",
}

Record = dict[str, Any]


def answer(predicted: int, confidence: float = 0.97, is_digit: float = 0.99) -> Record:
    """Return what the container would answer, the rest of the probability shared by the other digits."""
    rest = (1 - confidence) / 9
    return {
        "predicted": predicted,
        "confidence": confidence,
        "probabilities": [confidence if digit == predicted else rest for digit in range(10)],
        "is_digit": is_digit,
        "model": "digits-test",
        "preprocessed": base64.b64encode(_png_28()).decode(),
        "preprocessing": {
            "inverted": False,
            "box": [10, 10, 80, 80],
            "rotation": 0,
            "scale": 0.25,
            "stroke_width": 8.0,
            "thickened": False,
        },
    }


@dataclass
class ApiDouble:
    """One writer's API. What a test sets here is what the page meets."""

    answers_to: dict[bytes, Record] = field(default_factory=dict)  # by image; several may come in any order
    next_answers: list[Record] = field(default_factory=list)  # to other images; then `usual_answer`
    usual_answer: Record = field(default_factory=lambda: answer(7))
    report: Record | None = None
    is_away: bool = False
    is_model_away: bool = False
    is_portal: bool = False  # a network that answers everything itself, until somebody signs in
    faults: list[tuple[str, int, str]] = field(default_factory=list)  # method and path, status, detail
    next_faults: list[tuple[str, int, str]] = field(default_factory=list)  # once each, in this order
    is_holding: bool = False  # uploads are answered by `release` alone
    records: dict[str, Record] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    _base: str = BASE
    _held: list[tuple[Route, Record]] = field(default_factory=list)
    _by_key: dict[str, str] = field(default_factory=dict)

    def connect(self, page: Page, base: str = BASE) -> None:
        page.route(f"{base}/**", self._handle)
        self._base = base

    def calls(self, method: str, path: str) -> list[Request]:
        """Return the requests of a method whose path matches a pattern."""
        return [
            request
            for request in self.requests
            if request.method == method and re.fullmatch(path, self._path(request))
        ]

    def add(self, predicted: int, true: int | None = None, image: bytes | None = None) -> Record:
        """Keep a record of an earlier visit."""
        record = self._record(answer(predicted), image or drawing(predicted))
        record["true"] = true
        return record

    def complete(self) -> None:
        """Let the model come back: what is pending is answered."""
        self.is_model_away = False
        for record in self.records.values():
            if record["status"] == "pending":
                record.update(status="classified", **self._next_answer())

    @property
    def held(self) -> int:
        return len(self._held)

    def release(self, position: int) -> None:
        """Answer the held upload at a position, whatever was sent before it."""
        route, given = self._held.pop(position)
        _fulfil(route, 201, self._record(given, _body(route.request)))

    def _path(self, request: Request) -> str:
        return request.url.removeprefix(self._base)

    def _handle(self, route: Route) -> None:
        if route.request.method == "OPTIONS":
            return route.fulfill(status=204, headers=CORS)
        self.requests.append(route.request)
        if self.is_away:
            return route.abort("connectionrefused")
        if self.is_portal:
            return route.fulfill(status=200, headers=CORS, body="<html>Sign in</html>")
        call = f"{route.request.method} {self._path(route.request)}"
        for fault in [*self.next_faults[:1], *self.faults]:
            if re.fullmatch(fault[0], call):
                self.next_faults = [each for each in self.next_faults if each is not fault]
                return _fulfil(route, fault[1], {"title": "Refused", "status": fault[1], "detail": fault[2]})
        for pattern, respond in self._routes().items():
            if (found := re.fullmatch(pattern, call)) and all(id in self.records for id in found.groups()):
                return respond(route, *found.groups())
        return _fulfil(route, 404, {"title": "Not found", "status": 404})

    def _routes(self) -> dict[str, Callable[..., None]]:
        return {
            r"POST /classifications": self._classify,
            r"GET /classifications\?.*": self._list,
            r"GET /classifications/([^/]+)": self._get,
            r"GET /classifications/([^/]+)/image": self._image,
            r"PUT /classifications/([^/]+)/label": self._label,
            r"DELETE /classifications/([^/]+)": self._delete,
            r"GET /legibility": self._legibility,
            r"GET /accuracy": self._accuracy,
        }

    def _classify(self, route: Route) -> None:
        key = route.request.headers["idempotency-key"]
        image = _body(route.request)
        if self.is_holding:
            self._held.append((route, self._next_answer()))
        elif key in self._by_key:
            _fulfil(route, 201, self.records[self._by_key[key]])
        else:
            given = None if self.is_model_away else self.answers_to.get(image) or self._next_answer()
            record = self._record(given, image)
            self._by_key[key] = record["id"]
            _fulfil(route, 202 if given is None else 201, record)

    def _list(self, route: Route, size: int = 3) -> None:
        """Pages of three, so that every test with four images sees a second page."""
        newest = list(reversed(self.records.values()))
        found = re.search(r"cursor=(\d+)", route.request.url)
        start = int(found[1]) if found else 0
        more = str(start + size) if start + size < len(newest) else None
        _fulfil(route, 200, {"classifications": newest[start : start + size], "cursor": more})

    def _get(self, route: Route, id: str) -> None:
        _fulfil(route, 200, self.records[id])

    def _image(self, route: Route, id: str) -> None:
        if (image := self.images.get(id)) is None:
            _fulfil(route, 404, {"title": "Not Found", "status": 404, "detail": "kept no longer"})
        else:
            route.fulfill(status=200, headers={**CORS, "Content-Type": "image/png"}, body=image)

    def _label(self, route: Route, id: str) -> None:
        self.records[id]["true"] = json.loads(_body(route.request))["true"]
        _fulfil(route, 200, self.records[id])

    def _delete(self, route: Route, id: str) -> None:
        del self.records[id]
        route.fulfill(status=204, headers=CORS)

    def _legibility(self, route: Route) -> None:
        pairs = [
            (each["true"], each["predicted"]) for each in self.records.values() if each["true"] is not None
        ]
        _fulfil(route, 200, legibility(len(self.records), pairs))

    def _accuracy(self, route: Route) -> None:
        if self.report is None:
            return _fulfil(route, 404, {"title": "Not found", "status": 404})
        return _fulfil(route, 200, self.report)

    def _next_answer(self) -> Record:
        return self.next_answers.pop(0) if self.next_answers else self.usual_answer

    def _record(self, given: Record | None, image: bytes) -> Record:
        id = f"0190-{len(self.images):04}"
        status: Record = {"status": "pending"} if given is None else {"status": "classified", **given}
        about = {"id": id, "created": "2026-11-22T10:00:00Z", "media_type": "image/png"}
        self.records[id] = {**about, **status, "true": None, "labelled": None}
        self.images[id] = image
        return self.records[id]


def report_of(matrix: list[list[int]], made: datetime | None = None) -> Record:
    """Return the accuracy job's own report of these counts, over two models and two days."""
    cells = np.repeat(np.arange(100, dtype=np.uint8), np.ravel(matrix))  # (n,)
    groups = (Group("digits-2026.10.3", "2026-11-21"), Group("digits-2026.11.1", "2026-11-22"))
    pairs = Pairs(
        true=cells // 10,
        predicted=cells % 10,
        confidence=np.where(cells // 10 == cells % 10, 0.97, 0.55),
        groups=groups,
        group=np.arange(len(cells)) % len(groups),
    )
    rejected = {"not JSON": Rejected(2, ("labels/a", "labels/b"))}
    return build(count(Batch(pairs, rejected)), made or datetime.now(UTC), classifications=2 * len(cells))


def drawing(digit: int) -> bytes:
    """Return a PNG that is told apart by its shade."""
    image = Image.new("L", (64, 64), 255 - 20 * digit)
    return _png(image)


def _png_28() -> bytes:
    image = Image.new("L", (28, 28), 0)
    image.paste(255, (12, 4, 16, 24))
    return _png(image)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _body(request: Request) -> bytes:
    return request.post_data_buffer or b""


def _fulfil(route: Route, status: int, body: Record) -> None:
    media_type = "application/problem+json" if status >= 400 else "application/json"
    route.fulfill(status=status, headers={**CORS, "Content-Type": media_type}, body=json.dumps(body))
