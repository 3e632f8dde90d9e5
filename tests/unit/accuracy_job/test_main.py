import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from accuracy_job.__main__ import (
    BAD_INPUT,
    BELOW,
    DIFFERENT,
    EPILOG,
    INTERRUPTED,
    OK,
    STORE_FAILED,
    main,
    parser,
)
from infrastructure.local.settings import ROOT

Captured = pytest.CaptureFixture[str]
ROWS = "true,predicted,confidence,model\n0,0,0.9,m1\n7,1,0.5,m1\nseven,1,0.5,m1\n"


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.csv"
    path.write_text(ROWS)
    (tmp_path / "pairs.csv.txt").write_text("7,7\n")
    return str(path)


def test_a_file_of_pairs_becomes_a_report(pairs: str, tmp_path: Path) -> None:
    assert main([pairs, "--output", str(tmp_path / "out"), "--verify"]) == OK
    latest = tmp_path / "out/reports/latest.json"
    report = json.loads(latest.read_text())
    assert (report["pairs"], report["accuracy"], report["rejected"]["count"]) == (2, 0.5, 1)
    assert report["confusion_matrix"][0][0] == report["confusion_matrix"][7][1] == 1
    kept = tmp_path / f"out/reports/{report['made']}.json"
    assert kept.read_bytes() == latest.read_bytes()
    pictures = {f"latest-{name}.png" for name in ("confusion-matrix", "confusion-matrix-rows", "reliability")}
    names = {path.name for path in latest.parent.iterdir()}
    assert names == {kept.name, "latest.json", "latest.html", *pictures}


@pytest.mark.parametrize("output", ["", "/out"])
def test_a_report_does_not_become_a_part_of_its_input(output: str, pairs: str, capsys: Captured) -> None:
    folder = Path(pairs).parent
    assert main([str(folder), "--output", f"{folder}{output}"]) == BAD_INPUT
    assert capsys.readouterr().err.endswith(
        "the report would be read as input the next time: name another --output\n"
    )
    assert not (folder / "reports").exists()
    assert not (folder / "out").exists()


def test_the_pictures_are_of_the_latest_report(pairs: str, tmp_path: Path) -> None:
    (tmp_path / "fewer.csv").write_text("true,predicted\n7,7\n")
    (tmp_path / "more.csv").write_text("true,predicted,confidence,labelled\n7,7,0.5,2026-11-22\n")
    matrices = {"latest-confusion-matrix.png", "latest-confusion-matrix-rows.png"}
    more = {"latest-reliability.png", "latest-accuracy-over-time.png"}
    for name, drawn in (("more", matrices | more), ("fewer", matrices), ("more", matrices | more)):
        assert main([str(tmp_path / f"{name}.csv"), "--output", str(tmp_path / "out")]) == OK
        assert {path.name for path in (tmp_path / "out/reports").glob("*.png")} == drawn


def test_the_second_report_has_a_trend(pairs: str, tmp_path: Path) -> None:
    for _ in range(2):
        assert main([pairs, "--output", str(tmp_path / "out")]) == OK
    trend = json.loads((tmp_path / "out/reports/latest.json").read_text())["trend"]
    assert (trend["previous"]["pairs"], trend["pairs"], trend["change"]) == (2, 2, 0.0)


def test_a_figure_below_its_threshold_is_a_status_and_the_report_is_made(
    pairs: str, capsys: Captured
) -> None:
    assert main([pairs, "--fail-under", "accuracy=0.4", "--fail-under", "digits.7.recall=0.5"]) == BELOW
    captured = capsys.readouterr()
    assert captured.err == "accuracy_job: digits.7.recall is 0.0, below 0.5\n"
    assert "accuracy 50.00% of 2 pairs" in captured.out
    assert main([pairs, "--fail-under", "accuracy=0.5"]) == OK


def test_a_figure_of_a_day_that_is_not_there_is_below_and_the_report_is_made(
    pairs: str, tmp_path: Path
) -> None:
    assert main([pairs, "--output", str(tmp_path / "out"), "--fail-under", "days.0.accuracy=0"]) == BELOW
    assert (tmp_path / "out/reports/latest.json").is_file()


