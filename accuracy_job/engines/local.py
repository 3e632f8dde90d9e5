"""The engine of one machine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

from accuracy_job.kernel import Counts, merge
from accuracy_job.splits import Seen, Split, unseen


def run(splits: Sequence[Split], at_once: int, seen: Seen = unseen) -> Counts:
    """Map and reduce, `at_once` splits at a time: reading and decoding leave Python's lock to the others."""
    pool = ThreadPoolExecutor(at_once)
    try:
        return reduce(merge, pool.map(lambda split: split.counts(seen), splits), Counts())
    finally:
        pool.shutdown(cancel_futures=True)
