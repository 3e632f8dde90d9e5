from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.special import expit, softmax

from inference_image.model import Model, judged
from inference_image.network import Network
from model_training.generator import CALIBRATION, TRAINING, UNCLEAR, Views, examples
from model_training.marks import NOT_A_DIGIT
from model_training.train import (
    CALIBRATING,
    DRAWN,
    VERSION,
    Set,
    Settings,
    augment,
    calibrate,
    logits_of,
    loss_of,
    main,
    prepared,
    save,
    taught,
    train,
)

TINY = Settings(epochs=2, finishing=1, batch=8)


def _set(count: int = 32) -> Set:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Set(images, torch.arange(count) % 11 + NOT_A_DIGIT)


def test_augmentation_keeps_shape_and_range() -> None:
    images = augment(_set().images, TINY)
    assert images.shape == (32, 1, 28, 28)
    assert 0 <= images.min() <= images.max() <= 1


def test_what_is_no_digit_does_not_teach_which_digit_it_is() -> None:
    logits = torch.zeros(2, 11, requires_grad=True)
    loss_of(logits, torch.tensor([3, NOT_A_DIGIT]), TINY).backward()  # type: ignore[no-untyped-call]  # as torch ships it
    assert logits.grad is not None
    assert logits.grad[0, :10].abs().sum() > 0
    assert logits.grad[1, :10].abs().sum() == 0
    assert logits.grad[1, 10] > 0


class Interrupting:
    """Images that are pulled away after some batches, as by ctrl-C."""

    def __init__(self, images: torch.Tensor, batches: int) -> None:
        self.images = images
        self.batches = batches

    def __getitem__(self, which: torch.Tensor) -> torch.Tensor:
        if not self.batches:
            raise KeyboardInterrupt
        self.batches -= 1
        return self.images[which]


@pytest.mark.parametrize("batches", [5, 10])  # 4 are an epoch: in the midst of learning, and of finishing
def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, batches: int
) -> None:
    (tmp_path / "cut").mkdir()
    whole, history = train(_set(), _set(), TINY, tmp_path)
    assert len(history) == 3
    cut = Set(cast("torch.Tensor", Interrupting(_set().images, batches)), _set().targets)
    with pytest.raises(KeyboardInterrupt):
        train(cut, _set(), TINY, tmp_path / "cut")
    resumed, _ = train(_set(), _set(), TINY, tmp_path / "cut")
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


@pytest.mark.parametrize("part", ["version", "preprocessing_version"])
def test_what_another_recipe_has_trained_is_not_gone_on_from(tmp_path: Path, part: str) -> None:
    train(_set(), _set(), TINY, tmp_path)
    for checkpoint in tmp_path.glob("*.pt"):
        state = torch.load(checkpoint, weights_only=True)
        state["recipe"][part] = "another"
        torch.save(state, checkpoint)
    anew = Set(cast("torch.Tensor", Interrupting(_set().images, 0)), _set().targets)
    with pytest.raises(KeyboardInterrupt):
        train(anew, _set(), TINY, tmp_path)


def test_a_new_model_takes_the_place_of_others_and_of_nothing_else(tmp_path: Path) -> None:
    old = ["digits-1.json", "digits-1.safetensors"]
    others = ["README.md", "more.safetensors", "vae.json", "vae.safetensors"]
    for name in [*old, *others]:
        (tmp_path / name).write_text("{}")
    save(Network(), {"calibration": {}}, tmp_path)
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {*others, f"{VERSION}.json", f"{VERSION}.safetensors"}


def test_what_is_saved_can_be_loaded(tmp_path: Path) -> None:
    for _ in range(2):
        save(Network(), {"calibration": {}}, tmp_path)
        assert Model.load(tmp_path).version == VERSION


def test_no_image_that_calibrates_has_taught() -> None:
    names = ["font", "not a digit", "blank", "empty scene"]  # what is not made of MNIST's parts
    taught = {one.file for one in examples(TRAINING, 150, (DRAWN, 0), names)}
    calibrates = {one.file for one in examples(CALIBRATION, 150, (CALIBRATING, 0), names)}
    assert len(taught) == len(calibrates) == 150
    assert not taught & calibrates


class Unsaved:
    """An array that ctrl-C keeps from being saved."""

    def __array__(self, *_: object) -> NDArray[np.int64]:
        raise KeyboardInterrupt


def test_images_whose_saving_was_interrupted_are_prepared_again(tmp_path: Path) -> None:
    views = Views(np.zeros((2, 28, 28), np.uint8), np.zeros(2), np.arange(2), np.arange(2), np.arange(2))
    cut = replace(views, targets=cast("NDArray[np.int64]", Unsaved()))
    with Progress(disable=True) as progress:
        with pytest.raises(KeyboardInterrupt):
            prepared(tmp_path, progress, "drawn", 2, lambda _: cut)
        assert len(prepared(tmp_path, progress, "drawn", 2, lambda _: views).targets) == 2
    assert [file.suffix for file in tmp_path.iterdir()] == [".npz"]


