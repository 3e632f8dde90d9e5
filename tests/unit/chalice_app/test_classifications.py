import threading
from typing import Any
from uuid import UUID

import pytest

from chalice_app import keys
from chalice_app.classifications import Classifications
from chalice_app.problems import Problem, unavailable
from tests.unit.chalice_app.doubles import MemoryStore, Model

ANN, BOB = "a" * 64, "b" * 64


def create(
    service: Classifications, image: bytes = b"7", writer: str = ANN, key: str | None = None
) -> dict[str, Any]:
    return service.create(writer, image, "request", key)


def id_of(record: dict[str, Any]) -> UUID:
    return UUID(record["id"])


def list_keys(store: MemoryStore, prefix: str) -> list[str]:
    return list(store.keys(prefix))


def status_of(error: pytest.ExceptionInfo[Problem]) -> int:
    return error.value.status


def test_a_new_record_has_the_answer_and_no_label(service: Classifications) -> None:
    record = create(service)
    assert (record["predicted"], record["true"], record["status"], record["size"]) == (
        7,
        None,
        "classified",
        1,
    )
    assert record["created"].endswith("Z")
    assert not {"writer", "idempotency"} & record.keys()


def test_image_record_and_index_are_stored_under_their_keys(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))
    assert sorted(store.objects) == sorted([keys.image(id), keys.record(id), keys.index(ANN, id)])
    assert store.objects[keys.image(id)].content == b"7"


def test_the_image_is_stored_while_the_model_reads_it(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    both = threading.Barrier(2, timeout=5)  # breaks unless both are under way at once

    def meet(key: str) -> None:
        if key.startswith("images/"):
            both.wait()

    store.before_put = meet
    model.before_answer = both.wait
    assert create(service)["status"] == "classified"


def test_figures_cost_a_list_and_no_read_of_any_image(service: Classifications, store: MemoryStore) -> None:
    for _ in range(3):
        service.label(ANN, id_of(create(service)), 7, "request")
    store.reads = 0
    assert service.legibility(ANN)["labelled"] == 3
    assert store.reads == 1


def test_a_refused_image_leaves_nothing_behind(service: Classifications, store: MemoryStore) -> None:
    with pytest.raises(Problem) as error:
        create(service, b"no digit", key="k")
    assert status_of(error) == 415
    assert store.objects == {}


def test_the_same_idempotency_key_answers_the_same_record(service: Classifications, model: Model) -> None:
    first, second = create(service, key="k"), create(service, key="k")
    assert first == second
    assert model.asked == 1


def test_a_slow_request_does_not_bring_back_what_was_made_by_its_double_and_deleted(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    def overtaken() -> None:
        model.before_answer = lambda: None
        service.delete(ANN, id_of(create(service, key="k")))

    model.before_answer = overtaken
    with pytest.raises(Problem) as error:
        create(service, key="k")
    assert status_of(error) == 409
    assert store.objects == {}


def test_a_refusal_takes_nothing_from_its_double_which_was_answered(
    service: Classifications, store: MemoryStore, model: Model
) -> None:
    def overtaken() -> None:
        model.before_answer = lambda: None
        create(service, key="k")
        model.refuses = True  # as a model of another version may, or one that is short of time

    model.before_answer = overtaken
    record = create(service, key="k")
    assert (record["predicted"], record["status"]) == (7, "classified")
    assert store.exists(keys.record(id_of(record)))


def test_a_write_that_may_land_after_the_refusal_is_left_to_the_sweep(
    service: Classifications, store: MemoryStore
) -> None:
    def time_out(key: str) -> None:
        if key.startswith("images/"):
            raise unavailable("The store does not answer.")

    store.before_put = time_out
    with pytest.raises(Problem) as error:
        create(service, b"no digit")
    assert status_of(error) == 503
    assert len(list_keys(store, keys.INTENTS)) == 1


def test_an_idempotency_key_with_another_image_is_a_conflict(service: Classifications) -> None:
    create(service, b"7", key="k")
    with pytest.raises(Problem) as error:
        create(service, b"8", key="k")
    assert status_of(error) == 409


def test_two_writers_may_use_one_idempotency_key(service: Classifications) -> None:
    assert create(service, key="k")["id"] != create(service, writer=BOB, key="k")["id"]


def test_without_a_key_the_same_bytes_are_two_records(service: Classifications) -> None:
    assert create(service)["id"] != create(service)["id"]


def test_a_list_is_newest_first_and_its_pages_join_without_gap_or_overlap(service: Classifications) -> None:
    made = [create(service)["id"] for _ in range(5)]
    seen, before = [], None
    while True:
        page, before = service.page(ANN, 2, before)
        seen += [record["id"] for record in page]
        if before is None:
            break
    assert seen == made[::-1]


def test_a_list_has_only_ones_own_with_their_labels(service: Classifications) -> None:
    own = create(service, b"0")
    create(service, writer=BOB)
    service.label(ANN, id_of(own), 0, "request")
    records, _ = service.page(ANN, 20, None)
    assert [(record["id"], record["true"]) for record in records] == [(own["id"], 0)]


def test_zero_is_a_digit_in_records_labels_and_figures(service: Classifications, store: MemoryStore) -> None:
    id = id_of(create(service, b"0"))
    assert service.label(ANN, id, 0, "request")["true"] == 0
    label = store.get_json(keys.label(id))
    assert label is not None
    assert (label["true"], label["predicted"]) == (0, 0)
    assert service.legibility(ANN)["confusion_matrix"][0][0] == 1


@pytest.mark.parametrize("true", [10, -1, 7.0, "7", True, None, [7]])
def test_what_is_no_digit_is_no_label(service: Classifications, store: MemoryStore, true: object) -> None:
    id = id_of(create(service))
    with pytest.raises(Problem) as error:
        service.label(ANN, id, true, "request")
    assert status_of(error) == 422
    assert list_keys(store, "labels/") == []


def test_a_label_sent_twice_counts_once_and_changes_nothing(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))
    service.label(ANN, id, 7, "request")
    before = dict(store.objects)
    service.label(ANN, id, 7, "request")
    assert store.objects == before
    assert service.legibility(ANN)["labelled"] == 1


def test_a_corrected_label_replaces_the_first(service: Classifications, store: MemoryStore) -> None:
    id = id_of(create(service))
    service.label(ANN, id, 1, "request")
    assert service.label(ANN, id, 7, "request")["true"] == 7
    assert len(list_keys(store, "labels/")) == 1
    figures = service.legibility(ANN)
    assert (figures["labelled"], figures["confusion_matrix"][7][7]) == (1, 1)


def test_the_index_follows_a_correction_that_came_meanwhile(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))

    def correct_elsewhere(key: str) -> None:
        if key == keys.pair(ANN, id, 1, 7):  # our label 1 is written, its index not yet
            store.before_put = lambda _: None
            service.label(ANN, id, 7, "request")

    store.before_put = correct_elsewhere
    service.label(ANN, id, 1, "request")
    label = store.get_json(keys.label(id))
    assert label is not None
    assert label["true"] == 7
    assert [keys.parse_index(key)[1] for key in list_keys(store, keys.index(ANN, id))] == [None, (7, 7)]


