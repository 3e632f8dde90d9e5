"""Each function may do to the bucket what it does, and nothing else."""

import json
from collections.abc import Callable, Iterable, Iterator

import pytest

from chalice_app import keys
from chalice_app.store import Blob
from infrastructure.local.settings import ROOT
from tests.unit.chalice_app.doubles import MemoryStore
from tests.unit.chalice_app.test_interruptions import OPERATIONS, Faults, World, half_done_worlds

POLICIES = ROOT / ".chalice"
Rights = set[tuple[str, str]]  # action, prefix; no prefix is the bucket


class RecordingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.used: Rights = set()

    def put(self, key: str, content: bytes, media_type: str) -> None:
        self._use("s3:PutObject", key)
        super().put(key, content, media_type)

    def get(self, key: str) -> Blob | None:
        self._use("s3:GetObject", key)
        return super().get(key)

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        self.used.add(("s3:ListBucket", ""))
        return super().keys(prefix, after)

    def exists(self, key: str) -> bool:
        return key in self.keys(key)

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        for key in keys:
            self._use("s3:DeleteObject", key)
        super().delete(keys)

    def _use(self, action: str, key: str) -> None:
        # Of the reports one alone: the others know writers.
        self.used.add((action, key if key == keys.REPORT else key.partition("/")[0]))


def granted(function: str) -> Rights:
    """Return what a function's policy allows on the bucket."""
    policy = json.loads((POLICIES / f"policy-{function}.json").read_bytes())
    return {
        (action, resource.removeprefix("arn:aws:s3:::BUCKET").strip("/*"))
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if action.startswith("s3:")
    }


def used_by_the_api() -> Rights:
    store = RecordingStore()
    store.get(keys.REPORT)  # the one thing that a route reads by itself
    for name, operation in OPERATIONS.items():
        if name != "sweep":
            store.objects.clear()
            world = World(store)
            operation.arrange(world)
            world.do(operation, Faults())
    return store.used


def used_by_the_sweep() -> Rights:
    store = RecordingStore()
    for operation in OPERATIONS.values():
        for half_done in half_done_worlds(operation):
            store.objects = dict(half_done.store.objects)
            World(store, half_done.now, half_done.ids).do(OPERATIONS["sweep"], Faults())
    return store.used


@pytest.mark.parametrize(("function", "used"), [("api", used_by_the_api), ("sweep", used_by_the_sweep)])
def test_a_function_may_do_what_it_does_and_nothing_else(function: str, used: Callable[[], Rights]) -> None:
    assert used() == granted(function)


@pytest.mark.parametrize("function", ["api", "sweep"])
def test_a_function_makes_no_log_group_of_its_own_which_would_never_expire(function: str) -> None:
    policy = json.loads((POLICIES / f"policy-{function}.json").read_bytes())
    (log,) = (statement for statement in policy["Statement"] if statement["Sid"] == "Log")
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
