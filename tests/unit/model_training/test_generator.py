"""The generator, on digits that are drawn here: MNIST itself is not needed."""

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from inference_image.preprocessing import preprocess, stroke_width
from model_training import kinds
from model_training.data import Digits
from model_training.generator import MIXTURE
from model_training.kinds import Kind, Style
from model_training.marks import HEIGHT, NOT_A_DIGIT, TYPEFACES, Source, other, typed, written
from model_training.rendering import Digit, Mask, Sheet, bar, enlarged, holes, plain, restroked, thickened
from model_training.things import THINGS


def _one() -> Digit:
    return _line((16, 4), (12, 23))


def _line(*points: tuple[int, int]) -> Digit:
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).line(points, 255, 3)
    return np.asarray(image)


def _source(image: Digit, digit: int) -> Source:
    return Source.training(Digits(image[None], np.array([digit])))


SOURCE = _source(_one(), 1)
KINDS = sorted({kind for recipe in MIXTURE.values() for kind in recipe.kinds}, key=lambda kind: kind.__name__)
STYLES = [kinds.TRAINING, kinds.HELD_OUT]


@pytest.mark.parametrize("style", STYLES, ids=["training", "held out"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_a_file_that_preprocessing_reads(kind: Kind, style: Style) -> None:
    rng = np.random.default_rng(0)
    for _ in range(2):
        assert preprocess(kind(written(SOURCE, rng).mask, rng, style))[0].pixels.shape == (28, 28)


def test_the_same_seed_draws_the_same_file() -> None:
    files = [
        kinds.photo(written(SOURCE, rng).mask, rng, kinds.TRAINING)
        for rng in (np.random.default_rng(7), np.random.default_rng(7))
    ]
    assert files[0] == files[1]


def test_marks_know_what_they_show() -> None:
    rng = np.random.default_rng(0)
    assert written(SOURCE, rng).digit == 1
    assert {typed(SOURCE, rng).digit for _ in range(60)} == set(range(10))
    assert {other(SOURCE, rng).digit for _ in range(20)} == {NOT_A_DIGIT}


def _drawn(source: Source) -> list[tuple[Mask, float]]:
    """Take many marks as 0 or 255, each with the width of its pen."""
    masks = [written(source, np.random.default_rng(seed)).mask > 0.5 for seed in range(60)]
    bold = [np.where(mask, np.float32(255), np.float32(0)) for mask in masks]
    return [(mask, stroke_width(mask)) for mask in bold]


def test_some_zeros_are_crossed() -> None:
    along = np.arange(28) - 13.5
    ring = np.abs(np.hypot(along, along[:, None]) - 9) < 1.5
    plain = _source(ring * np.uint8(255), 0)
    assert 0.03 < np.mean([holes(mask / np.float32(255)) > 1 for mask, _ in _drawn(plain)]) < 0.25


def test_some_ones_have_an_upstroke() -> None:
    upright = _source(_line((14, 4), (14, 23)), 1)
    widths = [(mask.any(0).sum(), pen) for mask, pen in _drawn(upright)]
    assert 0.1 < np.mean([width - pen > 0.15 * HEIGHT for width, pen in widths]) < 0.4


def test_some_sevens_have_a_bar() -> None:
    plain = _source(_line((6, 5), (20, 5), (11, 23)), 7)
    # Below the corner there is the stem, and the bar or none.
    widths = [((mask[int(0.4 * len(mask)) :] > 0).sum(1).max(), pen) for mask, pen in _drawn(plain)]
    assert 0.1 < np.mean([width - pen > 0.15 * HEIGHT for width, pen in widths]) < 0.4


def test_masks_are_coverage() -> None:
    rng = np.random.default_rng(0)
    for draw in (written, typed, other):
        for _ in range(20):
            mask = draw(SOURCE, rng).mask
            assert 0 <= mask.min() <= mask.max() <= 1
            assert mask.max() > 0.5


def test_the_mixture_has_every_kind_of_nothing() -> None:
    assert {"not a digit", "blank", "noise", "solid"} <= MIXTURE.keys()


def test_training_and_measuring_use_other_typefaces_and_another_style() -> None:
    held_out = Source.held_out(SOURCE.digits)
    assert not set(SOURCE.handwriting) & set(held_out.handwriting)
    assert not set(SOURCE.print) & set(held_out.print)
    assert not held_out.plotted  # OpenCV draws all of its faces alike
    assert kinds.TRAINING != kinds.HELD_OUT


@pytest.mark.parametrize("part", ["training", "held-out"])
def test_every_typeface_lies_beside_its_licence_and_has_all_digits(part: str) -> None:
    typefaces = sorted((TYPEFACES / part).glob("*.woff2"))
    assert len(typefaces) >= 6
    for typeface in typefaces:
        assert re.search("SIL Open Font License|Apache License", typeface.with_suffix(".LICENSE").read_text())
        font = ImageFont.truetype(typeface, 40)
        shapes = {bytes(font.getmask(digit)) for digit in "0123456789"}
        assert len(shapes) == 10  # what it lacks would be one and the same box


def test_a_stroke_gets_the_width_that_is_asked_for() -> None:
    digit = enlarged(_one(), 200)
    for width in (6, 30):
        across = (restroked(digit, width) > 0.5).sum(axis=1)
        assert np.median(across) == pytest.approx(width, abs=3)
    assert thickened(digit, 10).sum() > digit.sum() > thickened(digit, -10).sum()


def test_a_canvas_may_have_nothing_behind_the_strokes() -> None:
    rng = np.random.default_rng(1)
    files = [kinds.canvas(written(SOURCE, rng).mask, rng, kinds.TRAINING) for _ in range(30)]
    assert {Image.open(io.BytesIO(file)).mode for file in files} >= {"RGB", "RGBA"}


def test_a_form_keeps_clear_of_what_is_written_on_it_and_may_run_on_beyond_the_paper() -> None:
    rng, mask = np.random.default_rng(0), np.zeros((200, 240), np.float32)
    mask[80:130, 60:90] = 1
    forms = [kinds.form(mask, rng) > 0 for _ in range(100)]
    assert all(form.any() for form in forms)
    assert np.mean([form[mask > 0].any() for form in forms]) < 0.02
    assert 0.2 < np.mean([form[:, 0].any() and form[:, -1].any() for form in forms]) < 0.6


def test_a_form_may_be_empty() -> None:
    rng = np.random.default_rng(0)
    assert all(kinds.form(np.zeros((150, 150), np.float32), rng).any() for _ in range(20))


def test_a_bar_is_as_wide_as_is_asked_for_give_or_take_its_edges_and_has_round_ends() -> None:
    drawn = bar((40, 100), np.array([20.0, 15.0]), np.array([80.0, 15.0]), 11)
    assert [drawn[:, 50].sum(), drawn[15].sum()] == pytest.approx([11, 60 + 11], abs=2)
    assert drawn[10, 20] == 1
    assert drawn[10, 15] == 0


@pytest.mark.parametrize("draw", THINGS, ids=lambda draw: draw.__name__)
def test_every_thing_can_be_photographed(draw: Callable[[kinds.Frame, Generator], Sheet]) -> None:
    rng = np.random.default_rng(0)
    for frame in (kinds.Frame(300, 420), kinds.Frame(420, 300)):
        picture = draw(frame, rng)
        assert picture.shape == (*frame, 3)
        assert np.isfinite(picture).all()


def test_the_rings_of_a_notebook_cover_nothing_that_is_written() -> None:
    drawn = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        kept = kinds.anywhere(written(SOURCE, rng).mask, kinds.Frame(400, 300), rng, smallest=0.4) > 0.1
        sheet = plain(400, 300, kinds.WHITE)
        changed = (kinds.bound(sheet, kept, rng) != sheet).any(axis=2)
        assert not (changed & kept).any()
        drawn += changed.any()
    assert 0 < drawn < 20
