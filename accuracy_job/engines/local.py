"""The engine of one machine."""

from collections.abc import Iterable
from functools import reduce

from accuracy_job.kernel import Batch, Counts, count, merge


def run(batches: Iterable[Batch]) -> Counts:
    """Map and reduce the batches one by one, in constant memory: pyarrow decodes on all cores."""
    return reduce(merge, map(count, batches), Counts())
