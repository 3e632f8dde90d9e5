"""Engines: each hands the same splits to the same map, and the results to the same reduce."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from accuracy_job.kernel import Counts, merge
from accuracy_job.splits import Seen, Split, unseen

S = TypeVar("S")  # a split: a part of the input that one task reads. It can be pickled
T = TypeVar("T")  # what is known of a part


@dataclass(frozen=True)
class MapReduce(Generic[S, T]):
    """The two functions, and what they know of no input at all."""

    map: Callable[[S, Seen], T]  # may tell `seen` of so many more pairs
    merge: Callable[[T, T], T]  # associative and commutative
    nothing: T


class Engine(Protocol):
    """Maps splits, on this machine `at_once` at a time, and reduces."""

    def __call__(
        self, work: MapReduce[S, T], splits: Sequence[S], at_once: int, seen: Seen = unseen
    ) -> T: ...


COUNTING: MapReduce[Split, Counts] = MapReduce(lambda split, seen: split.counts(seen), merge, Counts())
