"""`python -m model_training.train` on a handful of prepared images: its weights are what the server loads."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from inference_image.model import Model
from inference_image.preprocessing import PREPROCESSING_VERSION, Preprocessed
from infrastructure.local.settings import ROOT
from model_training import data
from model_training.generator import Views
from model_training.marks import NOT_A_DIGIT
from model_training.train import VERSION, Settings
from tests.processes import ON_ONE_CORE

DRAWN = 256


def few(digits: data.Digits) -> Views:
    """Return 128 digits, and as many images of noise that show none."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 28, 28), dtype=np.uint8)
    pixels, targets = np.concatenate([digits.images[:128], noise]), np.repeat(NOT_A_DIGIT, 256)
    targets[:128] = digits.labels[:128]
    return Views(pixels, np.zeros(256), targets, np.arange(256), targets)


def test_training_goes_on_from_prepared_images_and_writes_a_model_that_the_server_loads(
    tmp_path: Path,
) -> None:
    mnist = data.load()
    sizes = {name: len(getattr(mnist, name)) for name in ("training", "validation", "test")}
    drawn = {f"drawn-{VERSION}": DRAWN, f"calibration-{VERSION}": Settings.calibration}
    for name, count in {**sizes, **drawn}.items():
        np.savez(tmp_path / f"{name}-{count}-{PREPROCESSING_VERSION}.npz", **vars(few(mnist.training)))
    command = [sys.executable, "-m", "model_training.train", "--epochs", "1", "--generated", str(DRAWN)]
    places = ["--folder", str(tmp_path), "--weights", str(tmp_path / "weights")]
    done = subprocess.run(
        [*ON_ONE_CORE, *command, *places], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    model = Model.load(tmp_path / "weights")
    image = Preprocessed(mnist.test.images[0], 0.0, None, None, 0, None, None)
    (answer,) = model.classify([image])
    assert answer.predicted in range(10)
    sidecar = json.loads((tmp_path / "weights" / f"{model.version}.json").read_text())
    assert (sidecar["settings"]["epochs"], sidecar["settings"]["generated"]) == (1, DRAWN)
    assert set(sidecar["accuracy"]) == {"validation", "test"}
    assert (tmp_path / "curves.png").stat().st_size > 0
