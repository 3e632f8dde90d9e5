import re

from inference_image.model import Model
from infrastructure.local.settings import ROOT
from model_training.train import Settings

README = (ROOT / "model_training" / "README.md").read_text(encoding="utf-8")


def test_the_seeds_beside_the_shipped_one_are_others() -> None:
    trained = re.findall(r"train --seed (\d+) --weights build/seeds/(\d+)", README)
    assert {int(seed) for pair in trained for seed in pair} == {0, 1, 2} - {Settings.seed}


def test_the_card_is_that_of_the_shipped_weights() -> None:
    card = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: {Model.load().version}\n")
