from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model_training import data
from model_training.samples import FOLDER, SAMPLES


@pytest.fixture(scope="module")
def test_part() -> data.Digits:
    return data.load().test


def pixels(file: Path) -> NDArray[np.int16]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGBA"), np.int16)


@pytest.mark.parametrize("number", range(len(SAMPLES)), ids=[name for name, _, _ in SAMPLES])
def test_a_sample_is_what_the_program_draws(number: int, test_part: data.Digits, tmp_path: Path) -> None:
    name, digit, save = SAMPLES[number]
    nth = sum(other == digit for _, other, _ in SAMPLES[:number])
    image = test_part.images[np.flatnonzero(test_part.labels == digit)[nth]]
    save(image, tmp_path / name, np.random.default_rng(number))
    drawn, shipped = pixels(tmp_path / name), pixels(FOLDER / name)
    assert drawn.shape == shipped.shape
    assert np.abs(drawn - shipped).mean() < 0.5  # encoders differ from version to version, by less than this