def test_nothing_of_another_writer_can_be_read_labelled_or_deleted(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))
    before = dict(store.objects)
    for attempt in (
        lambda: service.get(BOB, id, "request"),
        lambda: service.image(BOB, id),
        lambda: service.label(BOB, id, 7, "request"),
        lambda: service.delete(BOB, id),
    ):
        with pytest.raises(Problem) as error:
            attempt()
        assert status_of(error) == 404
    assert store.objects == before


def test_where_only_the_bytes_are_gone_the_record_is_there_and_the_refusal_says_so(
    service: Classifications, store: MemoryStore
) -> None:
    id = UUID(create(service)["id"])
    del store.objects[keys.image(id)]  # as the bucket's lifecycle does
    assert service.get(ANN, id, "request")["id"] == str(id)
    with pytest.raises(Problem, match="kept no longer") as error:
        service.image(ANN, id)
    assert error.value.status == 404


def test_a_deletion_leaves_nothing_of_the_image(service: Classifications, store: MemoryStore) -> None:
    id = id_of(create(service, key="k"))
    service.label(ANN, id, 7, "request")
    service.delete(ANN, id)
    assert store.objects == {}
    with pytest.raises(Problem):
        service.get(ANN, id, "request")


def test_a_deletion_that_failed_half_way_can_be_sent_again(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))
    service.label(ANN, id, 7, "request")
    store.delete([keys.record(id)])  # the first step of a deletion
    service.delete(ANN, id)
    assert store.objects == {}


def test_a_label_written_during_a_deletion_does_not_stay(
    service: Classifications, store: MemoryStore
) -> None:
    id = id_of(create(service))

    def delete_elsewhere(_key: str) -> None:
        store.before_put = lambda _: None
        service.delete(ANN, id)

    store.before_put = delete_elsewhere
    with pytest.raises(Problem) as error:
        service.label(ANN, id, 7, "request")
    assert status_of(error) == 404
    assert store.objects == {}
