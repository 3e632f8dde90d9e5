import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from model_training import kinds
from model_training.data import ArraysOnly, DataError, Mnist, load, read
from model_training.generator import CALIBRATION, HELD_OUT, TRAINING, source_of


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    return load()


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="SHA-256"):
        read(path)


def test_a_pickle_that_asks_for_more_than_arrays_is_refused() -> None:
    with pytest.raises(DataError, match="system"):
        ArraysOnly(io.BytesIO(pickle.dumps(Harmful()))).load()


def test_the_test_part_is_the_official_one(mnist: Mnist) -> None:
    assert np.bincount(mnist.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_the_parts_have_no_image_in_common(mnist: Mnist) -> None:
    parts = vars(mnist).values()
    assert [len(part) for part in parts] == [55_000, 2_500, 2_500, 10_000]
    images = [{image.tobytes() for image in part.images} for part in parts]
    assert len(set.union(*images)) == sum(map(len, images))


def test_digits_have_mnists_form(mnist: Mnist) -> None:
    image = mnist.test.images[0]
    assert (image.shape, str(image.dtype)) == ((28, 28), "uint8")
    assert image.max() > 250
    assert not image[0].any()


def test_what_trains_what_calibrates_and_what_measures_are_drawn_from_digits_of_their_own() -> None:
    parts = TRAINING, CALIBRATION, HELD_OUT
    assert [part.digits for part in parts] == ["training", "validation", "held_out"]
    assert [part.style for part in parts] == [kinds.TRAINING, kinds.TRAINING, kinds.HELD_OUT]
    images = [{image.tobytes() for image in source_of(part).digits.images} for part in parts]
    assert len(set.union(*images)) == sum(map(len, images))
