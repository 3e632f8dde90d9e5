import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from accuracy_job.__main__ import main
from infrastructure.local.settings import ROOT
from tests.integration.accuracy_job.bucket import Bucket
from tests.integration.accuracy_job.killing_proxy import KillingProxy
from tests.integration.infrastructure.aws_account import moto_server
from tests.processes import started

SECONDS = 180  # a loaded machine is slow, and no failure

Done = subprocess.CompletedProcess[str]
Job = Callable[..., Done]


def process(environment: dict[str, str], *arguments: str) -> Done:
    command = [sys.executable, "-m", "accuracy_job", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    """Return what runs the job here: in a process of its own it takes a second or more to begin."""

    def run(environment: dict[str, str], *arguments: str) -> Done:
        with monkeypatch.context() as context:
            for name in os.environ.keys() - environment.keys():
                context.delenv(name)
            for name, value in environment.items():
                context.setenv(name, value)
            status = main([*arguments])
        return Done(arguments, status, *capsys.readouterr())

    return run


def test_the_labels_of_a_store_become_its_report(bucket: Bucket) -> None:
    for i, (true, predicted) in enumerate([(0, 0), (0, 0), (7, 1), (7, 7)]):
        bucket.put_label(f"{i}", true, predicted, day=f"2026-11-2{i % 2}")
    for i in range(8):
        bucket.put(f"classifications/2026-11-20/{i}.json")
    done = process(bucket.environment, bucket.url, "--verify")
    assert (done.returncode, done.stderr) == (0, "accuracy_job: scikit-learn confirms the figures\n")
    assert "accuracy 75.00% of 4 pairs" in done.stdout
    report = bucket.report()
    assert report["confusion_matrix"][0][0] == 2
    assert report["confusion_matrix"][7] == [0, 1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert [(day["day"], day["pairs"], day["accuracy"]) for day in report["days"]] == [
        ("2026-11-20", 2, 0.5),
        ("2026-11-21", 2, 1.0),
    ]
    assert [(model["model"], model["pairs"]) for model in report["models"]] == [("m1", 4)]
    assert report["coverage"] == {
        "classifications": 8,
        "labelled": 4,
        "share": 0.5,
        "accuracy_bounds": [3 / 8, 7 / 8],
    }
    names = {key.removeprefix("reports/") for key in bucket.listed("reports/")}
    assert {f"{report['made']}.json", "latest.json", "latest.html", "latest-confusion-matrix.png"} <= names
    page = bucket.client.head_object(Bucket=bucket.name, Key="reports/latest.html")
    assert page["ContentType"] == "text/html"


def test_a_second_run_replaces_the_latest_and_keeps_the_first(job: Job, bucket: Bucket) -> None:
    bucket.put_label("a", 7, 1)
    assert job(bucket.environment, bucket.url).returncode == 0
    first = bucket.report()
    bucket.put_label("a", 1, 1)  # corrected
    assert job(bucket.environment, bucket.url).returncode == 0
    assert (first["accuracy"], bucket.report()["accuracy"], bucket.report()["pairs"]) == (0.0, 1.0, 1)
    assert bucket.report()["trend"]["previous"] == {"pairs": 1, "accuracy": 0.0}
    assert len([key for key in bucket.listed("reports/") if key.startswith("reports/2")]) == 2


def killed_at_change(bucket: Bucket, changes: int) -> bool:
    """Run the job behind a proxy that lets so many changes of what is kept pass, and then kills it."""
    processes: list[subprocess.Popen[bytes]] = []
    store = bucket.environment["AWS_ENDPOINT_URL"]
    with KillingProxy(store, changes, lambda: processes[0].kill()) as proxy:  # noqa: PLW0108 -- there is none yet
        command = [sys.executable, "-m", "accuracy_job", bucket.url]
        environment = {**bucket.environment, "AWS_ENDPOINT_URL": proxy.url}
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
        return processes[0].wait(SECONDS) == -signal.SIGKILL


def test_a_run_that_is_killed_at_any_change_is_mended_by_the_next(job: Job, bucket: Bucket) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        bucket.put_label("a", 7, 1, day)
    changes = 0
    while killed_at_change(bucket, changes):
        bucket.put_label(f"late-{changes}", 0, 0, "2026-11-20")
        bucket.put_label("a", changes % 10, 1, "2026-11-21")  # corrected
        changes += 1
    assert changes >= 4  # at least the Parquet and the partial of each day
    assert job(bucket.environment, bucket.url, "--verify").returncode == 0
    kept = bucket.report()
    assert job(bucket.environment, bucket.url, "--recount").returncode == 0
    assert kept["pairs"] == len(bucket.listed("labels/")) == changes + 2
    assert kept["confusion_matrix"] == bucket.report()["confusion_matrix"]
    assert len(bucket.listed("compacted/")) == 2


def test_writers_get_their_counts_where_they_are_asked_for(job: Job, bucket: Bucket) -> None:
    ann, bob = "a" * 64, "b" * 64
    for name, writer in (("a", ann), ("b", ann), ("c", bob)):
        label = {"id": name, "writer": writer, "true": 7, "predicted": 1}
        bucket.put(f"labels/date=2026-11-22/{name}.json", json.dumps(label).encode())
    done = job(bucket.environment, bucket.url, "--writers")
    assert (done.returncode, done.stderr) == (0, "accuracy_job: the counts of 2 writers changed\n")
    body = bucket.client.get_object(Bucket=bucket.name, Key=f"reports/writers/{ann}.json")["Body"]
    figures = json.load(body)
    assert (figures["labelled"], figures["confusion_matrix"][7][1]) == (2, 2)
    assert "0 writers changed" in job(bucket.environment, bucket.url, "--writers").stderr


def test_cloudwatch_gets_the_figures_where_it_is_named(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_label("a", 7, 7)
    with moto_server(tmp_path) as address:
        environment = {**bucket.environment, "AWS_ENDPOINT_URL_CLOUDWATCH": address}
        done = process(environment, bucket.url, "--cloudwatch", "Legible", "--fail-under", "accuracy=0.9")
        assert (done.returncode, done.stderr) == (0, "")
        client = boto3.client(
            "cloudwatch",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        metrics = client.list_metrics(Namespace="Legible")["Metrics"]
    names = {metric["MetricName"] for metric in metrics}
    assert {"Pairs", "Accuracy", "BelowThreshold"} <= names


def test_a_place_that_holds_no_store_is_asked_about(job: Job, bucket: Bucket) -> None:
    done = job(bucket.environment, f"{bucket.url}/mistyped")
    question = (
        f"accuracy_job: {bucket.url}/mistyped holds no classification and no label: is this the store?\n"
    )
    assert (done.returncode, done.stderr) == (0, question)


def test_an_object_whose_name_looks_like_a_glob_can_be_named(job: Job, bucket: Bucket) -> None:
    bucket.put("pairs/a[1].csv", b"true,predicted\n7,1\n")
    bucket.put("pairs/a1.csv", b"true,predicted\n7,7\n")
    done = job(bucket.environment, f"{bucket.url}/pairs/a[1].csv")
    assert (done.returncode, done.stdout.splitlines()[0][:21]) == (0, "accuracy 0.00% of 1 p")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "You must specify a region."),
        ({"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://my_host"}, "Invalid endpoint: http://my_host"),
    ],
)
def test_a_cloudwatch_that_cannot_be_is_bad_input_before_anything_is_counted(
    variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"HOME": str(tmp_path), **variables}
    done = process(environment, str(tmp_path / "missing"), "--cloudwatch", "Legible")
    assert (done.returncode, done.stderr) == (2, f"accuracy_job: CloudWatch: {message}\n")


def test_a_cloudwatch_that_does_not_answer_hides_neither_figures_nor_what_is_below(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text("7\t1\n")
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{refusing.getsockname()[1]}"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1"}
        environment = os.environ | keys | {"AWS_REGION": "x", "AWS_ENDPOINT_URL_CLOUDWATCH": address}
        done = process(environment, str(tmp_path), "--cloudwatch", "Legible", "--fail-under", "accuracy=0.9")
    assert done.returncode == 3
    assert "accuracy 0.00% of 1 pairs" in done.stdout
    below, failed = done.stderr.splitlines()
    assert below == "accuracy_job: accuracy is 0.0, below 0.9"
    assert failed.startswith("accuracy_job: CloudWatch: ")


def test_where_no_java_starts_spark_is_one_line_and_a_status(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text("7\t7\n")
    done = process({**os.environ, "JAVA_HOME": str(tmp_path)}, str(tmp_path), "--engine", "spark")
    assert done.returncode == 3
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("accuracy_job: "))
    assert line.startswith("accuracy_job: Spark: [JAVA_GATEWAY_EXITED] ")
    assert "Traceback" not in done.stderr


def test_pictures_of_an_older_report_are_deleted_from_a_store(job: Job, bucket: Bucket) -> None:
    bucket.put_label("a", 7, 7)
    assert job(bucket.environment, bucket.url).returncode == 0
    assert "reports/latest-reliability.png" in bucket.listed()
    bucket.client.delete_object(Bucket=bucket.name, Key="labels/date=2026-11-22/a.json")
    assert job(bucket.environment, bucket.url).returncode == 0
    pictures = [key for key in bucket.listed("reports/") if key.endswith(".png")]
    assert pictures == ["reports/latest-confusion-matrix-rows.png", "reports/latest-confusion-matrix.png"]


def test_odd_objects_beside_labels_stop_nothing(job: Job, bucket: Bucket) -> None:
    bucket.put_label("a b ü 七 + %20", 0, 0)
    bucket.put("labels/date=2026-11-22/", b"")
    bucket.put("labels/", b"")
    bucket.put("labels/date=2026-11-22/picture.json", b"\x89PNG")
    bucket.put("labels/date=2026-11-22/empty.json", b"")
    bucket.put("labels/date=2026-11-22/ten.json", b'{"true": 10, "predicted": 1}')
    bucket.put("labels/README.txt", b"what lies here")
    done = job(bucket.environment, bucket.url)
    assert (done.returncode, done.stderr) == (0, "")
    report = bucket.report()
    assert (report["pairs"], report["coverage"]["labelled"]) == (1, 1)
    assert {each["reason"]: each["count"] for each in report["rejected"]["reasons"]} == {
        "not JSON": 2,
        "the key is not labels/date={date}/{id}.json": 1,
        "true is not a digit": 1,
    }


def test_an_empty_store_has_a_report_of_no_pairs(job: Job, bucket: Bucket) -> None:
    assert job(bucket.environment, bucket.url).returncode == 0
    report = bucket.report()
    assert (report["pairs"], report["accuracy"], report["coverage"]["classifications"]) == (0, None, 0)


def test_a_store_may_lie_below_a_prefix_and_its_report_elsewhere(
    job: Job, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("one/labels/date=2026-11-22/a.json", b'{"true": 3, "predicted": 3}')
    bucket.put_label("another", 4, 5)
    done = job(bucket.environment, f"{bucket.url}/one/", "--output", str(tmp_path))
    assert done.returncode == 0
    assert json.loads((tmp_path / "reports/latest.json").read_text())["confusion_matrix"][3][3] == 1
    assert bucket.listed("one/reports/") == bucket.listed("reports/") == []


def test_only_reports_on_the_same_store_are_compared(job: Job, bucket: Bucket, tmp_path: Path) -> None:
    for prefix in ("staging", "production"):
        bucket.put(f"{prefix}/labels/date=2026-11-22/a.json", b'{"true": 3, "predicted": 3}')
    for prefix, has_trend in (("staging", False), ("production", False), ("production", True)):
        url = f"{bucket.url}/{prefix}"
        assert job(bucket.environment, url, "--output", str(tmp_path)).returncode == 0
        report = json.loads((tmp_path / "reports/latest.json").read_text())
        assert (report["input"], report["trend"] is not None) == (url, has_trend)


def test_a_stores_own_report_does_not_name_its_bucket(job: Job, bucket: Bucket) -> None:
    bucket.put_label("a", 7, 1)
    for output in ([], ["--output", f"{bucket.url}/"]):
        assert job(bucket.environment, bucket.url, *output).returncode == 0
        assert bucket.name not in json.dumps(bucket.report())
    assert bucket.report()["trend"]["previous"]["pairs"] == 1


def test_a_file_of_pairs_may_report_to_a_store(job: Job, bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text("7\t7\n")
    assert job(bucket.environment, str(tmp_path), "--output", f"{bucket.url}/offline").returncode == 0
    assert "offline/reports/latest.json" in bucket.listed()


def assert_store_failed(done: Done, url: str) -> None:
    assert done.returncode == 3
    assert done.stderr.startswith(f"accuracy_job: {url}: ")
    assert done.stderr.count("\n") == 1


def test_a_bucket_that_is_not_there_is_one_line_and_a_status(job: Job, bucket: Bucket) -> None:
    assert_store_failed(job(bucket.environment, "s3://nowhere"), "s3://nowhere")


def test_a_wrong_key_is_one_line_and_a_status_and_shows_no_secret(job: Job, bucket: Bucket) -> None:
    done = job({**bucket.environment, "AWS_SECRET_ACCESS_KEY": "wrong-secret"}, bucket.url)
    assert_store_failed(done, bucket.url)
    assert "wrong-secret" not in done.stderr


@pytest.mark.parametrize("file", ["", "/pairs.parquet"])
def test_a_store_that_does_not_listen_is_one_line_and_a_status(job: Job, file: str, bucket: Bucket) -> None:
    url = f"{bucket.url}{file}"
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{refusing.getsockname()[1]}"
        assert_store_failed(job({**bucket.environment, "AWS_ENDPOINT_URL": address}, url), url)


def test_ctrl_c_ends_the_job_at_once_even_where_the_store_hangs(bucket: Bucket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**bucket.environment, "AWS_ENDPOINT_URL": endpoint}
        with started([sys.executable, "-m", "accuracy_job", bucket.url], environment) as waiting:
            connection, _ = silent.accept()  # the job waits for an answer from here on
            with connection:
                waiting.send_signal(signal.SIGINT)
                output, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, output, errors) == (130, "", "accuracy_job: interrupted\n")


def test_where_the_summary_cannot_be_written_the_report_is_made_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "pairs.csv").write_text("true,predicted\n1,1\n")
    command = [sys.executable, "-m", "accuracy_job", str(tmp_path / "pairs.csv"), "--output", str(tmp_path)]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ran.returncode == 3
    assert ran.stderr.startswith(b"accuracy_job: standard output: ")
    assert ran.stderr.count(b"\n") == 1
    assert json.loads((tmp_path / "reports/latest.json").read_text())["pairs"] == 1
