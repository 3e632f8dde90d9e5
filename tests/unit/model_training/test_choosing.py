"""The fit of how the digit is chosen, on offers that are made up."""

import numpy as np

from inference_image.choosing import WEIGHTS
from model_training.choosing import Offer, drawn, fit

NAMES = list(WEIGHTS)


def _offers(count: int, name: str) -> list[Offer]:
    """Images of three parts; right is the one with the most of one measure. Every fourth image is empty."""
    rng = np.random.default_rng(0)
    offers = []
    for number in range(count):
        empty = number % 4 == 0
        measures = rng.normal(0, 1, (3, len(NAMES)))
        measures[:, 0] = 1
        measures[:, NAMES.index(name)] -= 3 * empty
        right = measures[:, NAMES.index(name)] == measures[:, NAMES.index(name)].max()
        offers.append(Offer("made up", measures, right & (not empty)))
    return offers


def test_the_measure_that_tells_what_is_right_gets_the_weight() -> None:
    weights = fit(_offers(200, "contrast"))
    assert NAMES[int(np.abs(weights).argmax())] == "contrast"
    assert weights[NAMES.index("contrast")] > 1


def test_an_empty_image_offers_nothing_that_appeals() -> None:
    offers = _offers(200, "contrast")
    weights = fit(offers)
    empty = [float((offer.measures @ weights).max()) < 0 for offer in offers if not offer.right.any()]
    assert np.mean(empty) > 0.8


def test_images_that_are_drawn_offer_the_mark_and_say_that_it_is_right() -> None:
    offers = drawn(50)
    assert offers
    for offer in offers:
        assert offer.measures.shape == (len(offer.right), len(NAMES))
        assert np.isfinite(offer.measures).all()
        assert offer.right.any() == (offer.kind not in {"blank", "empty scene", "noise"})
