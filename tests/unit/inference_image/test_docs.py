"""The docs name what there is: a setting or a figure cannot be forgotten, nor outlive its end."""

import re

from inference_image.metrics import Metrics
from inference_image.settings import Settings
from infrastructure.local.settings import ROOT

DOCS = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_docs_with_its_default() -> None:
    documented = dict(re.findall(r"^\| `(LEGIBLE_INFERENCE_\w+)` \| ([\w.]+)", DOCS, re.MULTILINE))
    assert documented == Settings().to_environment()


def test_every_figure_is_in_the_docs() -> None:
    metrics = Metrics("test")
    names = {metric.describe()[0].name for metric in vars(metrics).values()} | {"legible_model_info"}
    documented = {name.removesuffix("_total") for name in re.findall(r"`(legible_\w+)`", DOCS)}
    assert documented == names
