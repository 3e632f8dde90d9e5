import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from inference_image import classify
from inference_image.settings import Settings
from infrastructure.local.settings import ROOT
from tests.fuzz.bombs import bmp_runs

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


def test_images_in_folders_of_a_folder_are_read_and_a_folder_named_like_one_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (inner := tmp_path / "folder.png").mkdir()
    for name in ("1.PNG", "notes.txt"):
        (inner / name).write_bytes((SAMPLES / "mnist-1.png").read_bytes())
    assert classify.main([str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("folder.png/1.PNG")


def test_a_folder_without_images_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main([str(tmp_path)]) == 1
    assert f"{tmp_path}: holds no images" in capsys.readouterr().out


def test_no_more_of_a_file_is_read_than_an_image_may_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert classify.main(["/dev/zero"]) == 1
    assert "/dev/zero: the image has more than 10485760 bytes" in capsys.readouterr().out


def test_a_file_that_would_take_all_memory_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    bombs = (bmp_runs(Random(seed)) for seed in range(100))
    (bomb := tmp_path / "bomb.bmp").write_bytes(min(bombs, key=len))
    command = [sys.executable, "-m", "inference_image.classify", str(bomb), str(SAMPLES / "mnist-1.png")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    named, read = run.stdout.splitlines()
    assert named.endswith("bomb.bmp: the image takes more memory than one may")
    assert read.startswith("7")
    assert run.returncode == 1


def test_a_file_that_takes_long_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "max_decoding_seconds", 0.01)
    Image.effect_noise((2500, 2500), 50).save(tmp_path / "slow.png", compress_level=1)
    assert classify.main([str(tmp_path)]) == 1
    assert "slow.png: the image takes more than 0.01 s to read" in capsys.readouterr().out
