"""What a label says, and what is left of it by repeating, correcting and deleting."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from chalice_app import keys
from chalice_app.classifications import Classifications
from chalice_app.problems import Problem
from tests.unit.chalice_app.doubles import MemoryStore, Model, serving

ANN = "a" * 64
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def ticking(store: MemoryStore, model: Model) -> Iterator[Classifications]:
    """A service whose clock goes on by a minute at each look."""
    minutes = count()
    with serving(store, model, lambda: NOON + timedelta(minutes=next(minutes))) as service:
        yield service


@pytest.fixture
def id(service: Classifications) -> UUID:
    """An image of a 7."""
    return UUID(service.create(ANN, b"7", "request", None)["id"])


def label_of(store: MemoryStore, id: UUID) -> dict[str, Any]:
    label = store.get_json(keys.label(id))
    assert label is not None
    return label


def pairs_of(store: MemoryStore, id: UUID) -> list[tuple[int, int] | None]:
    return [keys.parse_index(key)[1] for key in store.keys(keys.index(ANN, id))]


def test_a_label_is_the_pair_and_all_that_it_is_counted_by(
    service: Classifications, store: MemoryStore, id: UUID
) -> None:
    service.label(ANN, id, 1, "request")
    assert label_of(store, id) == {
        "id": str(id),
        "writer": ANN,
        "true": 1,
        "predicted": 7,
        "confidence": 0.9,
        "model": "digits-test",
        "labelled": "2026-11-22T12:00:00.000Z",
    }


def test_a_label_that_is_repeated_keeps_its_time(
    ticking: Classifications, store: MemoryStore, id: UUID
) -> None:
    first = ticking.label(ANN, id, 1, "request")
    assert ticking.label(ANN, id, 1, "request") == first
    assert label_of(store, id)["labelled"] == first["labelled"]


def test_a_correction_has_a_time_of_its_own(ticking: Classifications, store: MemoryStore, id: UUID) -> None:
    first, corrected = (ticking.label(ANN, id, true, "request") for true in (1, 2))
    assert first["labelled"] < corrected["labelled"] == label_of(store, id)["labelled"]


@pytest.mark.parametrize("digits", [(1, 7), (7, 1), (0, 9, 0)])
def test_the_index_has_the_last_pair_alone(
    service: Classifications, store: MemoryStore, id: UUID, digits: tuple[int, ...]
) -> None:
    for true in digits:
        service.label(ANN, id, true, "request")
    assert pairs_of(store, id) == [None, (digits[-1], 7)]


def test_a_repetition_mends_an_index_that_an_interrupted_label_left_behind(
    service: Classifications, store: MemoryStore, id: UUID
) -> None:
    service.label(ANN, id, 1, "request")
    store.delete([keys.pair(ANN, id, 1, 7)])
    service.label(ANN, id, 1, "request")
    assert pairs_of(store, id) == [None, (1, 7)]


def test_a_deletion_while_the_index_is_written_leaves_nothing(
    service: Classifications, store: MemoryStore, id: UUID
) -> None:
    def delete_elsewhere(key: str) -> None:
        if key == keys.pair(ANN, id, 1, 7):  # the label is written, its index not yet
            store.before_put = lambda _: None
            service.delete(ANN, id)

    store.before_put = delete_elsewhere
    with pytest.raises(Problem) as error:
        service.label(ANN, id, 1, "request")
    assert error.value.status == 404
    assert store.objects == {}
