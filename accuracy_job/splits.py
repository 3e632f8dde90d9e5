"""What an engine maps: the parts of an input that can be read apart from one another."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from accuracy_job.kernel import Batch, Counts, count, merge

Seen = Callable[[int], None]  # is told of so many more pairs


def unseen(_pairs: int) -> None:
    """Tell nobody."""


class Split(Protocol):
    """A part of the input that one task reads, wherever it runs: it can be pickled."""

    def batches(self) -> Iterator[Batch]:
        """Return its checked pairs, a part of them in memory at a time."""

    def counts(self, seen: Seen = unseen) -> Counts:
        """Return the counts of its pairs."""


def count_all(
    batches: Iterable[Batch], seen: Seen = unseen, merge: Callable[[Counts, Counts], Counts] = merge
) -> Counts:
    """Map and reduce batches one by one."""
    total = Counts()
    for batch in batches:
        total = merge(total, count(batch))
        seen(len(batch.pairs))
    return total
