"""The engine of one machine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from accuracy_job.engines import MapReduce, S, T
from accuracy_job.splits import Seen, unseen


def run(work: MapReduce[S, T], splits: Sequence[S], at_once: int, seen: Seen = unseen) -> T:
    """Map and reduce, `at_once` splits at a time: reading and decoding leave Python's lock to the others."""
    pool = ThreadPoolExecutor(at_once)
    try:
        return reduce(work.merge, pool.map(lambda split: work.map(split, seen), splits), work.nothing)
    finally:
        pool.shutdown(cancel_futures=True)
