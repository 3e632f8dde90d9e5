"""What a writer was told, so that it can be held against what is there in the end."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import urllib3

from tests.integration.chalice_app.writer import Writer

UNLABELLED, DELETED = -1, -2  # beside the digits 0..9: what an image can be
UNANSWERED = 0  # in place of a status: the connection broke
HONEST = {200, 201, 202, 204, 404, 409, 503}

Answer = urllib3.BaseHTTPResponse


@dataclass
class Image:
    """An image that was acknowledged; after an unclear answer more than one state is `possible`."""

    id: str
    predicted: int | None  # None while it is pending
    possible: set[int] = field(default_factory=lambda: {UNLABELLED})


class Client:
    """One writer's requests, one after the other, and all that was answered."""

    def __init__(self, api_url: str, images: list[bytes], rng: random.Random) -> None:
        self.writer = Writer(api_url)
        self.images: dict[str, Image] = {}
        self.unclear: dict[str, bytes] = {}  # idempotency key: image, of requests that got no clear answer
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []  # what should never have been answered
        self._bytes = images
        self._rng = rng

    def act(self, others: list["Client"]) -> None:
        """Do one of the things that people do, chosen at random."""
        known = [image for image in self.images.values() if image.possible != {DELETED}]
        choice = self._rng.random()
        if choice < 0.1 and self.unclear:
            self.classify(*self._rng.choice(list(self.unclear.items())))
        elif choice < 0.45 or not known:
            self.classify(f"{self._rng.getrandbits(64):x}", self._rng.choice(self._bytes))
        elif choice < 0.8:
            self.label(self._rng.choice(known), self._rng.randrange(10))
        elif choice < 0.92:
            self.delete(self._rng.choice(known))
        else:
            self._peep(self._rng.choice(others))

    def classify(self, key: str, image: bytes) -> None:
        self.unclear[key] = image
        answer = self._ask("POST", "/classifications", image, content_type="image/png", idempotency_key=key)
        if answer is not None and answer.status in {201, 202}:
            del self.unclear[key]
            record = answer.json()
            self.images.setdefault(record["id"], Image(record["id"], record.get("predicted")))

    def label(self, image: Image, digit: int) -> None:
        body = b'{"true": %d}' % digit
        before = set(image.possible)
        image.possible.add(digit)
        answer = self._ask("PUT", f"/classifications/{image.id}/label", body, content_type="application/json")
        if answer is None or answer.status == 503:
            return
        if answer.status == 200:
            image.possible, image.predicted = {digit}, answer.json()["predicted"]
        elif answer.status == 404:
            self._gone(image, before)
        else:  # 409: it is pending
            image.possible = before

    def delete(self, image: Image) -> None:
        before = set(image.possible)
        image.possible.add(DELETED)
        answer = self._ask("DELETE", f"/classifications/{image.id}")
        if answer is None or answer.status == 503:
            return
        if answer.status == 404:
            self._gone(image, before)
        image.possible = {DELETED}

    def settle(self) -> bool:
        """Send again what had no clear answer, and look at what is pending; return whether all is clear."""
        for key, image in list(self.unclear.items()):
            self.classify(key, image)
        for one in self.images.values():
            if len(one.possible) > 1 or (one.predicted is None and one.possible != {DELETED}):
                self._look(one)
        return not self.unclear and all(
            len(one.possible) == 1 and (one.predicted is not None or one.possible == {DELETED})
            for one in self.images.values()
        )

    def _look(self, image: Image) -> None:
        """Resolve what is unclear: a deletion is sent again, of anything else the record tells."""
        if DELETED in image.possible:
            self.delete(image)
            return
        answer = self._ask("GET", f"/classifications/{image.id}")
        if answer is not None and answer.status == 404:
            self._gone(image, set(image.possible))
        elif answer is not None and answer.status == 200:
            record = answer.json()
            state = UNLABELLED if record["true"] is None else record["true"]
            if state not in image.possible:
                self.faults.append(f"{image.id} is labelled {state}, not one of {image.possible}")
            image.possible, image.predicted = {state}, record.get("predicted")

    def _gone(self, image: Image, before: set[int]) -> None:
        if DELETED not in before:
            self.faults.append(f"{image.id} was acknowledged and is lost")
        image.possible = {DELETED}

    def _peep(self, other: "Client") -> None:
        """Ask for what belongs to somebody else."""
        if other is self or not other.images:
            return
        id = self._rng.choice(list(other.images))
        method, path = self._rng.choice([("GET", ""), ("GET", "/image"), ("DELETE", ""), ("PUT", "/label")])
        body = b'{"true": 1}' if method == "PUT" else None
        headers = {"content_type": "application/json"} if body else {"accept": "image/png"}
        answer = self._ask(method, f"/classifications/{id}{path}", body, **headers)
        if answer is not None and answer.status not in {404, 503}:
            self.faults.append(f"{method} of another's {id}{path} was answered {answer.status}")

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer | None:
        try:
            answer = self.writer.ask(method, path, body, **headers)
        except urllib3.exceptions.HTTPError:
            self.statuses[UNANSWERED] += 1
            return None
        self.statuses[answer.status] += 1
        if answer.status not in HONEST:
            self.faults.append(f"{method} {path} was answered {answer.status}: {answer.data[:200]!r}")
        if answer.status == 503 and not answer.headers.get("Retry-After", "").isdigit():
            self.faults.append(f"{method} {path} was refused without Retry-After")
        return answer

    def expected(self) -> dict[str, int]:
        """Return what is there of this writer once all is clear: ids and their states."""
        return {
            image.id: next(iter(image.possible))
            for image in self.images.values()
            if image.possible != {DELETED}
        }

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return all records that the API lists."""
        records: dict[str, dict[str, Any]] = {}
        path = "/classifications?limit=100"
        while path:
            page = self.writer.ask("GET", path).json()
            records |= {record["id"]: record for record in page["classifications"]}
            path = f"/classifications?limit=100&cursor={page['cursor']}" if page["cursor"] else ""
        return records