def test_the_summary_names_accuracy_faults_and_matrix(pairs: str, capsys: Captured) -> None:
    assert main([pairs]) == OK
    shown = capsys.readouterr().out
    assert "accuracy 50.00% of 2 pairs" in shown
    assert "rejected 1: true is not a digit" in shown
    assert "predicted" in shown


def test_who_reads_only_the_beginning_of_the_summary_ends_nothing(pairs: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "accuracy_job", pairs, "--output", str(tmp_path / "out")]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert job.stdout
    job.stdout.close()
    assert (job.communicate()[1], job.returncode) == (b"", OK)


def test_a_terminal_that_lacks_a_character_of_the_summary_ends_nothing(pairs: str) -> None:
    command = [sys.executable, "-m", "accuracy_job", pairs]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    job = subprocess.run(command, env=ascii_only, capture_output=True, text=True, check=False)
    assert (job.returncode, job.stderr) == (OK, "")
    assert "accuracy 50.00%" in job.stdout


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("name", "status"), [("pairs.csv", OK), ("missing.csv", BAD_INPUT)])
def test_a_closed_output_ends_nothing(closed: str, name: str, status: int, pairs: str) -> None:
    path = Path(pairs).with_name(name)
    words = [sys.executable, "-m", "accuracy_job", str(path)]
    job = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *words], capture_output=True, text=True, check=False
    )
    assert job.returncode == status
    assert ("accuracy 50.00%" in job.stdout) == (closed == "2>&-" and status == OK)
    assert ("missing.csv: no such file" in job.stderr) == (closed == ">&-" and status == BAD_INPUT)


