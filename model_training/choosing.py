"""Fit how the digit is chosen among all that stands out: `python -m model_training.choosing`.

A conditional logit (McFadden 1974): an image offers its parts, and nothing, with an appeal of 0. The weights
are those under which what is right is chosen with the highest likelihood. What is right is known without
labels: each image is drawn twice, with its mark and with next to none of it.
"""

import argparse
import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from inference_image.candidates import Candidate, candidates
from inference_image.choosing import WEIGHTS
from inference_image.decoding import decode
from inference_image.limits import Limits
from inference_image.parts import Mask as Binary
from model_training.arguments import positive
from model_training.generator import MIXTURE, PAPERS, TRAINING, in_order, processes, source_of
from model_training.interrupts import interruptible
from model_training.truth import FAINT, difference

CHUNK = 50  # images that one process draws at a time, from a seed of their own
_SHARES = {  # of the kinds of image
    "canvas": 0.13,
    "scan": 0.16,
    "board": 0.12,
    "photo": 0.17,
    "scene": 0.08,
    "font": 0.08,
    "not a digit": 0.11,
    "blank": 0.06,
    "empty scene": 0.05,
    "noise": 0.04,
}
_OVERLAP = 0.7  # of the mark in the part, and of the part in the mark
_DECAY = 1e-3  # of the weights


@dataclass(frozen=True)
class Offer:
    """What one image offers: measures (n, m), and which parts are right (n,); none is where nothing is."""

    kind: str
    measures: NDArray[np.float64]
    right: NDArray[np.bool_]


def main() -> None:
    """Draw images, fit, print the weights for `inference_image.choosing`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=positive, default=5000, help="images to draw")
    some = drawn(parser.parse_args().count)
    weights = fit(some)
    console = Console()
    for name, weight in zip(WEIGHTS, weights, strict=True):
        console.print(f'    "{name}": {weight:.3f},')
    table = Table("kind", "images", "chosen rightly")
    for kind, chosen in sorted(_chosen_rightly(some, weights).items()):
        table.add_row(kind, f"{len(chosen)}", f"{np.mean(chosen):.1%}")
    console.print(table)


def drawn(count: int) -> list[Offer]:
    """Draw on all cores. The same count gives the same offers."""
    chunks = range((count + CHUNK - 1) // CHUNK)
    with processes() as pool:
        parts = track(in_order(pool, _chunk, chunks), "drawing twice", len(chunks))
        return [offer for part in parts for offer in part]


def fit(offers: Sequence[Offer]) -> NDArray[np.float64]:
    """Find the weights (m,) of the measures by maximum likelihood, with a little decay."""
    measures, offered, right = _stacked(offers)
    spread = measures[offered].std(0)
    spread[spread == 0] = 1  # what is the same for all parts weighs against nothing
    weights = torch.zeros(len(spread), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=500, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        appeals = (measures / spread @ weights).masked_fill(~offered, -torch.inf)
        appeals = torch.cat([appeals, torch.zeros(len(appeals), 1)], 1)  # last: nothing
        chosen = torch.logsumexp(appeals.masked_fill(~right, -torch.inf), 1)
        unlikely = (torch.logsumexp(appeals, 1) - chosen).mean() + _DECAY * (weights**2).sum()
        unlikely.backward()  # type: ignore[no-untyped-call]  # as torch ships it
        return unlikely

    optimiser.step(loss)  # type: ignore[no-untyped-call]  # torch.optim ships it so
    return (weights / spread).detach().numpy()


def _chunk(number: int) -> list[Offer]:
    rng = np.random.default_rng([1, number])
    kinds = rng.choice(list(_SHARES), CHUNK, p=list(_SHARES.values()))
    offers = (_offer(str(kind), rng) for kind in kinds)
    return [offer for offer in offers if offer is not None]


def _offer(kind: str, rng: Generator) -> Offer | None:
    """Draw one image twice; None if it offers nothing, or if what is right is not among what it offers."""
    recipe = MIXTURE[kind]
    mark = recipe.draw(source_of(TRAINING), rng)
    papers = recipe.kinds[: len(PAPERS)]  # thumbnails are not searched
    draw = papers[rng.integers(len(papers))]
    again = copy.deepcopy(rng)
    pixels = decode(draw(mark.mask, rng, TRAINING.style), Limits()).pixels
    truth = difference(pixels, decode(draw(mark.mask * FAINT, again, TRAINING.style), Limits()).pixels)
    empty = not mark.mask.any()
    found = candidates(pixels)
    right = np.array([truth is not None and not empty and _is_right(one, truth) for one in found], bool)
    if not found or not (right.any() or empty):
        return None
    return Offer(kind, np.array([[one.measure(name) for name in WEIGHTS] for one in found]), right)


def _is_right(candidate: Candidate, truth: Binary) -> bool:
    """Tell whether the candidate has most of the mark and little else, give or take a pixel at the edges."""
    kernel = np.ones((3, 3), np.uint8)
    core = cv2.erode(truth, kernel) > 0
    core = core if core.any() else truth > 0
    covered = (cv2.dilate(candidate.mask, kernel) > 0)[core].mean()
    within = (cv2.dilate(truth, kernel, iterations=2) > 0)[candidate.mask > 0].mean()
    return bool(min(covered, within) > _OVERLAP)


def _stacked(offers: Sequence[Offer]) -> tuple[Tensor, Tensor, Tensor]:
    """Measures (N, n, m), which are offered (N, n), and what is right (N, n + 1), the last is nothing."""
    most, width = max(len(offer.right) for offer in offers), len(WEIGHTS)
    measures = torch.zeros(len(offers), most, width, dtype=torch.float64)
    offered = torch.zeros(len(offers), most, dtype=torch.bool)
    right = torch.zeros(len(offers), most + 1, dtype=torch.bool)
    for row, offer in enumerate(offers):
        count = len(offer.right)
        measures[row, :count] = torch.from_numpy(offer.measures)
        offered[row, :count] = True
        right[row, :count] = torch.from_numpy(offer.right)
        right[row, most] = not offer.right.any()
    return measures, offered, right


def _chosen_rightly(offers: Sequence[Offer], weights: NDArray[np.float64]) -> dict[str, list[bool]]:
    chosen = defaultdict(list)
    for offer in offers:
        appeals = offer.measures @ weights
        best = int(appeals.argmax())
        chosen[offer.kind].append(bool(offer.right[best]) if offer.right.any() else bool(appeals[best] < 0))
    return chosen


if __name__ == "__main__":
    with interruptible("Nothing has been written."):
        main()
