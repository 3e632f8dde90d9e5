"""`python -m model_training.evaluate` on some kinds: a table, a summary, and a card where one is wanted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from infrastructure.local.settings import ROOT

COMMAND = [sys.executable, "-m", "model_training.evaluate", "--seed", "1", "--count", "1", "--kinds"]


def evaluate(*options: str) -> str:
    done = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_some_kinds_are_measured_and_the_card_goes_where_it_shall(tmp_path: Path) -> None:
    shown = evaluate("canvas", "solid", "--card", str(tmp_path))
    assert "AUROC of is_digit" in shown
    card = (tmp_path / "model-card.md").read_text(encoding="utf-8")
    (canvas,) = (line for line in card.splitlines() if line.startswith("| canvas "))
    assert float(canvas.split("|")[3].strip(" %")) > 90
    assert "| solid |" in card
    for picture in tmp_path.glob("model-card/*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 100


def test_a_terminal_that_knows_ascii_alone_loses_no_measurement(tmp_path: Path) -> None:
    command = [*COMMAND, "canvas", "--card", str(tmp_path)]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=ROOT, env=ascii_only, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "model-card.md").is_file()


def test_where_no_digit_is_measured_nothing_is_said_of_digits() -> None:
    shown = evaluate("solid")
    assert "blank and solid images rejected" in shown
    assert "wrongly" not in shown


@pytest.mark.parametrize(
    "options",
    [
        ["canvases"],
        ["canvas", "--count", "many"],
        ["solid", "--card", "."],
        ["--seed", "99999999999999999999"],
        ["canvas", "--card", "README.md"],
    ],
)
def test_what_cannot_be_measured_is_a_mistake_of_the_caller(options: list[str]) -> None:
    done = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr
