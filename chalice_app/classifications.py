"""The life of a classification: created, completed, listed, labelled, deleted.

A record is `classified`, or `pending` as long as the model has not answered. It is written once by a
conditional creation, and a pending one is completed once by a conditional replacement: whoever comes second
changes nothing. One writer never meets another's.
"""

import hashlib
import random
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chalice_app import keys
from chalice_app.digits import DIGITS, is_digit
from chalice_app.inference import InferenceClient
from chalice_app.legibility import legibility
from chalice_app.media_types import UNKNOWN, media_type_of
from chalice_app.problems import Problem
from chalice_app.store import Blob, Store

SWEEP_TIME = timedelta(seconds=40)  # of the minute that the schedule leaves
SWEEP_BATCH = 16  # images at once
ABANDONED_AFTER = timedelta(hours=1)  # an image whose record has not come by then has lost its request
_INTERNAL = {"writer", "idempotency", "etag"}

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

        It is pending if the model does not answer. The same idempotency key with the same bytes
        returns the record made before; with other bytes it raises Problem 409. Of an image that is
        refused, nothing stays behind.
        """
        sha256 = hashlib.sha256(image).hexdigest()
        id, reservation = self._reserve(writer, sha256, idempotency_key)
        record = self._load(id) if reservation else None
        if record is None:
            facts = {
                "id": str(id),
                "created": _rfc3339(keys.created(id)),
                "media_type": media_type_of(image),
                "size": len(image),
                "sha256": sha256,
                "writer": writer,
                "idempotency": reservation,
            }
            record = self._store_and_ask(id, facts, image, request_id)
        else:
            record = self._completed(record, request_id)
        self._store.put_empty(keys.index(writer, id))  # a replay mends what an interrupted request left out
        return self._shown(record)

    def _store_and_ask(self, id: UUID, facts: Record, image: bytes, request_id: str) -> Record:
        media_type = facts["media_type"]
        stored = self._threads.submit(self._store.put, keys.image(id), image, media_type)
        try:
            answer = self._answer(image, media_type, request_id)
        except Problem:
            stored.exception()  # the image has landed, or has not: only then can it be deleted
            self._store.delete([keys.image(id), *facts["idempotency"]])
            raise
        stored.result()
        if not answer:
            self._store.put_empty(keys.pending(id))
        record = {**answer, **facts, "status": "classified" if answer else "pending"}
        if not self._store.create_json(keys.record(id), record):
            return self._own(facts["writer"], id)  # the same request came twice at once
        self._undo_if_unreserved(record)
        return record

    def _undo_if_unreserved(self, record: Record) -> None:
        """Take a record back that was deleted already: the same request came twice, and this one was slow."""
        for reservation in record["idempotency"]:
            reserved = self._store.get_json(reservation)
            if reserved is None or reserved["id"] != record["id"]:
                self._delete({**record, "idempotency": []})
                raise Problem(409, "The image of this Idempotency-Key was deleted meanwhile. Use a new key.")

    def _answer(self, image: bytes, media_type: str, request_id: str) -> Record:
        """Return the model's answer, empty if it gives none; raise its Problem if it refuses the image."""
        try:
            return self._inference.classify(image, request_id)
        except Problem as problem:
            if problem.status < 500:
                raise
        if media_type == UNKNOWN:  # the model would refuse it, so it need not be kept until then
            raise Problem(415, "The bytes are no image of a known format.")
        return {}

    def _completed(self, record: Record, request_id: str) -> Record:
        """Return a record as it is once the model has been asked again, if it is pending.

        Raise the model's Problem if it refuses the image; then nothing of it stays behind.
        """
        if not _is_pending(record):
            return record
        id = UUID(record["id"])
        if (image := self._store.get(keys.image(id))) is None:
            self._delete(record)  # somebody else is deleting it, or was interrupted in that
            raise _not_found(id)
        try:
            answer = self._answer(image.content, image.media_type, request_id)
        except Problem:
            self._delete(record)
            raise
        if not answer:
            return record
        completed = {**answer, **record, "status": "classified"}
        etag = completed.pop("etag")
        if not self._store.replace_json(keys.record(id), completed, etag):
            return self._own(record["writer"], id)  # it was completed, or deleted, meanwhile
        self._store.delete([keys.pending(id)])
        return completed

    def sweep(self, request_id: str) -> dict[str, int]:
        """Complete what is pending; return how many images are `settled`, and how many are still `pending`.

        It ends early once the model answers none of a batch: the next sweep comes soon. In random
        order, so that images that the model fails on do not keep it from the others.
        """
        ids = [keys.parse_pending(key) for key in self._store.keys(keys.PENDING)]
        random.shuffle(ids)
        end = self._now() + SWEEP_TIME
        settled = 0
        for start in range(0, len(ids), SWEEP_BATCH):
            batch = ids[start : start + SWEEP_BATCH]
            done = sum(self._threads.map(lambda id: self._settle(id, request_id), batch))
            settled += done
            if not done or self._now() > end:
                break
        return {"settled": settled, "pending": len(ids) - settled}

    def _settle(self, id: UUID, request_id: str) -> bool:
        """Return whether an image is classified, refused or deleted, so that no sweep need see it again."""
        record = self._load(id)
        if record is None:
            return self._forget_if_abandoned(id)
        if not _is_pending(record):  # classified by a request that came twice at once
            self._store.delete([keys.pending(id)])
            return True
        try:
            return not _is_pending(self._completed(record, request_id))
        except Problem as problem:
            if problem.status >= 500:  # the store's
                raise
            return True

    def _forget_if_abandoned(self, id: UUID) -> bool:
        """Clear up after a request that ended half way; one that is still at work writes its record soon."""
        abandoned = self._now() - keys.created(id) > ABANDONED_AFTER
        if abandoned:
            self._store.delete([keys.pending(id), keys.image(id)])
        return abandoned

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

    def get(self, writer: str, id: UUID, request_id: str) -> Record:
        """Return a writer's record, completed if that can be; raise Problem 404 if they have none."""
        return self._shown(self._completed(self._own(writer, id), request_id))

    def image(self, writer: str, id: UUID) -> Blob:
        self._own(writer, id)
        if (blob := self._store.get(keys.image(id))) is None:
            raise _not_found(id)
        return blob

    def label(self, writer: str, id: UUID, true: object, request_id: str) -> Record:
        """Keep which digit the image really shows. Repeating changes nothing, another digit corrects.

        Raise Problem 409 on a pending record: a label is a pair with what the model predicted.
        """
        if not is_digit(true):
            raise Problem(422, "`true` must be an integer from 0 to 9.", value=true)
        record = self._completed(self._own(writer, id), request_id)
        if _is_pending(record):
            raise Problem(409, "The image is pending: the model has not read it. Label it when it has.")
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
            self._store.put_empty(keys.pair(writer, id, true, predicted))
            self._store.delete(keys.pair(writer, id, other, predicted) for other in DIGITS if other != true)
            latest = self._store.get_json(keys.label(id))
            if latest is None or latest["true"] == true:
                return
            label = latest

    def _undo_if_deleted(self, writer: str, id: UUID) -> None:
        """Take a label back that was written while its record was being deleted."""
        if not self._store.exists(keys.record(id)):
            self._delete_traces(writer, id)
            raise _not_found(id)

    def delete(self, writer: str, id: UUID) -> None:
        """Delete the image and all that was derived from it.

        The reservation goes first, so that the same request, should it still be at work, takes back what it
        writes. Then the record, so that no label can be added to it meanwhile; the index goes last, so that
        a deletion that failed half way can be sent again.
        """
        record = self._load(id)
        owner = None if record is None else record["writer"]
        if owner != writer and not (record is None and self._store.exists(keys.index(writer, id))):
            raise _not_found(id)
        self._delete({"id": str(id), "writer": writer, "idempotency": [], **(record or {})})

    def _delete(self, record: Record) -> None:
        id = UUID(record["id"])
        if record["idempotency"]:
            self._store.delete(record["idempotency"])
        self._store.delete([keys.record(id)])
        self._delete_traces(record["writer"], id)

    def _delete_traces(self, writer: str, id: UUID) -> None:
        index = keys.index(writer, id)
        pairs = [key for key in self._store.keys(index) if key != index]
        self._store.delete([keys.image(id), keys.label(id), keys.pending(id), *pairs])
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

    def _load(self, id: UUID) -> Record | None:
        blob = self._store.get(keys.record(id))
        return None if blob is None else {**blob.json(), "etag": blob.etag}

    def _own(self, writer: str, id: UUID) -> Record:
        record = self._load(id)
        if record is None or record["writer"] != writer:  # whose it is, is nobody else's business
            raise _not_found(id)
        return record

    def _find(self, id: UUID) -> Record | None:
        record = self._load(id)
        return None if record is None else self._shown(record)

    def _shown(self, record: Record) -> Record:
        return _public(record, self._store.get_json(keys.label(UUID(record["id"]))))


def _is_pending(record: Record) -> bool:
    return bool(record["status"] == "pending")


def _public(record: Record, label: Record | None) -> Record:
    """Return what the writer sees of a record: without internal fields, with the label."""
    shown = {name: value for name, value in record.items() if name not in _INTERNAL}
    label = label or {}
    return {**shown, "true": label.get("true"), "labelled": label.get("labelled")}


def _not_found(id: UUID) -> Problem:
    return Problem(404, "You have no classification of this id.", id=str(id))


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
