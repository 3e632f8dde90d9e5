"""Ink is measured alike from afar and close by, and is a share of the light that is there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inference_image.ink import MAP_SIDE, Sizes, find_ink, reduced, under_light

STROKE = slice(60, 120), slice(95, 105)  # rows, columns


def _paper(*, shape: tuple[int, int] = (180, 240), darkest: float = 1.0) -> NDArray[np.float64]:
    """Paper of (height, width, 3) under light that falls off to the right, with a stroke of a third of it."""
    light = np.linspace(1, darkest, shape[1])[None, :, None]
    paper = np.full((*shape, 3), (230.0, 225.0, 215.0)) * light
    paper[STROKE] *= 0.3
    return paper


def _sizes(paper: NDArray[np.float64]) -> Sizes:
    return Sizes.of(np.rint(paper).astype(np.uint8))


@pytest.mark.parametrize("darkest", [1.0, 0.4])
def test_a_close_up_shows_the_same_ink_as_the_whole(darkest: float) -> None:
    for inked in find_ink(_sizes(_paper(darkest=darkest))):
        assert inked.close_up(*STROKE) == pytest.approx(inked.searched[STROKE], abs=0.01)


def test_ink_in_the_shade_counts_as_much_as_in_the_light() -> None:
    paper = _paper(shape=(360, 500), darkest=0.3)
    paper[60:120, 400:410] *= 0.3
    dark = under_light(_sizes(paper))[0]
    lit, shaded = (dark.close_up(slice(70, 110), slice(at, at + 4)).mean() for at in (98, 403))
    assert shaded == pytest.approx(lit, rel=0.15)


def test_paper_without_ink_has_none_wherever_the_light_falls() -> None:
    paper = _paper(darkest=0.5)
    paper[STROKE] /= 0.3
    for inked in under_light(_sizes(paper)):
        assert np.abs(inked.searched).max() < 5


@pytest.mark.parametrize("turned", [False, True], ids=["dark ink", "light ink"])
def test_of_what_is_narrow_the_edge_of_a_shadow_is_none_and_grainy_paper_is_about_0(*, turned: bool) -> None:
    paper = _paper(shape=(360, 500))
    paper[:, 250:] *= 0.5
    paper += np.random.default_rng(0).normal(0, 4, (360, 500, 1))
    inked = under_light(_sizes(255 - paper if turned else paper))[int(turned)].narrowed
    scale = inked.searched.shape[0] / 360
    stroke = inked.searched[
        tuple(slice(int(at.start * scale) + 2, int(at.stop * scale) - 1) for at in STROKE)
    ]
    edge = inked.searched[:, int(240 * scale) : int(260 * scale)]
    assert np.median(inked.searched) == pytest.approx(0, abs=0.5)
    assert edge.max() < 0.3 * stroke.mean()


def test_a_strip_of_a_dark_desk_along_the_edge_is_no_stronger_ink_than_black_strokes() -> None:
    paper = _paper(shape=(360, 500))
    paper[:, -12:] = 12
    dark, _ = under_light(_sizes(paper))
    assert dark.narrowed.searched.max() < 255 * dark.axis.sum()


def test_light_ink_is_told_from_dark_ink() -> None:
    [dark] = find_ink(_sizes(_paper()))
    [light] = find_ink(_sizes(255 - _paper()))
    assert (dark.inverted, light.inverted) == (False, True)
    assert light.searched == pytest.approx(dark.searched, abs=0.1)


@pytest.mark.parametrize("shape", [(256, 256, 3), (300, 401, 3), (777, 513, 3), (1, 799, 3), (700, 1, 3)])
def test_reducing_keeps_the_proportions_and_the_mean(shape: tuple[int, ...]) -> None:
    image = np.tile(np.array([[[10, 120, 240]]], np.uint8), (*shape[:2], 1))
    image[:, shape[1] // 2 :] //= 2
    small = reduced(image, MAP_SIDE)
    assert max(small.shape) == MAP_SIDE
    assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.02) or 1 in shape
    assert small.mean() == pytest.approx(image.mean(), rel=0.02)


@pytest.mark.parametrize("side", [MAP_SIDE, 380, 500, 511, 620, 1023])
def test_reducing_loses_no_line_between_two_pixels(side: int) -> None:
    for at in range(side // 3, side // 3 + 4):
        image = np.zeros((side, side), np.uint8)
        image[:, at] = 255
        assert reduced(image, MAP_SIDE).max() > 255 * 0.4 * MAP_SIDE / side


@pytest.mark.parametrize("shade", [0, 255])
def test_where_there_is_no_light_at_all_there_is_no_ink(shade: int) -> None:
    for inked in under_light(Sizes.of(np.full((200, 300, 3), shade, np.uint8))):
        assert np.abs(inked.searched).max() == pytest.approx(0, abs=1e-3)


def _written_in(ink: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Put half of a sheet in the shade, and a stroke on either half: of the light the ink leaves a share."""
    paper = _paper(shape=(360, 500))
    paper[STROKE] /= 0.3
    paper[60:120, 95:105] *= ink
    paper[60:120, 395:405] *= ink
    paper[:, 250:] *= 0.5
    return paper


def test_by_its_hue_ink_counts_as_much_in_the_shade_and_shade_is_none() -> None:
    hue = under_light(_sizes(_written_in(np.array([0.3, 0.4, 0.8]))))[0].coloured
    lit, shaded = (hue.close_up(slice(70, 110), slice(at, at + 4)).mean() for at in (98, 398))
    assert lit > 50
    assert shaded == pytest.approx(lit, rel=0.15)
    assert np.abs(hue.close_up(slice(0, 360), slice(150, 350))).max() < 0.1 * lit


def test_grey_ink_and_black_pictures_have_no_hue() -> None:
    for picture in (_written_in(0.3), np.zeros((360, 500, 3))):
        assert np.abs(under_light(_sizes(picture))[0].coloured.searched).max() < 5
