"""Pages of a writer's records, and what becomes of a request whose reservation is gone."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from chalice_app import keys
from chalice_app.classifications import Classifications
from chalice_app.problems import Problem
from tests.unit.chalice_app.doubles import MemoryStore, Model, serving

ANN = "a" * 64
YEAR = 365 * 86_400_000  # ms


def create(service: Classifications) -> UUID:
    return UUID(service.create(ANN, b"7", "request", None)["id"])


def test_a_page_has_as_many_records_as_were_asked_for_and_the_last_one_says_so(
    service: Classifications,
) -> None:
    newest, *_, oldest = [str(create(service)) for _ in range(4)][::-1]
    first, cursor = service.page(ANN, 2, None)
    assert (len(first), first[0]["id"]) == (2, newest)
    assert cursor == UUID(first[-1]["id"])
    last, end = service.page(ANN, 2, cursor)
    assert (len(last), last[-1]["id"], end) == (2, oldest, None)


@pytest.mark.parametrize(
    ("first", "span", "most"),
    [
        pytest.param(-YEAR, YEAR, 3, id="evenly for a year"),
        pytest.param(-YEAR, 1000, 30, id="in one second, a year ago"),
        pytest.param(YEAR, 1000, 3, id="by a clock that was a year ahead"),
    ],
)
def test_pages_of_many_images_join_without_gap_or_overlap_after_a_few_lists(
    service: Classifications, store: MemoryStore, first: int, span: int, most: int
) -> None:
    rng, begin = Random(0), round(datetime.now(UTC).timestamp() * 1000) + first
    moments = [begin + rng.randrange(span) for _ in range(4000)]
    ids = [UUID(int=moment << 80 | 7 << 76 | 2 << 62 | rng.getrandbits(62)) for moment in moments]
    for id in ids:
        store.put_empty(keys.index(ANN, id))
        store.put_empty(keys.pair(ANN, id, 7, 1))
        store.put_json(keys.record(id), {"id": str(id), "status": "classified"})
    before, found, lists = None, list[str](), list[int]()
    while before is not None or not found:
        store.listed = 0
        page, before = service.page(ANN, 100, before)
        found += [record["id"] for record in page]
        lists.append(store.listed)
    assert found == sorted(map(str, ids), reverse=True)
    assert max(lists) <= most


def test_a_record_that_is_being_deleted_is_left_out(service: Classifications, store: MemoryStore) -> None:
    gone, stays = create(service), create(service)
    store.delete([keys.record(gone)])  # its index goes last
    records, cursor = service.page(ANN, 2, None)
    assert ([record["id"] for record in records], cursor) == ([str(stays)], None)


class Vanishing(MemoryStore):
    """A bucket where another request has reserved an id, and takes that back right after."""

    def create_json(self, key: str, document: object) -> bool:
        return not key.startswith("idempotency/") and super().create_json(key, document)


def test_who_comes_while_a_reservation_is_taken_back_is_told_so_and_leaves_nothing(model: Model) -> None:
    store = Vanishing()
    with serving(store, model, lambda: datetime.now(UTC)) as service, pytest.raises(Problem) as error:
        service.create(ANN, b"7", "request", "key")
    assert error.value.status == 409
    assert store.objects == {}
