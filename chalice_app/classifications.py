"""The life of a classification: created, listed, labelled, deleted. One writer never meets another's."""

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chalice_app import keys
from chalice_app.digits import DIGITS, is_digit
from chalice_app.inference import InferenceClient
from chalice_app.legibility import legibility
from chalice_app.media_types import media_type_of
from chalice_app.problems import Problem
from chalice_app.store import Blob, Store

Record = dict[str, Any]


class Classifications:
    """What the routes do, given a store, a model, threads for what can happen at once, ids and a clock."""

    def __init__(
        self,
        store: Store,
        inference: InferenceClient,
        threads: Executor,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._inference = inference
        self._threads = threads
        self._new_id = new_id
        self._now = now

    def create(self, writer: str, image: bytes, request_id: str, idempotency_key: str | None) -> Record:
        """Store an image and ask the model, both at once; return the record.

        The same idempotency key with the same bytes returns the record made before; with other
        bytes it raises Problem 409. Of an image that is refused, nothing stays behind.
        """
        sha256 = hashlib.sha256(image).hexdigest()
        id, reservation = self._reserve(writer, sha256, idempotency_key)
        if reservation and (record := self._store.get_json(keys.record(id))) is not None:
            return self._shown(id, record)
        media_type = media_type_of(image)
        stored = self._threads.submit(self._store.put, keys.image(id), image, media_type)
        try:
            answer = self._inference.classify(image, request_id)
        except Problem as problem:
            stored.exception()  # the image has landed, or has not: only then can it be deleted
            if problem.status < 500 or not reservation:  # else the same request may be succeeding elsewhere
                self._store.delete([keys.image(id), *reservation])
            raise
        stored.result()
        record = {
            **answer,
            "id": str(id),
            "status": "classified",
            "created": _rfc3339(keys.created(id)),
            "media_type": media_type,
            "size": len(image),
            "sha256": sha256,
            "writer": writer,
            "idempotency": reservation,
        }
        if not self._store.create_json(keys.record(id), record):  # the same request came twice at once
            record = self._own(writer, id)
        self._store.put(keys.index(writer, id), b"", "application/octet-stream")
        return self._shown(id, record)

    def _reserve(self, writer: str, sha256: str, idempotency_key: str | None) -> tuple[UUID, list[str]]:
        """Return the id for an image, and the keys that reserve it."""
        id = self._new_id()
        if idempotency_key is None:
            return id, []
        key = keys.idempotency(writer, hashlib.sha256(idempotency_key.encode()).hexdigest())
        if self._store.create_json(key, {"id": str(id), "sha256": sha256}):
            return id, [key]
        reserved = self._store.get_json(key) or {"id": str(id), "sha256": sha256}
        if reserved["sha256"] != sha256:
            raise Problem(409, "This Idempotency-Key came with another image before. Use a new key.")
        return UUID(reserved["id"]), [key]

    def page(self, writer: str, limit: int, before: UUID | None) -> tuple[list[Record], UUID | None]:
        """Return up to `limit` records, newest first, older than `before`; and where the next page starts."""
        ids = sorted((id for id, _ in self._index(writer) if before is None or id < before), reverse=True)
        page = ids[:limit]
        records = self._threads.map(self._find, page)
        more = page[-1] if len(ids) > limit else None
        return [record for record in records if record is not None], more

    def get(self, writer: str, id: UUID) -> Record:
        """Return a writer's record; raise Problem 404 if they have none of that id."""
        return self._shown(id, self._own(writer, id))

    def image(self, writer: str, id: UUID) -> Blob:
        self._own(writer, id)
        if (blob := self._store.get(keys.image(id))) is None:
            raise _not_found(id)
        return blob

    def label(self, writer: str, id: UUID, true: object) -> Record:
        """Keep which digit the image really shows. Repeating changes nothing, another digit corrects."""
        if not is_digit(true):
            raise Problem(422, "`true` must be an integer from 0 to 9.", value=true)
        record = self._own(writer, id)
        label = {
            "id": str(id),
            "writer": writer,
            "true": true,
            "predicted": record["predicted"],
            "confidence": record["confidence"],
            "model": record["model"],
            "labelled": _rfc3339(self._now()),
        }
        before = self._store.get_json(keys.label(id))
        if before is None or before["true"] != true:
            self._store.put_json(keys.label(id), label)
        else:
            label = before
        self._index_pair(writer, id, label)
        self._undo_if_deleted(writer, id)
        return _public(record, label)

    def _index_pair(self, writer: str, id: UUID, label: Record) -> None:
        """Make the index say what the label says, also when another request corrects it meanwhile."""
        while True:
            true, predicted = label["true"], label["predicted"]
            self._store.put(keys.pair(writer, id, true, predicted), b"", "application/octet-stream")
            self._store.delete(keys.pair(writer, id, other, predicted) for other in DIGITS if other != true)
            latest = self._store.get_json(keys.label(id))
            if latest is None or latest["true"] == true:
                return
            label = latest

    def _undo_if_deleted(self, writer: str, id: UUID) -> None:
        """Take a label back that was written while its record was being deleted."""
        if not self._store.exists(keys.record(id)):
            self._delete_traces(writer, id, [])
            raise _not_found(id)

    def delete(self, writer: str, id: UUID) -> None:
        """Delete the image and all that was derived from it.

        The record goes first, so that no label can be added to it meanwhile; the index goes last, so
        that a deletion that failed half way can be sent again.
        """
        record = self._store.get_json(keys.record(id))
        owner = None if record is None else record["writer"]
        if owner != writer and not (record is None and self._store.exists(keys.index(writer, id))):
            raise _not_found(id)
        self._store.delete([keys.record(id)])
        self._delete_traces(writer, id, [] if record is None else record["idempotency"])

    def _delete_traces(self, writer: str, id: UUID, reservation: Iterable[str]) -> None:
        index = keys.index(writer, id)
        pairs = [key for key in self._store.keys(index) if key != index]
        self._store.delete([keys.image(id), keys.label(id), *pairs, *reservation])
        self._store.delete([index])

    def legibility(self, writer: str) -> dict[str, Any]:
        """Return a writer's figures, at the cost of one LIST for every 500 images."""
        index = list(self._index(writer))
        return legibility(len(index), (pair for _, pair in index if pair is not None))

    def _index(self, writer: str) -> Iterable[tuple[UUID, tuple[int, int] | None]]:
        """Return every id of a writer with its pair, if it has one."""
        index: dict[UUID, tuple[int, int] | None] = {}
        for key in self._store.keys(keys.index_prefix(writer)):
            id, pair = keys.parse_index(key)
            index[id] = pair or index.get(id)
        return index.items()

    def _own(self, writer: str, id: UUID) -> Record:
        record = self._store.get_json(keys.record(id))
        if record is None or record["writer"] != writer:  # whose it is, is nobody else's business
            raise _not_found(id)
        return record

    def _find(self, id: UUID) -> Record | None:
        record = self._store.get_json(keys.record(id))
        return None if record is None else self._shown(id, record)

    def _shown(self, id: UUID, record: Record) -> Record:
        return _public(record, self._store.get_json(keys.label(id)))


def _public(record: Record, label: Record | None) -> Record:
    """Return what the writer sees of a record: without internal fields, with the label."""
    shown = {name: value for name, value in record.items() if name not in {"writer", "idempotency"}}
    label = label or {}
    return {**shown, "true": label.get("true"), "labelled": label.get("labelled")}


def _not_found(id: UUID) -> Problem:
    return Problem(404, "You have no classification of this id.", id=str(id))


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
