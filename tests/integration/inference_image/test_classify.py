import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.settings import ROOT
from tests.integration.inference_image.serving import sample
from tests.processes import has_open, started
from tests.waiting import PATIENCE_SECONDS, wait_until

COMMAND = [sys.executable, "-m", "inference_image.classify"]


def test_ctrl_c_ends_the_classifier_without_a_trace(tmp_path: Path) -> None:
    file = tmp_path / "never-written.png"
    os.mkfifo(file)
    with (
        file.open("r+b", buffering=0),  # a reader as well, so that it waits for none
        started([*COMMAND, str(file)]) as classifier,
    ):
        wait_until(lambda: has_open(classifier.pid, file))
        classifier.send_signal(signal.SIGINT)
        output = classifier.communicate(timeout=PATIENCE_SECONDS)
    assert (classifier.returncode, *output) == (130, "", "")


@pytest.mark.parametrize(("options", "encoding"), [([], "ascii"), (["--json"], "utf-8")])
def test_files_whose_names_cannot_be_printed_are_read(
    tmp_path: Path, options: list[str], encoding: str
) -> None:
    names = [os.fsdecode(b"1-\xff.png"), "2-é.png", "3.png"]
    for name in names:
        (tmp_path / name).write_bytes(sample("mnist-1.png"))
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    command = [*COMMAND, *options, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    lines = ran.stdout.splitlines()
    assert (ran.returncode, len(lines)) == (0, 3)
    if options:
        assert [Path(json.loads(line)["file"]).name for line in lines] == names
    else:
        assert b"1-\\udcff.png" in lines[0]


def test_a_reader_that_closes_early_ends_the_classifier_without_a_trace() -> None:
    with started([*COMMAND, str(ROOT / "samples")]) as classifier:
        assert classifier.stdout is not None
        classifier.stdout.close()
        _, errors = classifier.communicate(timeout=PATIENCE_SECONDS)
    assert (classifier.returncode, errors) == (141, "")


def test_a_full_disk_is_named_without_a_trace() -> None:
    command = [*COMMAND, str(ROOT / "samples/mnist-1.png")]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (ran.returncode, ran.stderr) == (1, b"The answers cannot be written: No space left on device\n")


def test_a_name_that_is_too_long_is_answered_like_a_file_that_is_not_there() -> None:
    command = [*COMMAND, "a" * 300, str(ROOT / "samples/mnist-1.png")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    first, second = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert first.endswith("a: File name too long")
    assert second.endswith("samples/mnist-1.png")
