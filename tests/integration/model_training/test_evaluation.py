"""`python -m model_training.evaluate` on some kinds: a table, a summary, and a card where one is wanted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from infrastructure.local.settings import ROOT
from model_training.evaluate import main
from tests.processes import ON_ONE_CORE

COMMAND = [sys.executable, "-m", "model_training.evaluate", "--seed", "1", "--count", "1", "--kinds"]
ASCII = {**os.environ, "PYTHONIOENCODING": "ascii"}  # of a terminal that knows no more; the card does


def test_some_kinds_are_measured_and_the_card_goes_where_it_shall(tmp_path: Path) -> None:
    command = [*ON_ONE_CORE, *COMMAND, "canvas", "solid", "--card", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=ASCII, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "AUROC of is_digit" in done.stdout
    card = (tmp_path / "model-card.md").read_text(encoding="utf-8")
    (canvas,) = (line for line in card.splitlines() if line.startswith("| canvas "))
    assert float(canvas.split("|")[3].strip(" %")) > 90
    assert "| solid |" in card
    for picture in tmp_path.glob("model-card/*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 100


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
def test_what_cannot_be_measured_is_a_mistake_of_the_caller(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [*COMMAND[2:], *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err
