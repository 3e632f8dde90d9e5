import json
from pathlib import Path

import numpy as np
from PIL import Image

from inference_image.model import WEIGHTS, Answer
from inference_image.preprocessing import Preprocessed
from inference_image.reading import Reading
from infrastructure.local.settings import ROOT
from model_training import card

SEEN = Preprocessed(np.zeros((28, 28), np.uint8), 0.0, None, None, 0, None, None)
WRONG = Reading(Answer(7, 0.9, (0.0,) * 7 + (0.9, 0.1, 0.0), 1.0), SEEN, "digits")


def test_the_card_says_of_which_weights_it_is_and_holds_every_figure(tmp_path: Path) -> None:
    sidecar = json.loads(next(WEIGHTS.glob("*.json")).read_text())
    sidecar["settings"] |= {"epochs": 20, "finishing": 4}
    other = {**sidecar, "settings": {"seed": 7}, "accuracy": {"validation": 0.5}}
    row = ("photo", "500", "98.76 %", "97.35 % – 99.43 %", "", "0.4 %")
    card.write(tmp_path / "docs", [sidecar, other], [row], [("AUROC of is_digit", "0.9876")], None)
    text = (tmp_path / "docs" / "model-card.md").read_text()
    assert text.startswith(f"# Model card: {sidecar['version']}\n")
    assert "**Figures.** 24 epochs." in text
    assert f"| {' | '.join(row)} |" in text
    assert "| AUROC of is_digit | 0.9876 |" in text
    seed, share = sidecar["settings"]["seed"], sidecar["accuracy"]["validation"]
    assert f"the shipped weights first: seed {seed} {share:.2%}, seed 7 50.00%." in text
    assert "come from a seed that is this\nversion's own." in text


def test_the_card_names_a_seed_that_is_not_the_versions_own(tmp_path: Path) -> None:
    sidecar = json.loads(next(WEIGHTS.glob("*.json")).read_text())
    card.write(tmp_path, [sidecar], [], [], 3)
    assert "come from seed 3." in (tmp_path / "model-card.md").read_text()


def test_every_picture_that_the_card_shows_is_drawn(tmp_path: Path) -> None:
    bins = np.array([[0, 0.0, 0.0]] * 14 + [[20, 0.97, 0.95]])
    upload = (ROOT / "samples" / "mnist-1.png").read_bytes()
    card.draw(tmp_path, bins, np.diag(np.arange(10)), [(upload, 1, WRONG)] * 9)
    for name in ("reliability", "confusion", "errors"):
        assert f"(model-card/{name}.png)" in card.TEXT
        with Image.open(tmp_path / "model-card" / f"{name}.png") as picture:
            picture.load()
    assert picture.size == (8 * 170, 2 * 130)  # nine errors: two rows of at most eight