def test_counts_are_shown_whole_on_a_narrow_terminal(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("".join(f"{true},{true}\n" * 12_345 for true in range(10)))
    main([str(path)])
    assert capsys.readouterr().out.count("12,345") == 10


def test_no_pairs_make_a_report_too(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "part-00000").touch()
    assert main([str(tmp_path), "--verify"]) == OK
    assert "no pairs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv"], "missing.csv: no such file"),
        (["{pairs}", "--true", "label"], "no column label; its columns: 'true', 'predicted', 'confi"),
        (["{pairs}", "--time", "at"], "no column at"),
        (["not-read.csv", "--fail-under", "speed=1"], "the report has no figure speed"),
        (["{pairs}.txt", "--model", "version"], "no column version"),
        (["{pairs}", "--writers"], "files name no writers"),
        (["s3://bucket", "--true", "label"], "names are for files"),
        (["s3://"], "s3://: it must be like s3://bucket"),
        (["s3:///prefix"], "it must be like s3://bucket"),
        (["s3://a b"], "it must be like s3://bucket"),
        (["s3://a]b"], "it must be like s3://bucket"),
        (["s3://bucket/a//b"], "s3://bucket/a//b: "),
        (["{pairs}", "--true", "model"], "model: one column, or JSON field, cannot be 2 parts of a pair"),
        (["{pairs}", "--true", "a", "--predicted", "a"], "a: one column"),
        (["{pairs}", "--output", "gs://bucket/a"], "gs://bucket/a: a place must be a folder, or like s3://"),
        (["{pairs}", "--output", "S3://bucket"], "S3://bucket: a place must be a folder, or like s3://"),
        (["{pairs}", "--output", ""], "nothing: a place must be a folder, or like s3://"),
    ],
)
def test_bad_input_is_one_line_and_a_status(
    arguments: list[str], message: str, pairs: str, capsys: Captured
) -> None:
    assert main([argument.format(pairs=pairs) for argument in arguments]) == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "argument", ["--engine=abacus", "--fail-under=accuracy", "--fail-under=accuracy=high"]
)
def test_a_bad_argument_is_a_status(argument: str, pairs: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main([pairs, argument])
    assert stop.value.code == BAD_INPUT


@pytest.mark.parametrize("files", [1, 3])
def test_a_column_of_ids_that_is_named_as_model_ends_the_job(
    files: int, tmp_path: Path, capsys: Captured
) -> None:
    for i in range(files):
        rows = [f"7,7,{i}-{row}\n" for row in range(120_000 // files)]
        (tmp_path / f"{i}.csv").write_text("true,predicted,key\n" + "".join(rows))
    assert main([str(tmp_path), "--model", "key"]) == BAD_INPUT
    assert "does --model or --time name the wrong column?" in capsys.readouterr().err


def test_text_that_nothing_can_write_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    fields = [{"model": "\ud800"}, {"id": "\ud800"}, {"labelled": "\ud800"}]
    path.write_text("".join(f"{json.dumps({'true': 7, 'predicted': 1} | each)}\n" for each in fields))
    assert main([str(path), "--output", str(tmp_path / "out")]) == OK
    report = json.loads((tmp_path / "out/reports/latest.json").read_text())
    assert (report["pairs"], report["rejected"]["count"]) == (2, 1)
    assert (tmp_path / "out/reports/latest.html").is_file()


@pytest.mark.parametrize("source", ["{pairs}", "s3://bucket"])
def test_a_place_that_takes_no_report_is_a_status(source: str, pairs: str, capsys: Captured) -> None:
    assert main([source.format(pairs=pairs), "--output", pairs]) == STORE_FAILED
    error = capsys.readouterr().err
    assert error.startswith(f"accuracy_job: {pairs}: ")
    assert error.count("\n") == 1


def test_names_and_values_reach_the_terminal_as_they_are_and_none_as_a_command(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "t:a:.jsonl"
    path.write_text("\n" * 99 + '{"true": ":x:", "predicted": 1}\n')
    assert main([str(path)]) == OK
    assert capsys.readouterr().out.splitlines()[1].endswith('t:a:.jsonl:100: ":x:"')
    (tmp_path / "a.csv").write_text("tru\x1b[31m,predicted\n")
    assert main([str(tmp_path / "a.csv")]) == BAD_INPUT
    assert r"its columns: 'tru\x1b[31m', 'predicted'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["s3://bucket"], ["s3://bucket/a.csv"], ["{pairs}", "--cloudwatch", "Legible"]]
)
def test_an_address_without_http_is_bad_input_before_anything_is_written(
    arguments: list[str], pairs: str, tmp_path: Path
) -> None:
    words = [argument.format(pairs=pairs) for argument in arguments]
    command = [sys.executable, "-m", "accuracy_job", *words, "--output", str(tmp_path / "out")]
    variables = os.environ | {"AWS_ENDPOINT_URL": "localhost:8333"}
    job = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    message = "accuracy_job: AWS_ENDPOINT_URL is localhost:8333: it must be like http://localhost:8333"
    assert (job.returncode, job.stderr) == (BAD_INPUT, f"{message} or https://host\n")
    assert not (tmp_path / "out").exists()


def test_a_variable_that_is_empty_is_none() -> None:
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{refusing.getsockname()[1]}"
        empty = dict.fromkeys(("AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_SESSION_TOKEN"), "")
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        job = subprocess.run(
            [sys.executable, "-m", "accuracy_job", "s3://bucket"],
            env=os.environ | keys | empty | {"AWS_ENDPOINT_URL": address},
            capture_output=True,
            text=True,
            check=False,
        )
    assert job.returncode == STORE_FAILED, job.stderr
    assert address in job.stderr


def test_no_status_is_that_of_a_traceback() -> None:
    assert 1 not in {OK, BAD_INPUT, STORE_FAILED, BELOW, DIFFERENT, INTERRUPTED}


def test_the_documentation_and_help_name_every_option_and_status() -> None:
    page = (ROOT / "docs/accuracy-job.md").read_text().replace("`", "")
    options = [option for action in parser()._actions for option in action.option_strings[-1:]]
    statuses = dict(re.findall(r"^  (\d+) +(.+)", EPILOG, re.MULTILINE))
    assert {*map(int, statuses)} == {OK, 1, BAD_INPUT, STORE_FAILED, BELOW, DIFFERENT, INTERRUPTED}
    rows = [f"| {status} | {meaning}" for status, meaning in statuses.items()]
    assert [text for text in options + rows if text not in page] == []
