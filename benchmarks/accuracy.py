"""The accuracy job beside what else counts pairs.

Each contender runs in a process of its own, in turns, on the same input. Times are from the input to the
counts, without the interpreter's start and imports; memory is the process's peak meanwhile, and not known of
Spark. All must count the same.
Run: python -m benchmarks.accuracy. It needs benchmarks/accuracy-requirements.txt.
"""

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from tqdm import tqdm

from accuracy_job import days, partials
from accuracy_job.kernel import Counts
from accuracy_job.partials import Partial
from accuracy_job.store import open_store, put_parquet
from benchmarks.results import Bars, Result, Table, UnavailableError, command

PEERS = ("polars", "duckdb", "scikit-learn", "pyspark", "boto3")
FEW = 3  # rounds of what takes minutes
FAR = 30  # milliseconds until a store answers: S3 names some 20 to 100 in its region
HEADS = ("", "seconds", "fastest", "slowest", "a second", "MB", "x the first")


class Plan(NamedTuple):
    """How much is counted, and how often."""

    rounds: int
    pairs: int
    times: int  # so often each file is counted in a longer race on Spark; with 1 there is none
    labels: int
    writers: int  # of these labels
    objects: int  # a multiple of 1,000
    a_day: int  # labels of each of 365 days


class Race(NamedTuple):
    """Contenders on one input, ours first; what they are compared with is the first."""

    title: str
    names: tuple[str, ...]
    place: str
    size: int  # pairs, or objects


class Taken(NamedTuple):
    """What one contender took once."""

    seconds: float
    megabytes: float  # NaN where other processes hold the most
    matrix: list[list[int]]


Raced = dict[str, list[Taken]]  # by contender
FULL = Plan(5, pairs=100_000_000, times=10, labels=10_000_000, writers=1_000_000, objects=20_000, a_day=1000)
QUICK = Plan(3, pairs=50_000_000, times=1, labels=2_000_000, writers=200_000, objects=5_000, a_day=200)


def run(*, quick: bool) -> Result:
    try:
        versions = {name: version(name) for name in PEERS}
    except PackageNotFoundError as missing:
        raise UnavailableError(
            f"{missing.name} is not there: pip install -r benchmarks/accuracy-requirements.txt"
        ) from None
    ran = list(races(QUICK if quick else FULL))
    return Result(
        tables=[table(race, results) for race, results in ran],
        plots=[bars(race, results) for race, results in ran],
        versions=versions,
    )


