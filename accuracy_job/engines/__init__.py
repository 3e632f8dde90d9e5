"""Engines: each hands the same splits to the same map, and the results to the same reduce."""

from collections.abc import Sequence
from typing import Protocol

from accuracy_job.kernel import Counts
from accuracy_job.splits import Seen, Split, unseen


class Engine(Protocol):
    """Counts splits, on this machine `at_once` at a time, and tells `seen` of pairs that went by."""

    def __call__(self, splits: Sequence[Split], at_once: int, seen: Seen = unseen) -> Counts: ...
