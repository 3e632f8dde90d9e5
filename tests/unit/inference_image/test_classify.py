import json

import pytest

from inference_image import classify
from infrastructure.local.settings import ROOT

SAMPLES = ROOT / "samples"


def test_a_folder_is_read_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main([str(SAMPLES)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len((SAMPLES / "labels.csv").read_text().splitlines()) - 1
    assert next(line for line in lines if "mnist-2.png" in line).startswith("0 ")


def test_a_file_that_is_no_image_is_named_and_the_others_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main(["--json", str(SAMPLES / "README.md"), str(SAMPLES / "mnist-1.png")]) == 1
    bad, good = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert "not an image" in bad["error"]
    assert good["predicted"] == 7


def test_a_file_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main(["nowhere.png"]) == 1
    assert "nowhere.png: No such file" in capsys.readouterr().out
