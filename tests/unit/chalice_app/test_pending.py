"""What becomes of an image while the model does not answer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import uuid6

from chalice_app import keys
from chalice_app.classifications import SWEEP_BATCH, SWEEP_KEYS, Classifications
from chalice_app.problems import Problem, unavailable
from tests.unit.chalice_app.doubles import PNG, MemoryStore, Model, serving

ANN = "a" * 64


def create(service: Classifications, image: bytes = PNG + b"7", key: str | None = None) -> dict[str, Any]:
    return service.create(ANN, image, "request", key)


@pytest.fixture
def pending(service: Classifications, model: Model) -> dict[str, Any]:
    """Return a record that was made while the model was down; now it is up again."""
    model.is_down = True
    record = create(service, key="k")
    model.is_down = False
    return record


@pytest.fixture
def id(pending: dict[str, Any]) -> UUID:
    return UUID(pending["id"])


def test_an_image_without_an_answer_is_kept_as_pending(store: MemoryStore, pending: dict[str, Any]) -> None:
    assert pending["status"] == "pending"
    assert pending["true"] is None
    assert not {"predicted", "confidence", "model", "etag"} & pending.keys()
    assert store.objects[keys.image(UUID(pending["id"]))].content == PNG + b"7"


def test_it_is_completed_when_it_is_read(service: Classifications, store: MemoryStore, id: UUID) -> None:
    record = service.get(ANN, id, "request")
    assert (record["status"], record["predicted"]) == ("classified", 7)
    assert list(store.keys(keys.PENDING)) == []
    assert service.get(ANN, id, "request") == record


def test_it_stays_pending_as_long_as_the_model_is_down(
    service: Classifications, model: Model, store: MemoryStore, pending: dict[str, Any], id: UUID
) -> None:
    before = dict(store.objects)
    model.is_down = True
    assert service.get(ANN, id, "request") == pending
    assert service.sweep("request") == {"reconciled": 0, "settled": 0, "pending": 1}
    assert store.objects == before


def test_a_list_shows_it_without_waiting_for_the_model(
    service: Classifications, model: Model, pending: dict[str, Any]
) -> None:
    asked = model.asked
    assert service.page(ANN, 20, None) == ([pending], None)
    assert model.asked == asked


def test_a_replay_of_its_request_completes_it_under_its_id(
    service: Classifications, pending: dict[str, Any]
) -> None:
    replayed = create(service, key="k")
    assert (replayed["id"], replayed["status"]) == (pending["id"], "classified")


def test_a_replay_of_its_request_while_it_is_being_deleted_is_told_so(
    service: Classifications, store: MemoryStore, id: UUID
) -> None:
    store.delete([keys.image(id)])
    with pytest.raises(Problem) as error:
        create(service, key="k")
    assert error.value.status == 409
    assert store.objects == {}


def test_a_label_completes_it_first(
    service: Classifications, store: MemoryStore, id: UUID, pending: dict[str, Any]
) -> None:
    service.label(ANN, id, 0, "request")
    label = store.get_json(keys.label(id))
    assert label is not None
    assert (label["true"], label["predicted"]) == (0, 7)


def test_without_an_answer_there_is_no_label(
    service: Classifications, store: MemoryStore, model: Model, id: UUID
) -> None:
    model.is_down = True
    with pytest.raises(Problem) as error:
        service.label(ANN, id, 7, "request")
    assert error.value.status == 409
    assert list(store.keys("labels/")) == []


def test_a_deletion_leaves_nothing_of_it(service: Classifications, store: MemoryStore, id: UUID) -> None:
    service.delete(ANN, id)
    assert store.objects == {}


def test_it_is_not_revived_by_an_answer_that_comes_after_its_deletion(
    service: Classifications, store: MemoryStore, model: Model, id: UUID
) -> None:
    model.before_answer = lambda: service.delete(ANN, id)
    with pytest.raises(Problem) as error:
        service.get(ANN, id, "request")
    assert error.value.status == 404
    assert store.objects == {}


def test_of_two_who_complete_it_the_first_wins(
    service: Classifications, store: MemoryStore, model: Model, id: UUID
) -> None:
    def complete_elsewhere() -> None:
        model.before_answer = lambda: None
        model.name = "first"
        service.get(ANN, id, "request")
        model.name = "second"

    model.before_answer = complete_elsewhere
    assert service.get(ANN, id, "request")["model"] == "first"


def test_the_sweep_completes_it(service: Classifications, store: MemoryStore, id: UUID) -> None:
    assert service.sweep("request") == {"reconciled": 0, "settled": 1, "pending": 0}
    record = store.get_json(keys.record(id))
    assert record is not None
    assert record["status"] == "classified"
    assert not {"etag", "true"} & record.keys()
    assert service.sweep("request") == {"reconciled": 0, "settled": 0, "pending": 0}


def test_the_sweep_goes_on_to_the_next_batch_only_if_the_model_answers(
    service: Classifications, model: Model
) -> None:
    model.is_down = True
    for _ in range(SWEEP_BATCH + 1):
        create(service)
    model.asked = 0
    service.sweep("request")
    assert model.asked == SWEEP_BATCH
    model.is_down = False
    assert service.sweep("request") == {"reconciled": 0, "settled": SWEEP_BATCH + 1, "pending": 0}


def test_the_sweep_completes_all_also_when_the_model_was_given_up_before(
    service: Classifications, model: Model
) -> None:
    model.is_down = True
    for _ in range(SWEEP_BATCH + 1):
        create(service)
    model.is_down = False
    requests = count()

    def admit_the_trial() -> None:
        if 0 < next(requests) < SWEEP_BATCH:  # the breaker does not know yet what becomes of the first
            raise unavailable("The model has not answered for a while.")

    model.before_answer = admit_the_trial
    assert service.sweep("request") == {"reconciled": 0, "settled": SWEEP_BATCH + 1, "pending": 0}


def test_the_sweep_ends_before_the_next_one_starts(store: MemoryStore, model: Model) -> None:
    clock, pace = [datetime.now(UTC)], timedelta()

    def tick() -> datetime:
        clock[0] += pace
        return clock[0]

    with serving(store, model, tick) as service:
        model.is_down = True
        for _ in range(SWEEP_BATCH + 3):
            create(service)
        model.is_down = False
        pace = timedelta(seconds=41)  # no batch is begun, not even the first
        assert service.sweep("request") == {"reconciled": 0, "settled": 0, "pending": SWEEP_BATCH + 3}
        pace = timedelta(seconds=15)
        assert service.sweep("request") == {"reconciled": 0, "settled": SWEEP_BATCH, "pending": 3}


def test_of_very_many_the_sweep_looks_at_some(service: Classifications, store: MemoryStore) -> None:
    for _ in range(SWEEP_KEYS + 5):  # of requests that are still at work
        store.put_empty(keys.pending(uuid6.uuid7()))
    assert service.sweep("request") == {"reconciled": 0, "settled": 0, "pending": SWEEP_KEYS}


def test_the_sweep_names_what_has_waited_for_long(
    store: MemoryStore, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [datetime.now(UTC)]
    with serving(store, model, lambda: clock[0]) as service:
        model.is_down = True
        id = create(service)["id"]
        service.sweep("request")
        assert not caplog.records
        clock[0] += timedelta(minutes=61)
        service.sweep("request")
    assert vars(caplog.records[-1])["fields"] == {"ids": [id]}


class Forgetful(MemoryStore):
    """A bucket that does not list intents."""

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        if prefix == keys.INTENTS:
            raise unavailable("The store does not answer.")
        return super().keys(prefix, after)


def test_what_waits_is_completed_also_where_intents_cannot_be_listed(model: Model) -> None:
    store = Forgetful()
    with serving(store, model, lambda: datetime.now(UTC)) as service:
        model.is_down = True
        create(service)
        model.is_down = False
        with pytest.raises(Problem):  # the failure is one all the same
            service.sweep("request")
    assert list(store.keys(keys.PENDING)) == []


def test_what_the_model_refuses_in_the_end_leaves_nothing_behind(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    model.is_down = True
    id = UUID(create(service, PNG + b"broken", key="k")["id"])
    model.is_down = False
    with pytest.raises(Problem) as error:
        service.get(ANN, id, "request")
    assert error.value.status == 415
    assert store.objects == {}


def test_a_refusal_takes_nothing_from_another_who_was_answered(
    service: Classifications, model: Model, id: UUID
) -> None:
    def label_elsewhere() -> None:
        model.before_answer = lambda: None
        service.label(ANN, id, 7, "request")
        model.refuses = True

    model.before_answer = label_elsewhere
    assert service.get(ANN, id, "request")["true"] == 7


def test_the_sweep_removes_what_the_model_refuses(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    model.is_down = True
    create(service, PNG + b"broken")
    model.is_down = False
    assert service.sweep("request") == {"reconciled": 0, "settled": 1, "pending": 0}
    assert store.objects == {}


def test_what_is_no_image_is_refused_also_without_the_model(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    model.is_down = True
    with pytest.raises(Problem) as error:
        create(service, b"7 is written here", key="k")
    assert error.value.status == 415
    assert store.objects == {}


def test_of_one_request_that_came_twice_at_once_only_one_record_stays(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    def answered_elsewhere() -> None:
        model.before_answer = lambda: None
        create(service, key="k")
        model.is_down = True

    model.before_answer = answered_elsewhere
    record = create(service, key="k")
    assert record["status"] == "classified"
    assert service.sweep("request") == {
        "reconciled": 0,
        "settled": 1,
        "pending": 0,
    }  # the mark that the second one left
    assert list(store.keys(keys.PENDING)) == []
    assert service.get(ANN, UUID(record["id"]), "request") == record
