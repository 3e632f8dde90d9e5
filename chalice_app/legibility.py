"""How legible a writer's hand is to the model, from their (true, predicted) pairs. Pure."""

import math
from collections.abc import Iterable
from typing import Any

from chalice_app.digits import DIGITS

ENOUGH_LABELS = 30  # from here on the 95 % interval is at most ±18 percentage points
_Z95 = 1.959963984540054  # the normal distribution's 97.5 % quantile

# What tells two digits apart, by (true, predicted): the feature that the true one lacked.
_HINTS = {
    (0, 6): "close the 0 at the top, without a stroke that sticks out",
    (0, 8): "keep the middle of the 0 empty",
    (0, 9): "make the 0 round all the way, without a tail",
    (1, 2): "leave the foot of the 1 off",
    (1, 4): "write the 1 as one plain stroke",
    (1, 7): "shorten the flag of the 1, or leave it off",
    (2, 1): "give the 2 a wider curve and a longer base",
    (2, 3): "end the 2 in a straight base line",
    (2, 7): "draw the base line of the 2 longer",
    (3, 2): "curl the lower half of the 3 back to the left",
    (3, 5): "round the top of the 3",
    (3, 8): "leave both halves of the 3 open on the left",
    (3, 9): "leave the upper half of the 3 open",
    (4, 1): "widen the 4, with a clear cross bar",
    (4, 6): "leave the 4 open at the top",
    (4, 9): "leave the 4 open at the top, with straight corners",
    (5, 3): "draw the top bar of the 5 straight, with a corner below it",
    (5, 6): "leave the lower half of the 5 open",
    (5, 8): "leave both halves of the 5 open",
    (5, 9): "leave the upper half of the 5 open on the right",
    (6, 0): "start the 6 well above its loop",
    (6, 4): "close the loop of the 6",
    (6, 5): "close the loop of the 6",
    (6, 8): "keep the upper stroke of the 6 open",
    (7, 1): "widen the top bar of the 7",
    (7, 2): "leave the foot of the 7 off",
    (7, 9): "draw the top bar of the 7 straight and leave it open",
    (8, 0): "cross the strokes of the 8 in the middle",
    (8, 3): "close both loops of the 8",
    (8, 5): "close both loops of the 8",
    (8, 6): "close the upper loop of the 8",
    (8, 9): "close the lower loop of the 8",
    (9, 0): "draw the stem of the 9 longer",
    (9, 1): "widen the loop of the 9",
    (9, 4): "close the loop of the 9 and round it",
    (9, 5): "close the loop of the 9",
    (9, 7): "close the loop of the 9",
    (9, 8): "keep the lower half of the 9 one open stroke",
}
_DEFAULT_HINT = "write it larger, in one clear shape, apart from other strokes"


def legibility(images: int, pairs: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """Return a writer's figures from the number of their images and their (true, predicted) pairs."""
    matrix = [[0] * 10 for _ in DIGITS]  # rows are true, columns are predicted
    for true, predicted in pairs:
        matrix[true][predicted] += 1
    labelled = sum(map(sum, matrix))
    confusions = _confusions(matrix)
    return {
        "images": images,
        "labelled": labelled,
        "enough": labelled >= ENOUGH_LABELS,
        **_share(sum(matrix[digit][digit] for digit in DIGITS), labelled),
        "digits": [
            {"digit": digit, "labelled": sum(row), **_share(row[digit], sum(row))}
            for digit, row in enumerate(matrix)
        ],
        "confusion_matrix": matrix,
        "confusions": confusions,
        "advice": [{**confusion, "text": _advice(**confusion)} for confusion in confusions[:3]],
    }


def wilson_interval(correct: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), for `of` > 0."""
    share = correct / of
    scale = 1 + _Z95**2 / of
    centre = (share + _Z95**2 / (2 * of)) / scale
    half = _Z95 / scale * math.sqrt(share * (1 - share) / of + _Z95**2 / (4 * of**2))
    # Where every image went one way, rounding would leave the bound beside 0 or 1.
    return 0.0 if correct == 0 else centre - half, 1.0 if correct == of else centre + half


def _share(correct: int, of: int) -> dict[str, Any]:
    return {
        "correct": correct,
        "accuracy": correct / of if of else None,
        "interval": wilson_interval(correct, of) if of else None,
    }


def _confusions(matrix: list[list[int]]) -> list[dict[str, int]]:
    """Return what was read as something else, most frequent first."""
    confusions = [
        {"true": true, "predicted": predicted, "count": count, "of": sum(row)}
        for true, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(confusions, key=lambda confusion: (-confusion["count"], confusion["of"]))


def _advice(true: int, predicted: int, count: int, of: int) -> str:
    hint = _HINTS.get((true, predicted), _DEFAULT_HINT)
    return f"Your {true}s are read as {predicted} ({count} of {of}): {hint}."
