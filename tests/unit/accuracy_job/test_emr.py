import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from accuracy_job import emr
from accuracy_job.package import zipped
from infrastructure.local.settings import ROOT
from tests.waiting import wait_until

REQUEST = ["request", "s3://code/emr/", "--input", "s3://legible", "--role", "arn:r", "--application", "00f"]


def test_the_request_names_the_archives_and_passes_the_jobs_options_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert emr.main([*REQUEST, "--fail-under", "accuracy=0.97"]) == 0
    asked = json.loads(capsys.readouterr().out)
    submit = asked["jobDriver"]["sparkSubmit"]
    assert submit["entryPoint"] == "s3://code/emr/main.py"
    assert submit["entryPointArguments"] == [
        "s3://legible",
        "--engine",
        "spark",
        "--fail-under",
        "accuracy=0.97",
    ]
    assert "spark.archives=s3://code/emr/environment.tar.gz#environment" in submit["sparkSubmitParameters"]
    assert "spark.default.parallelism=1000" in submit["sparkSubmitParameters"]
    assert (asked["applicationId"], asked["executionRoleArn"]) == ("00f", "arn:r")


def test_what_build_does_not_know_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        emr.main(["build", "--ouput", "elsewhere"])
    assert "unrecognized arguments: --ouput elsewhere" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_no_environment_is_built_for_another_platform_than_the_applications(tmp_path: Path) -> None:
    template = (ROOT / "infrastructure" / "templates" / "job.yaml").read_text()
    assert "Architecture: X86_64" in template
    code = (
        "import sysconfig, sys; sys.base_prefix = '/opt/python'\n"
        "sysconfig.get_platform = lambda: 'linux-aarch64'\n"
        "from accuracy_job import emr; sys.exit(emr.main(['build']))"
    )
    build = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(build, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert f"It takes {emr.PLATFORM}" in ran.stderr
    assert not any(tmp_path.iterdir())


def test_the_systems_own_python_is_not_packed_with_all_that_lies_beside_it(tmp_path: Path) -> None:
    code = "import sys; sys.base_prefix = '/usr'; from accuracy_job import emr; sys.exit(emr.main(['build']))"
    build = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(build, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert emr.COMMAND in ran.stderr
    assert not any(tmp_path.iterdir())


def test_an_archive_that_is_interrupted_leaves_the_one_of_before(tmp_path: Path) -> None:
    (before := tmp_path / "environment.tar.gz").write_text("whole")
    (folder := tmp_path / "unfinished" / "environment").mkdir(parents=True)
    with (folder / "large").open("wb") as file:
        file.truncate(2**32)  # takes long to compress, and no room
    code = "import pathlib, sys; from accuracy_job import emr; emr.archive(*map(pathlib.Path, sys.argv[1:]))"
    words = [sys.executable, "-c", code, str(folder), str(before)]
    with subprocess.Popen(words, cwd=ROOT) as archiving:
        wait_until(lambda: any(file.stat().st_size > 2**16 for file in tmp_path.rglob("*.tar.gz")))
        archiving.kill()
    assert before.read_text() == "whole"


def test_the_job_runs_from_the_zip_alone(tmp_path: Path) -> None:
    (tmp_path / "job.zip").write_bytes(zipped())
    (tmp_path / "part-0").write_text("7\t7\n")
    code = "import sys; from accuracy_job.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "part-0", "--output", "out"]
    subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": "job.zip"}, check=True, capture_output=True)
    assert json.loads((tmp_path / "out/reports/latest.json").read_text())["pairs"] == 1
    assert "<!doctype html>" in (tmp_path / "out/reports/latest.html").read_text()


def test_the_zip_of_the_same_files_is_the_same_whenever_and_by_whomever_they_were_written(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    module = folder / "module.py"
    module.write_text("1")
    before = zipped(folder)
    os.utime(module, (0, 1_000_000_000))
    module.chmod(0o600)
    assert zipped(folder) == before
    module.write_text("2")
    assert zipped(folder) != before


def test_days_are_hashed_with_the_code_from_the_zip_too(tmp_path: Path) -> None:
    (tmp_path / "job.zip").write_bytes(zipped())
    code = "from accuracy_job.days import code_hash; print(code_hash())"
    from_zip, plain = (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={"PYTHONPATH": path},
            check=True,
            capture_output=True,
        )
        for folder, path in ((tmp_path, "job.zip"), (ROOT, "."))
    )
    assert len(from_zip.stdout) == 65
    assert from_zip.stdout == plain.stdout