def races(plan: Plan) -> Iterator[tuple[Race, Raced]]:
    """Make each input, and run what counts it."""
    rounds, pairs, fewer = plan.rounds, plan.pairs, plan.pairs // 5
    with TemporaryDirectory() as folder:
        write_pairs(Path(folder), pairs, 10)
        parquet, csv = f"{folder}/*.parquet", f"{folder}/pairs.csv"
        names: tuple[str, ...] = ("Legible", "polars", "DuckDB", "scikit-learn")
        yield raced(rounds, Race(f"Parquet, {pairs:,} pairs", names, parquet, pairs))
        yield raced(rounds, Race(f"CSV, {fewer:,} pairs", names[:3], csv, fewer))
        names = ("Legible on Spark", "Spark groupBy")
        yield raced(rounds, Race(f"Spark, {pairs:,} pairs", names, parquet, pairs))
        if plan.times > 1:
            repeat(Path(folder), plan.times)
            more = plan.times * pairs
            yield raced(FEW, Race(f"Spark, {more:,} pairs", names, parquet, more))
    with TemporaryDirectory() as folder:
        write_records(Path(folder), fewer, 10)
        names = ("Legible on Spark, records", "Spark groupBy, records")
        yield raced(rounds, Race(f"Spark, {fewer:,} whole records", names, f"{folder}/*.parquet", fewer))
    with TemporaryDirectory() as folder:
        write_days(Path(folder), plan.labels, 10, plan.writers)
        names = ("Legible, by writer", "polars, by writer", "DuckDB, by writer")
        title = f"{plan.labels:,} labels by {plan.writers:,} writers"
        yield raced(rounds, Race(title, names, folder, plan.labels))
    with stub(plan.objects // 1000, 1000):
        names = ("Legible, objects", "boto3, objects")
        yield raced(rounds, Race(f"{plan.objects:,} label objects", names, "s3://stub", plan.objects))
    with stub(plan.objects // 1000, 1000, FAR):
        title = f"{plan.objects:,} label objects, {FAR} ms away"
        yield raced(FEW, Race(title, names, "s3://stub", plan.objects))
    with stub(365, plan.a_day):
        names = ("Legible, objects", "Legible, unchanged")
        once = 1  # two full runs, a minute each, hardly differ
        race = Race(f"365 days of {plan.a_day:,} labels", names, "s3://stub", 365 * plan.a_day)
        yield raced(once, race)


def raced(rounds: int, race: Race) -> tuple[Race, Raced]:
    """Run the contenders in turns."""
    results: Raced = {name: [] for name in race.names}
    for name in tqdm(race.names * rounds, race.title, leave=False):
        results[name].append(taken(name, race.place))
        if results[name][-1].matrix != results[race.names[0]][0].matrix:
            raise RuntimeError(f"{name} counts differently")
    return race, results


def taken(name: str, place: str) -> Taken:
    words = [sys.executable, "-m", "benchmarks.accuracy_contenders", name, place]
    with TemporaryDirectory() as folder:  # an interrupt kills the process, and leaves it no time to tidy up
        variables = {**os.environ, "TMPDIR": folder}
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr}")
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def table(race: Race, ran: Raced) -> Table:
    return Table(race.title, HEADS, [row(race, name, ran) for name in race.names])


def row(race: Race, name: str, ran: Raced) -> Sequence[str]:
    seconds = [each.seconds for each in ran[name]]
    median = statistics.median(seconds)
    ratio = median / statistics.median(each.seconds for each in ran[race.names[0]])
    megabytes = statistics.median(each.megabytes for each in ran[name])
    times = f"{median:.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}", f"{race.size / median:,.0f}"
    return name, *times, "–" if math.isnan(megabytes) else f"{megabytes:.0f}", f"{ratio:.3f}"


def bars(race: Race, ran: Raced) -> Bars:
    seconds = {name: [each.seconds for each in found] for name, found in ran.items()}
    return Bars(race.title, "s", seconds, ours=sum(name.startswith("Legible") for name in seconds))


def write_pairs(folder: Path, pairs: int, parts: int) -> None:
    """Write zstd Parquet files, and one CSV file of a fifth of the pairs."""
    random = np.random.default_rng(0)
    size = pairs // parts
    for part in range(parts):
        true = random.integers(0, 10, size, np.uint8)
        wrong = random.random(size) < 0.03
        table = pa.table(
            {"true": true, "predicted": np.where(wrong, random.integers(0, 10, size, np.uint8), true)}
        )
        pq.write_table(table, folder / f"{part}.parquet", compression="zstd")
    with pa_csv.CSVWriter(folder / "pairs.csv", table.schema) as file:
        for part in range(max(parts // 5, 1)):
            file.write_table(pq.read_table(folder / f"{part}.parquet"))


def repeat(folder: Path, times: int) -> None:
    """Have each Parquet file so many times, under other names; on the disk it stays one."""
    for file in list(folder.glob("*.parquet")):
        for number in range(1, times):
            os.link(file, file.with_name(f"{number}-{file.name}"))


def write_records(folder: Path, pairs: int, parts: int) -> None:
    """Write Parquet files of pairs with all that a pair may have but an id."""
    random = np.random.default_rng(1)
    models, start = np.array(["digits-1", "digits-2"]), np.datetime64("2026-01-01", "us")
    for part in range(parts):
        size = pairs // parts
        true = random.integers(0, 10, size, np.uint8)
        table = {
            "true": true,
            "predicted": np.where(random.random(size) < 0.03, random.integers(0, 10, size, np.uint8), true),
            "confidence": random.random(size),
            "model": pa.array(models[random.integers(0, 2, size)]),
            "labelled": start + np.sort(random.integers(0, 365 * 86_400_000_000, size)),
        }
        pq.write_table(pa.table(table), folder / f"{part}.parquet", compression="zstd")


def write_days(folder: Path, labels: int, parts: int, people: int) -> None:
    """Write what the job keeps of days, by so many writers."""
    random = np.random.default_rng(2)
    names = pa.array([f"{number * 2**64 // people:064x}" for number in range(people)])
    for part in range(parts):
        size = labels // parts
        true, ids = random.integers(0, 10, size, np.uint8), pa.array(range(size)).cast(pa.string())
        columns = {
            **{
                name: pa.nulls(size, kind.type)
                for name, kind in zip(days.SCHEMA.names, days.SCHEMA, strict=True)
            },
            "id": ids,
            "writer": names.take(pa.array(random.integers(0, people, size))),
            "true": true,
            "predicted": np.where(random.random(size) < 0.03, random.integers(0, 10, size, np.uint8), true),
        }
        day, store = f"date=2026-11-{part + 1:02}", open_store(str(folder))
        put_parquet(store, f"{days.COMPACTED}/{day}/state.parquet", pa.table(columns, days.SCHEMA))
        partials.write(store, f"{days.PARTIALS}/{day}.json", Partial("state", Counts()))


@contextmanager
def stub(labelled_days: int, per_day: int, milliseconds: int = 0) -> Iterator[None]:
    """Run the stub of S3, so far away, and point the AWS_ variables at it."""
    numbers = map(str, (labelled_days, per_day, milliseconds))
    words = [sys.executable, "-m", "benchmarks.accuracy_store", *numbers]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 -- a pipe was asked for
        endpoint = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        access = {"AWS_ACCESS_KEY_ID": "stub", "AWS_SECRET_ACCESS_KEY": "stub", "AWS_REGION": "us-east-1"}
        for name in [name for name in os.environ if name.startswith("AWS_")]:  # the person's own store
            del os.environ[name]
        os.environ.update(access, AWS_ENDPOINT_URL=endpoint, NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")
        yield  # behind it the pipes are closed, which ends the stub


if __name__ == "__main__":
    command("python -m benchmarks.accuracy", __doc__, run)
