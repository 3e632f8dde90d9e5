"""Drawings that are no digits."""

import numpy as np

from model_training.drawings import DRAWINGS, by_hand, drawing


def test_every_drawing_has_lines_of_points_within_its_size() -> None:
    for draw in DRAWINGS:
        for line in draw(np.random.default_rng(0)):
            assert line.shape[1:] == (2,)
            assert len(line) > 1
            assert np.abs(line).max() < 1.1


def test_lines_that_meet_still_meet_when_a_hand_has_bent_them() -> None:
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    outline, stroke = by_hand([square, np.array([[-1.0, -1], [0, 0]])], np.random.default_rng(0))
    assert np.allclose(outline[0], outline[-1])
    assert np.allclose(outline[0], stroke[0])
    assert not np.allclose(outline[0], square[0], atol=0.01)  # and bent they are


def test_no_two_are_the_same() -> None:
    rng = np.random.default_rng(0)
    drawn = [np.concatenate(drawing(rng)).tobytes() for _ in range(200)]
    assert len(set(drawn)) == len(drawn)
