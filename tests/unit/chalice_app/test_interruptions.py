"""Whatever is interrupted, and wherever: in the end there is a whole classification, or nothing of it.

Every order is generated. Before each call that an operation makes to the store another request may come, and
at each later call the process may die, or get no answer to what was done.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, cast
from uuid import UUID

import pytest

from chalice_app import keys
from chalice_app.classifications import ABANDONED_AFTER, Classifications
from chalice_app.inference import InferenceClient
from chalice_app.problems import Problem, unavailable
from chalice_app.store import Store
from tests.unit.chalice_app.doubles import PNG, MemoryStore, Model, serving

ANN, KEY, SEVEN = "a" * 64, "k", PNG + b"7"
NEVER = 1_000_000  # calls


class Death(BaseException):
    """The process is killed: nothing that it would still have done is done."""


@dataclass
class Faults:
    """What happens at which call to the store; calls count from 0."""

    elsewhere: Callable[[], None] = lambda: None
    elsewhere_at: int = NEVER
    dies_at: int = NEVER
    unanswered_at: int = NEVER  # done, but its answer is lost
    calls: int = 0


class Disturbed:
    """The store as one process sees it."""

    def __init__(self, store: MemoryStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            faults, number = self._faults, self._faults.calls
            faults.calls += 1
            if number == faults.elsewhere_at:
                with suppress(Problem):
                    faults.elsewhere()
            if number >= faults.dies_at:
                raise Death
            result = getattr(self._store, name)(*arguments)
            if number == faults.unanswered_at:
                raise unavailable("The answer is lost.")
            return result

        return call


class AtOnce(Executor):
    """Threads whose order is always the same."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401  as Executor's
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class World:
    """A store, its clock, and the ids that were acknowledged to those who use it."""

    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    ids: Iterator[int] = field(default_factory=count)
    made: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    doomed: set[str] = field(default_factory=set)  # somebody has asked to delete them

    @classmethod
    def arranged(cls, operation: "Operation") -> "World":
        world = cls()
        operation.arrange(world)
        return world

    def copy(self) -> "World":
        store = MemoryStore()
        store.objects = dict(self.store.objects)
        return World(store, self.now, self.ids, set(self.made), set(self.deleted), set(self.doomed))

    def do(self, operation: "Operation", faults: Faults) -> None:
        with suppress(Problem, Death):
            operation.act(self.service(faults, model_is_down=operation.model_is_down), self)

    def service(self, faults: Faults | None = None, *, model_is_down: bool = False) -> Classifications:
        model = Model()
        model.is_down = model_is_down
        store = Disturbed(self.store, faults or Faults())
        clients = cast("Store", store), cast("InferenceClient", model)
        return Classifications(*clients, AtOnce(), self.new_id, lambda: self.now)

    def new_id(self) -> UUID:
        """Return a UUIDv7 of this world's time."""
        milliseconds = int(self.now.timestamp() * 1000)
        return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | next(self.ids))

    def records(self) -> list[dict[str, Any]]:
        return self.service().page(ANN, 100, None)[0]

    def first(self) -> str:
        return min(self.made)

    def label_all(self, true: int) -> None:
        for record in self.records():
            self.service().label(ANN, UUID(record["id"]), true, "request")

    def delete(self, service: Classifications, id: str) -> None:
        self.doomed.add(id)
        service.delete(ANN, UUID(id))
        self.deleted.add(id)

    def delete_all(self) -> None:
        for record in self.records():
            self.delete(self.service(), record["id"])

    def let_time_pass(self) -> None:
        self.now += ABANDONED_AFTER + timedelta(minutes=1)

    def check(self) -> None:
        """Assert that all that was acknowledged is there, with what belongs to it, and nothing else."""
        assert self.made - self.doomed <= {record["id"] for record in self.records()}
        whole = set[str]()
        for key in self.store.keys("classifications/"):
            record = self.store.objects[key].json()
            id = UUID(record["id"])
            assert record["id"] not in self.deleted
            assert record["status"] == "classified"  # the sweep has asked the model
            whole |= {keys.record(id), keys.image(id), keys.index(ANN, id), *record["idempotency"]}
            assert all(self.store.objects[key].json()["id"] == str(id) for key in record["idempotency"])
            if label := self.store.get_json(keys.label(id)):
                whole |= {keys.label(id), keys.pair(ANN, id, label["true"], label["predicted"])}
        assert set(self.store.objects) == whole

    def check_retry(self) -> None:
        """Assert that the same request makes one classification at most, however often it comes."""
        with_key = [record["id"] for record in self.records() if self._has_key(UUID(record["id"]))]
        again = self.service().create(ANN, SEVEN, "request", KEY)["id"]
        assert with_key in ([], [again])
        self.check()

    def _has_key(self, id: UUID) -> bool:
        return bool(self.store.objects[keys.record(id)].json()["idempotency"])


