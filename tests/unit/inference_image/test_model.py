import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from inference_image import network
from inference_image.decoding import ImageError
from inference_image.limits import Limits
from inference_image.model import WEIGHTS, Answer, Model, ModelError, judged
from inference_image.network import Network
from inference_image.preprocessing import Preprocessed, preprocess
from inference_image.reading import Reading, classify, read
from infrastructure.local.settings import ROOT

SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the shipped model, to be spoilt."""
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def _views(images: list[NDArray[np.uint8]]) -> list[Preprocessed]:
    return [
        Preprocessed(image, 3.0, inverted=False, box=(0, 0, 1, 1), rotation=0, scale=1.0, stroke_width=2.0)
        for image in images
    ]


def _images(count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8))


def test_the_network_is_small_enough_for_a_small_machine() -> None:
    assert sum(weight.numel() for weight in Network().parameters()) <= 500_000
    assert sum(file.stat().st_size for file in WEIGHTS.glob("*.safetensors")) <= 2_000_000


def test_an_image_gets_the_same_answer_alone_and_in_any_batch(model: Model) -> None:
    images = _images(33)
    together = model.classify(_views(images))
    for image, answer in zip(images, together, strict=True):
        alone = model.classify(_views([image]))[0]
        assert alone.probabilities == pytest.approx(answer.probabilities, abs=1e-5)
        assert alone.is_digit == pytest.approx(answer.is_digit, abs=1e-5)


def test_the_network_that_serves_is_the_one_that_was_trained_but_for_rounding(model: Model) -> None:
    trained = Network()
    trained.load_state_dict(load_file(next(WEIGHTS.glob("*.safetensors"))))
    images = _images(9)
    with torch.inference_mode():
        logits = network.read(trained.eval(), torch.from_numpy(np.stack(images)[:, None]).float() / 255)
    for row, answer in zip(logits, model.classify(_views(images)), strict=True):
        assert int(row[:10].argmax()) == answer.predicted
    served = model.logits(images)
    assert np.allclose(served, logits.double().numpy(), atol=1e-4)


def test_probabilities_are_of_ten_digits_and_sum_to_one(model: Model) -> None:
    for answer in model.classify(_views(_images(5))):
        assert len(answer.probabilities) == 10
        assert sum(answer.probabilities) == pytest.approx(1)
        assert answer.confidence == max(answer.probabilities) == answer.probabilities[answer.predicted]


def test_no_images_have_no_answers(model: Model) -> None:
    assert model.classify([]) == []


def test_a_nought_is_read_as_the_number_0(model: Model) -> None:
    readings = read([(SAMPLES / "mnist-2.png").read_bytes()], model, Limits())
    assert [one.answer.predicted for one in readings if isinstance(one, Reading)] == [0]


def test_one_bad_file_fails_alone_and_in_its_place(model: Model) -> None:
    good = (SAMPLES / "mnist-1.png").read_bytes()
    readings = read([b"bad", good, b""], model, Limits())
    assert [type(one) for one in readings] == [ImageError, Reading, ImageError]


def test_of_several_views_the_one_that_looks_most_like_a_digit_counts(model: Model) -> None:
    nought = preprocess((SAMPLES / "mnist-2.png").read_bytes())
    nothing = _views([np.zeros((28, 28), np.uint8)])
    for views in (nought + nothing, nothing + nought):
        assert classify([nothing, views], model)[1].seen is nought[0]


class Scripted:
    """A model whose answers are known: of each view how sure it is, and whether it is a digit."""

    version = "scripted"

    def __init__(self, *answers: tuple[float, float]) -> None:
        self.answers = [
            Answer(7, confidence, (confidence,) * 10, is_digit) for confidence, is_digit in answers
        ]

    def classify(self, _: object) -> list[Answer]:
        return self.answers


def test_a_view_that_is_a_digit_counts_over_one_that_is_surer_which() -> None:
    scripted = cast("Model", Scripted((0.9, 0.3), (0.5, 0.8), (0.7, 0.7)))
    [reading] = classify([_views(_images(3))], scripted)
    assert reading.answer.is_digit == 0.8


def test_a_view_that_appeals_less_is_less_likely_a_digit(model: Model) -> None:
    [view] = preprocess((SAMPLES / "mnist-2.png").read_bytes())
    more, less = model.classify([view, replace(view, appeal=view.appeal - 5)])
    assert more.is_digit > less.is_digit
    assert more.probabilities == pytest.approx(less.probabilities, abs=1e-5)


def test_what_the_network_says_counts_for_more_where_the_place_appeals() -> None:
    sure = np.full((4, 10), 0.001) + 0.99 * np.eye(10)[0]
    appeals = np.array([-2.0, -2.0, 2.0, 2.0])
    weights = json.loads(next(WEIGHTS.glob("*.json")).read_text())["calibration"]["is_digit"]
    low, high, appealing_low, appealing_high = judged(np.array([-1.0, 1.0] * 2), sure, appeals) @ weights
    assert appealing_high - appealing_low > high - low > 0


def test_a_high_appeal_and_a_1_have_weights_of_their_own() -> None:
    sure = np.eye(10)[[1, 0, 0]] * 0.99 + 0.001
    measures = judged(np.array([2.0, 2.0, 2.0]), sure, np.array([3.0, 3.0, 8.0]))
    line, nought, plain = measures
    assert measures.shape == (3, 8)
    assert np.flatnonzero(~np.isclose(line, nought)).tolist() == [6, 7]
    assert np.flatnonzero(~np.isclose(plain, nought)).tolist() == [3, 5, 7]


def test_an_empty_image_is_no_digit(model: Model) -> None:
    assert model.classify(_views([np.zeros((28, 28), np.uint8)]))[0].is_digit < 0.5


def test_weights_of_another_preprocessing_are_refused(folder: Path) -> None:
    sidecar = next(folder.glob("*.json"))
    about = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(about | {"preprocessing_version": about["preprocessing_version"] + 1}))
    with pytest.raises(ModelError, match="preprocessing"):
        Model.load(folder)


def test_weights_that_are_not_the_sidecars_are_refused(folder: Path) -> None:
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\1")
    with pytest.raises(ModelError, match="SHA-256"):
        Model.load(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="0 models"):
        Model.load(tmp_path)