def test_of_an_image_of_a_digit_the_view_of_it_is_taught_and_what_else_stands_out_as_no_digit() -> None:
    pixels = np.arange(1, 6, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
    targets = np.array([7, 7, 7, 7, NOT_A_DIGIT])
    shown = np.array([NOT_A_DIGIT, UNCLEAR, 7, 7, NOT_A_DIGIT])
    drawn = Views(pixels, np.zeros(5), targets, np.array([0, 0, 0, 0, 1]), shown)
    mnist = Views(pixels[:1] + 100, np.zeros(1), np.array([3]), np.array([0]), np.array([3]))
    learnt = taught(mnist, drawn)
    assert learnt.images[:, 0, 0, 0].tolist() == [101, 3, 1, 5]
    assert learnt.targets.tolist() == [3, 7, NOT_A_DIGIT, NOT_A_DIGIT]


def _views(network: Network, count: int = 200) -> Views:
    """Two views of each image; what the network says of it decides whether it is a digit, mostly."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2 * count, 28, 28), dtype=np.uint8)
    logits = logits_of(network, torch.from_numpy(pixels)[:, None]).reshape(count, 2, 11)
    whether = logits[:, :, 10].numpy()
    shown = whether.max(1) + rng.normal(0, 0.3 * whether.std(), count) > np.median(whether)
    targets = np.repeat(np.where(shown, logits[:, 0, :10].argmax(1).numpy(), NOT_A_DIGIT), 2)
    return Views(pixels, rng.normal(0, 1, 2 * count), targets, np.repeat(np.arange(count), 2), targets)


class Written(Network):
    """Says what is written in an image's first row: the 11 logits, from -6.4 to 6.35."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images[:, 0, 0, :11] * 255 - 128) / 20


def test_calibration_weighs_what_tells_digits_from_the_rest() -> None:
    scales = calibrate(Written(), _views(Written()))
    assert scales["temperature"] > 0
    _, logit, _, appeal, up_to_three, *_ = scales["is_digit"]
    assert np.isfinite(scales["is_digit"]).all()
    assert logit > 10 * abs(appeal + up_to_three)  # which was drawn at random


def _written(logits: NDArray[np.float64], targets: NDArray[np.int64], views: int = 1) -> Views:
    """So many views of each image, one after another, of logits (N, 11)."""
    pixels = np.zeros((len(logits), 28, 28), np.uint8)
    pixels[:, 0, :11] = (logits * 20 + 128).round().clip(0, 255)
    appeals = np.random.default_rng(1).normal(0, 1, len(logits))
    return Views(pixels, appeals, targets, np.arange(len(logits)) // views, targets)


def _judged(scales: dict[str, Any], logits: NDArray[np.float64], views: Views) -> NDArray[np.float64]:
    which = softmax(logits[:, :10] / scales["temperature"], axis=1)
    log_odds: NDArray[np.float64] = judged(logits[:, 10], which, views.appeals) @ scales["is_digit"]
    return log_odds


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_the_temperature_is_that_by_which_the_network_is_as_sure_as_it_is_right(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.2, (4000, 11)).clip(-6, 6)
    views = _written(logits, np.zeros(4000, np.int64))
    said = logits_of(Written(), torch.from_numpy(views.pixels)[:, None])
    chances = torch.softmax(said[:, :10] / temperature, 1).numpy()
    targets = (chances.cumsum(1) > rng.random((4000, 1))).argmax(1)
    targets[said[:, 10].numpy() < rng.normal(-1, 0.5, 4000)] = NOT_A_DIGIT
    found = calibrate(Written(), replace(views, targets=targets))["temperature"]
    assert found == pytest.approx(temperature, rel=0.1)


def test_digits_are_commoner_in_use_than_where_it_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    views = _written(rng.normal(0, 2, (8000, 11)).clip(-6, 6), np.zeros(8000, np.int64))
    said = logits_of(Written(), torch.from_numpy(views.pixels)[:, None]).double().numpy()
    shown = rng.random(8000) < expit(said[:, 10])
    views = replace(views, targets=np.where(shown, said[:, :10].argmax(1), NOT_A_DIGIT))
    is_digit = expit(_judged(calibrate(Written(), views), said, views))
    commoner = np.where(shown, 7 / shown.mean(), 1 / (1 - shown.mean()))  # as seven of eight are digits
    assert np.average(is_digit, weights=commoner) == pytest.approx(7 / 8, abs=0.01)


def test_calibration_looks_at_the_views_that_serving_takes() -> None:
    rng = np.random.default_rng(0)
    count = 500
    targets = rng.integers(0, 10, count)
    logits = rng.normal(0, 0.2, (count, 2, 11))
    logits[:, 0, 10], logits[:, 1, 10] = 4, -4  # the second hardly looks like a digit
    order = np.arange(count)
    logits[order, 0, targets] += 5  # and is read as another one
    logits[order, 1, (targets + 1) % 10] += 5
    swapped = rng.random(count) < 0.5
    logits[swapped] = logits[swapped, ::-1]
    nothing = rng.random(count) < 0.2
    targets[nothing] = NOT_A_DIGIT
    logits[nothing, :, 10] = -4 - rng.random((nothing.sum(), 2))
    views = _written(logits.reshape(-1, 11), np.repeat(targets, 2), views=2)
    assert calibrate(Written(), views)["temperature"] < 1  # what is always right may be surer


def test_what_is_shipped_is_not_replaced_by_another_recipe_of_the_same_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--epochs", "1"])
    assert "by --weights" in capsys.readouterr().err