Arrange = Callable[[World], None]
Act = Callable[[Classifications, World], None]


@dataclass(frozen=True)
class Operation:
    arrange: Arrange
    act: Act
    model_is_down: bool = False


def nothing(_world: World) -> None: ...


def create(service: Classifications, world: World) -> None:
    world.made.add(service.create(ANN, SEVEN, "request", KEY)["id"])


def create_without_key(service: Classifications, world: World) -> None:
    world.made.add(service.create(ANN, SEVEN, "request", None)["id"])


def refuse(service: Classifications, _world: World) -> None:
    service.create(ANN, b"no digit", "request", KEY)


def label(service: Classifications, world: World) -> None:
    service.label(ANN, UUID(world.first()), 7, "request")


def delete(service: Classifications, world: World) -> None:
    world.delete(service, world.first())


def sweep(service: Classifications, _world: World) -> None:
    service.sweep("request")


def made(world: World) -> None:
    create(world.service(), world)


def made_without_key(world: World) -> None:
    create_without_key(world.service(), world)


def pending(world: World) -> None:
    create(world.service(model_is_down=True), world)


def labelled(world: World) -> None:
    made(world)
    world.label_all(1)


def half_deleted(world: World) -> None:
    labelled(world)
    world.do(Operation(nothing, delete), Faults(dies_at=3))
    assert world.records() == []
    assert len(world.store.objects) > 1


def made_and_deleted(world: World) -> None:
    made(world)
    world.delete_all()


OPERATIONS = {
    "create": Operation(nothing, create),
    "create without a key": Operation(nothing, create_without_key),
    "create without an answer": Operation(nothing, create, model_is_down=True),
    "create what is refused": Operation(nothing, refuse),
    "create again": Operation(made, create),
    "create again what is pending": Operation(pending, create),
    "label": Operation(made, label),
    "label what is pending": Operation(pending, label),
    "correct": Operation(labelled, label),
    "delete": Operation(labelled, delete),
    "delete what has no key": Operation(made_without_key, delete),
    "delete what is half deleted": Operation(half_deleted, delete),
    "sweep": Operation(pending, sweep),
}
ELSEWHERE: dict[str, Arrange] = {
    "nothing else": nothing,
    "its double": made,
    "its double, which is deleted": made_and_deleted,
    "a label": lambda world: world.label_all(3),
    "a deletion": World.delete_all,
    "a sweep": lambda world: sweep(world.service(), world),
}


def attempt(start: World, operation: Operation, elsewhere: Arrange = nothing, **faults_at: int) -> int:
    """Do an operation with faults, and assert that a sweep ends it well; return its calls to the store."""
    world = start.copy()
    faults = Faults(lambda: elsewhere(world), **faults_at)
    world.do(operation, faults)
    world.let_time_pass()
    world.service().sweep("request")
    world.check()
    world.check_retry()
    return faults.calls


