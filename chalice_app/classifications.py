"""The life of a classification: created, completed, listed, labelled, deleted.

A record is `classified`, or `pending` as long as the model has not answered. It is written once by a
conditional creation, and a pending one is completed once by a conditional replacement: whoever comes second
changes nothing. One writer never meets another's.

What takes several writes says so first, in an intent. A request that dies half way leaves its intent behind,
and a sweep makes of what it names a whole classification, or nothing.
"""

import hashlib
import logging
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any, TypeVar
from uuid import UUID

from chalice_app import keys, logs
from chalice_app.digits import DIGITS, is_digit
from chalice_app.inference import InferenceClient
from chalice_app.legibility import legibility
from chalice_app.media_types import UNKNOWN, media_type_of
from chalice_app.problems import Problem, unavailable
from chalice_app.store import LISTED, Blob, Store

SWEEP_TIME = timedelta(seconds=40)  # of the minute that the schedule leaves
SWEEP_BATCH = 16  # images, or intents, at once
SWEEP_KEYS = 10_000  # of either are listed, the oldest: many times what there is time for, in some seconds
REQUEST_TIME = timedelta(minutes=2)  # more than a request lasts, on one machine and with a slow store as well
ABANDONED_AFTER = timedelta(minutes=10)  # an intent that is older has lost its request
SWEPT_EVERY = timedelta(minutes=1)  # as `api.sweep` is scheduled
STUCK_AFTER = timedelta(hours=1)  # an image is named in the log, for whoever looks after the model
LOG = logging.getLogger("legible.classifications")
_INTERNAL = {"writer", "idempotency", "etag"}

