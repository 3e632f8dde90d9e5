"""The engine of a cluster: PySpark, where each executor reads its own splits."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it ships no types
from pyspark.sql import SparkSession

from accuracy_job.files import InputError
from accuracy_job.kernel import Counts, merge
from accuracy_job.splits import Seen, Split, unseen
from accuracy_job.store import StoreError

LAST_LINE = re.compile(
    r"^(?:[\w.]+\.)?(\w+): (.*)\n\n\tat ", re.MULTILINE
)  # of a Python traceback in a Java one


def run(splits: Sequence[Split], at_once: int, seen: Seen = unseen) -> Counts:  # noqa: ARG001 -- the cluster knows
    """Map and reduce on the cluster that spark-submit or Spark's configuration names, else on this machine.

    A task is a split: what an executor had not finished when it was lost is done again elsewhere. Executors
    reach S3 by their own AWS_ variables or roles. Raises InputError, StoreError.
    """
    if not splits:
        return Counts()
    with _errors_named():
        context = SparkSession.builder.appName("accuracy_job").getOrCreate().sparkContext
        tasks = context.parallelize(splits, len(splits))
        counts: Counts = tasks.map(lambda split: split.counts()).treeReduce(merge)
    seen(counts.pairs)
    return counts


@contextmanager
def _errors_named() -> Iterator[None]:
    """Turn what an executor raised, and what Spark says, into one line."""
    try:
        yield
    except Py4JError as error:
        kind, message = (LAST_LINE.findall(str(error)) or [("", str(error).partition("\n")[0])])[-1]
        raise (
            InputError(message) if kind == InputError.__name__ else StoreError(f"Spark: {message}")
        ) from error