def explore(start: World, operation: Operation, elsewhere: Arrange) -> None:
    for at in count():
        calls = attempt(start, operation, elsewhere, elsewhere_at=at)
        for later in range(at, calls):
            attempt(start, operation, elsewhere, elsewhere_at=at, dies_at=later)
            attempt(start, operation, elsewhere, elsewhere_at=at, unanswered_at=later)
        if calls <= at or elsewhere is nothing:
            return


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_interrupted_ends_whole_or_as_nothing(operation: str, elsewhere: str) -> None:
    explore(World.arranged(OPERATIONS[operation]), OPERATIONS[operation], ELSEWHERE[elsewhere])


@pytest.mark.parametrize("elsewhere", ["nothing else", "its double", "a deletion", "a sweep"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_so_does_it_if_the_sweep_behind_it_is_interrupted_as_well(operation: str, elsewhere: str) -> None:
    for half_done in half_done_worlds(OPERATIONS[operation]):
        explore(half_done, OPERATIONS["sweep"], ELSEWHERE[elsewhere])


def half_done_worlds(operation: Operation) -> Iterable[World]:
    """Return what an operation can leave that dies, each once, at the time when a sweep looks at it."""
    worlds = {}
    for dies_at in range(attempt(World.arranged(operation), operation)):
        world = World.arranged(operation)
        world.do(operation, Faults(dies_at=dies_at))
        world.let_time_pass()
        worlds[frozenset(world.store.objects.items())] = world
    return worlds.values()


@pytest.mark.parametrize("after", [timedelta(minutes=8.5), ABANDONED_AFTER, timedelta(minutes=10.9)])
def test_what_was_interrupted_is_not_built_upon_so_late_that_a_sweep_could_come_between(
    after: timedelta,
) -> None:
    world = World()
    world.do(OPERATIONS["create"], Faults(dies_at=4))
    world.now += after
    with pytest.raises(Problem) as error:
        create(world.service(), world)
    assert error.value.status == 503
    world.now += timedelta(seconds=int(error.value.headers["Retry-After"]))
    sweep(world.service(), world)
    world.check_retry()


@pytest.mark.parametrize("operation", ["delete", "delete what has no key"])
def test_what_can_be_labelled_after_a_deletion_that_died_stays(operation: str) -> None:
    for dies_at in range(attempt(World.arranged(OPERATIONS[operation]), OPERATIONS[operation])):
        world = World.arranged(OPERATIONS[operation])
        world.do(OPERATIONS[operation], Faults(dies_at=dies_at))
        world.label_all(3)
        labelled = world.records()
        world.let_time_pass()
        sweep(world.service(), world)
        world.check()
        assert world.records() == labelled


def test_a_request_whose_intent_cannot_be_withdrawn_has_succeeded_nevertheless() -> None:
    operation = OPERATIONS["create without a key"]
    last = attempt(World(), operation) - 1
    world = World()
    world.do(operation, Faults(unanswered_at=last))
    assert len(world.made) == 1


def test_what_was_left_hours_ago_is_found_once_an_hour() -> None:
    world = World()
    world.do(OPERATIONS["create without a key"], Faults(dies_at=3))
    for minutes in (61, 62):
        world.now = datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(hours=5, minutes=minutes)
        assert world.service().sweep("request")["reconciled"] == 0
    world.now = datetime(2026, 11, 22, 18, tzinfo=UTC)
    assert world.service().sweep("request")["reconciled"] == 1
    assert not world.store.objects


@pytest.mark.parametrize("key", [KEY, None])
def test_a_request_that_slept_until_a_sweep_has_cleared_up_leaves_nothing(key: str | None) -> None:
    store, model, clock = MemoryStore(), Model(), [datetime.now(UTC)]
    with serving(store, model, lambda: clock[0]) as service:

        def sleep() -> None:
            model.before_answer = lambda: None
            clock[0] += ABANDONED_AFTER + timedelta(minutes=1)
            service.sweep("request")

        model.before_answer = sleep
        with pytest.raises(Problem) as error:
            service.create(ANN, SEVEN, "request", key)
        assert error.value.status == 503
        clock[0] += ABANDONED_AFTER + timedelta(minutes=1)
        service.sweep("request")
    assert not store.objects