Record = dict[str, Any]
_Item = TypeVar("_Item")


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
        returns the record made before; with other bytes, or if that record is being deleted, it raises
        Problem 409. Of an image that is refused, nothing stays behind.
        """
        facts = {
            "id": str(self._new_id()),
            "media_type": media_type_of(image),
            "size": len(image),
            "sha256": hashlib.sha256(image).hexdigest(),
            "writer": writer,
            "idempotency": _reservations(writer, idempotency_key),
        }
        with _gone_as_deleted():
            with self._intent(facts):
                reserved = self._reserve(facts)
                if reserved == facts["id"]:
                    return self._store_and_ask(facts, image, request_id)
            return self._replay({**facts, "id": reserved}, image, request_id)

    def _replay(self, facts: Record, image: bytes, request_id: str) -> Record:
        """Answer a request that came before with its record; if it has none, make it under the same id.

        The first may still be at work, or have died. So late that a sweep could clear up behind it in the
        middle of this request, nothing is built upon what it left.
        """
        id = UUID(facts["id"])
        if (record := self._load(id)) is not None:
            return self._shown(self._completed(record, request_id))
        if (age := self._now() - keys.created(id)) > ABANDONED_AFTER - REQUEST_TIME:
            # What is older than any such request was being deleted, from nobody knows when on.
            swept = (ABANDONED_AFTER - age if age < ABANDONED_AFTER else ABANDONED_AFTER) + SWEPT_EVERY
            detail = "A request with this Idempotency-Key was interrupted. Send it again."
            raise unavailable(detail, str(round(swept.total_seconds())))
        with self._intent(facts):
            return self._store_and_ask(facts, image, request_id)

    def _store_and_ask(self, facts: Record, image: bytes, request_id: str) -> Record:
        id, media_type, begun = UUID(facts["id"]), facts["media_type"], self._now()
        writes = [
            self._threads.submit(self._store.put, keys.image(id), image, media_type),
            self._threads.submit(self._store.put_json, keys.index(facts["writer"], id), _for_deletion(facts)),
        ]
        try:
            answer = self._answer(image, media_type, request_id)
            wait(writes)
            if self._now() - begun > REQUEST_TIME:  # as where a machine slept: a sweep may have come between
                raise unavailable("The request was held up. Send it again.")
        except Problem:
            wait(writes)  # they have landed, or have not: only then can they be deleted
            if (record := self._load(id)) is not None:  # the same request came twice, and was answered
                return self._shown(record)
            self._erase(facts)
            _check(writes)  # what was not answered may land yet: its intent stays
            raise
        _check(writes)
        return self._write_record(facts, answer)

    def _write_record(self, facts: Record, answer: Record) -> Record:
        """Write the record, last: it makes the image and the index, which are there, a classification."""
        id = UUID(facts["id"])
        if not answer:
            self._store.put_empty(keys.pending(id))
        status = "classified" if answer else "pending"
        record = {**answer, **facts, "created": _rfc3339(keys.created(id)), "status": status}
        created = self._store.create_json(keys.record(id), record)
        if not self._is_reserved(facts):  # the same request came twice, and its record was deleted meanwhile
            self._erase(facts)
            raise _deleted_meanwhile()
        return _public(record, None) if created else self._shown(self._own(facts["writer"], id))

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
            latest = self._load(id)
            if latest is not None and not _is_pending(latest):  # others had another answer, and were told so
                return latest
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
        """Bring to an end what requests left half way, and complete what is pending.

        Return how many intents are `reconciled`, how many images are `settled`, and how many, of SWEEP_KEYS
        at most, are still `pending`. What there is no time for, the next sweep finds: it comes soon. Neither
        takes the time of both.
        """
        now = self._now()
        try:
            reconciled = self._reconcile_abandoned(now + SWEEP_TIME / 2)
        except Problem:  # one must not keep the other from its work
            self._settle_pending(request_id, now + SWEEP_TIME)
            raise
        return {"reconciled": reconciled, **self._settle_pending(request_id, now + SWEEP_TIME)}

    def _reconcile_abandoned(self, end: datetime) -> int:
        """Do what the last hour left, and once an hour what lies there from before.

        In a bucket with versions a LIST walks over all that was deleted, which is an intent for each request.
        """
        now = self._now()
        before, after = now - ABANDONED_AFTER, keys.intent(keys.first_id(now - timedelta(hours=1)))
        listed = self._store.keys(keys.INTENTS, after if now.minute else "")
        abandoned = takewhile(lambda key: keys.intended(key) < before, listed)
        intents = list(islice(abandoned, SWEEP_KEYS))
        return sum(sum(self._threads.map(self._reconcile, batch)) for batch in self._batches(intents, end))

    def _settle_pending(self, request_id: str, end: datetime) -> dict[str, int]:
        """Complete what is pending, until the model answers none of a batch.

        In random order, so that images that the model fails on do not keep it from the others. What is left
        of a batch comes again, last: of the first one after an outage the breaker admits a single image.
        """
        ids = [keys.parse_pending(key) for key in islice(self._store.keys(keys.PENDING), SWEEP_KEYS)]
        random.shuffle(ids)
        waiting = ids.copy()
        for batch in self._batches(waiting, end):
            settled = list(self._threads.map(lambda id: self._settle(id, request_id), batch))
            left = [id for id, is_settled in zip(batch, settled, strict=True) if not is_settled]
            waiting[:0] = left  # taken last
            if len(left) == len(batch):
                break
        long_ago = self._now() - STUCK_AFTER
        if stuck := sorted(id for id in waiting if keys.created(id) < long_ago)[:SWEEP_BATCH]:
            logs.event(LOG, logging.WARNING, "images wait for long", ids=[str(id) for id in stuck])
        return {"settled": len(ids) - len(waiting), "pending": len(waiting)}

    def _batches(self, items: list[_Item], end: datetime) -> Iterator[list[_Item]]:
        """Take from the items what is done at once, until none is left or the time is over."""
        while items and self._now() <= end:
            yield [items.pop() for _ in items[:SWEEP_BATCH]]

    def _settle(self, id: UUID, request_id: str) -> bool:
        """Return whether an image is classified, refused or deleted, so that no sweep need see it again."""
        record = self._load(id)
        if record is None:  # its request is still at work, or has left an intent
            return False
        if not _is_pending(record):  # classified by a request that came twice at once
            self._store.delete([keys.pending(id)])
            return True
        try:
            return not _is_pending(self._completed(record, request_id))
        except Problem as problem:
            if problem.status >= 500:  # the store's
                raise
            return True

    @contextmanager
    def _intent(self, facts: Record) -> Iterator[None]:
        """Say first what is about to be written or deleted, for a sweep to end it if this request cannot.

        The intent goes once the end is known: success, or a refusal that has cleared up behind itself.
        """
        key = keys.intent(self._new_id())
        self._store.put_json(key, _for_deletion(facts))
        try:
            yield
        except Problem as problem:
            if problem.status < 500:
                self._withdraw(key)
            raise
        self._withdraw(key)

    def _withdraw(self, intent: str) -> None:
        with suppress(Problem):  # the store has failed, the request has not: a sweep finds nothing to do
            self._store.delete([intent])

    def _reconcile(self, key: str) -> bool:
        """Make a whole classification, or nothing, of what an abandoned intent names; return whether it did.

        The index first, so that it is taken back as well if the record is being deleted.
        """
        if (intent := self._store.get_json(key)) is None:  # another sweep was faster
            return False
        with self._intent(intent):  # its own: another sweep may be at the same one
            self._store.delete([key])
            id = UUID(intent["id"])
            if (label := self._store.get_json(keys.label(id))) is not None:
                self._index_pair(intent["writer"], id, label)
            if not (self._store.exists(keys.record(id)) and self._is_reserved(intent)):
                self._erase(intent)
        return True

    def _reserve(self, facts: Record) -> str:
        """Return the id that the request's key stands for: its own, unless the request came before."""
        if not facts["idempotency"]:
            return str(facts["id"])
        [key] = facts["idempotency"]
        if self._store.create_json(key, {"id": facts["id"], "sha256": facts["sha256"]}):
            return str(facts["id"])
        if (reserved := self._store.get_json(key)) is None:
            raise _deleted_meanwhile()
        if reserved["sha256"] != facts["sha256"]:
            raise Problem(409, "This Idempotency-Key came with another image before. Use a new key.")
        return str(reserved["id"])

    def _held(self, facts: Record) -> list[str]:
        """Return those of its reservations that stand for it: once deleted, they may stand for another."""
        reserved = {key: self._store.get_json(key) for key in facts["idempotency"]}
        return [key for key, held in reserved.items() if held is not None and held["id"] == facts["id"]]

    def _is_reserved(self, facts: Record) -> bool:
        """Return whether all reservations stand; a deletion has taken the record before them."""
        return len(self._held(facts)) == len(facts["idempotency"])

    def page(self, writer: str, limit: int, before: UUID | None) -> tuple[list[Record], UUID | None]:
        """Return up to `limit` records, newest first, older than `before`; and where the next page starts."""
        ids = self._newest(writer, limit + 1, before or UUID(int=2**128 - 1))[::-1]
        page = ids[:limit]
        records = self._threads.map(self._find, page)
        more = page[-1] if len(ids) > limit else None
        return [record for record in records if record is not None], more

    def _newest(self, writer: str, count: int, before: UUID) -> list[UUID]:
        """Return ids older than `before`, oldest first: the newest `count` of them and some more, or all.

        S3 lists from the oldest on. Where that takes more than one LIST, it is sought from where on one holds
        enough, and all to the end: where images came evenly, the time that half a LIST spans is right at
        once, and else halving finds it. Some LISTs, however many images there are.
        """
        ids, is_all = self._listed(writer, "", before)
        if is_all:
            return ids
        end = min(before, keys.first_id(self._now() + timedelta(hours=1))).int
        low, high = ids[0].int, end  # from the one on are more than a LIST holds, from the other none
        middle = min(end, keys.first_id(self._now()).int) - (ids[-1].int - ids[0].int) // 2
        while high - low > 1:
            ids, is_all = self._listed(writer, keys.index(writer, UUID(int=middle)), before)
            if is_all and len(ids) >= count:
                return ids
            low, high = (low, middle) if is_all else (middle, high)
            middle = (low + high) // 2
        return [id for id, _ in self._index(writer) if id < before]  # made by a clock that was hours ahead

    def _listed(self, writer: str, after: str, before: UUID) -> tuple[list[UUID], bool]:
        """Return what one LIST holds of the ids between, and whether these are all."""
        listed = islice(self._store.keys(keys.index_prefix(writer), after), LISTED)
        ids = [keys.parse_index(key)[0] for key in listed]
        between = [*dict.fromkeys(takewhile(lambda id: id < before, ids))]
        return between, len(ids) < LISTED or ids[-1] >= before

    def get(self, writer: str, id: UUID, request_id: str) -> Record:
        """Return a writer's record, completed if that can be; raise Problem 404 if they have none."""
        return self._shown(self._completed(self._own(writer, id), request_id))

    def image(self, writer: str, id: UUID) -> Blob:
        self._own(writer, id)
        if (blob := self._store.get(keys.image(id))) is None:
            raise Problem(404, f"The bytes of image {id} are kept no longer.")
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
        intent = {**record, "idempotency": []}  # by now the reservation is no matter of this request
        with self._intent(intent):
            label = self._keep(id, label)
            self._index_pair(writer, id, label)
            if not self._store.exists(keys.record(id)):  # it was being deleted meanwhile
                self._erase(intent)
                raise _not_found(id)
        return _public(record, label)

    def _keep(self, id: UUID, label: Record) -> Record:
        """Write a label, unless the one that is there says the same; return which is there."""
        before = self._store.get_json(keys.label(id))
        if before is not None and before["true"] == label["true"]:
            return before
        self._store.put_json(keys.label(id), label)
        return label

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

    def delete(self, writer: str, id: UUID) -> None:
        """Delete the image and all that was derived from it; raise Problem 404 if the writer has none."""
        facts = self._load(id) or self._store.get_json(keys.index(writer, id))
        if facts is None or facts["writer"] != writer:
            raise _not_found(id)
        self._delete(facts)

    def _delete(self, facts: Record) -> None:
        with self._intent(facts):
            self._erase(facts)

    def _erase(self, facts: Record) -> None:
        """Delete everything that there may be of a classification.

        The record goes first: until then nothing is deleted, and from then on no label can be added. Then
        the reservation, so that the same request, should it still be at work, takes back what it writes; it
        may have written the record again just before. The index goes last, so that a deletion that failed
        half way can be sent again.
        """
        id, index = UUID(facts["id"]), keys.index(facts["writer"], UUID(facts["id"]))
        self._store.delete([keys.record(id)])
        if held := self._held(facts):
            self._store.delete(held)
            self._store.delete([keys.record(id)])
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


