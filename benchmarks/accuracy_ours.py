"""How Legible counts pairs in benchmarks.accuracy. Apart, so that the others' processes import none of it."""

from functools import cache
from tempfile import TemporaryDirectory

import numpy as np

from accuracy_job import days, files, writers
from accuracy_job.__main__ import cores
from accuracy_job.checks import Names
from accuracy_job.engines import COUNTING, local
from accuracy_job.kernel import Counts
from accuracy_job.store import CONNECTIONS, open_store
from benchmarks.accuracy_contenders import Matrix, filled


@cache
def kept() -> TemporaryDirectory[str]:
    """Return where a run of this process keeps what the next one need not count."""
    return TemporaryDirectory()


def legible(place: str) -> Matrix:
    return total(local.run(COUNTING, files.splits(place, Names()), cores()))


def legible_on_spark(place: str) -> Matrix:
    from accuracy_job.engines import spark  # noqa: PLC0415 -- its memory is that of its own contender alone

    return total(spark.run(COUNTING, files.splits(place, Names()), cores()))


def legible_from_objects(bucket: str) -> Matrix:
    """Read every label of the stub, and keep what the job keeps."""
    with TemporaryDirectory() as folder:
        return total(local.run(COUNTING, found_days(bucket, folder), CONNECTIONS))


def legible_again(bucket: str) -> Matrix:
    """Count what was not counted before, in this process."""
    return total(local.run(COUNTING, found_days(bucket, kept().name), CONNECTIONS))


def found_days(bucket: str, folder: str) -> list[days.Day]:
    return days.find(open_store(bucket), open_store(folder))


def legible_by_writer(folder: str) -> Matrix:
    totals = writers.total(local.run(writers.COUNTING, found_days(folder, folder), cores()))
    counted = totals.group_by("cell").aggregate([("count", "sum")]).to_pydict().values()
    return filled((*divmod(cell, 10), count) for cell, count in zip(*counted, strict=True))


def total(counts: Counts) -> Matrix:
    matrix: Matrix = sum(counts.matrices.values(), np.zeros((10, 10), np.int64)).tolist()
    return matrix