def _reservations(writer: str, idempotency_key: str | None) -> list[str]:
    """Return where the request's key is reserved: one place, or none without a key."""
    if idempotency_key is None:
        return []
    return [keys.idempotency(writer, hashlib.sha256(idempotency_key.encode()).hexdigest())]


def _check(writes: Iterable["Future[None]"]) -> None:
    for write in writes:
        write.result()


def _for_deletion(facts: Record) -> Record:
    """Return what must be known of a classification to delete it."""
    return {name: facts[name] for name in ("id", "writer", "idempotency")}


def _is_pending(record: Record) -> bool:
    return bool(record["status"] == "pending")


def _public(record: Record, label: Record | None) -> Record:
    """Return what the writer sees of a record: without internal fields, with the label."""
    shown = {name: value for name, value in record.items() if name not in _INTERNAL}
    label = label or {}
    return {**shown, "true": label.get("true"), "labelled": label.get("labelled")}


def _not_found(id: UUID) -> Problem:
    return Problem(404, "You have no classification of this id.", id=str(id))


@contextmanager
def _gone_as_deleted() -> Iterator[None]:
    """Tell who sends an image, and names no id, of a deletion rather than that an id is not there."""
    try:
        yield
    except Problem as problem:
        if problem.status == 404:
            raise _deleted_meanwhile() from problem
        raise


def _deleted_meanwhile() -> Problem:
    return Problem(409, "The image of this Idempotency-Key was deleted meanwhile. Use a new key.")


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
