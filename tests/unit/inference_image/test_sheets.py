"""Where the sheet lies that one writes on."""

import warnings

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inference_image.finding import find_digits
from inference_image.ink import Sizes
from inference_image.sheets import lightest, only_on, outlined

Scene = NDArray[np.float64]  # (height, width, 3)

CORNERS = np.array([(90, 70), (300, 50), (320, 230), (70, 250)], np.int32)
PAPER = (225.0, 222.0, 210.0)
DESKS = {"wood": (170.0, 120.0, 75.0), "dark wood": (80.0, 50.0, 30.0), "cloth": (90.0, 110.0, 190.0)}


def _desk(colour: tuple[float, ...]) -> Scene:
    """Grain along it, as wood has."""
    rows = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 8, (300, 1)), (1, 5), 1)
    return np.full((300, 400, 3), colour) + rows.reshape(300, 1, 1)


def _on(desk: Scene, paper: tuple[float, ...] = PAPER) -> Scene:
    return cv2.fillConvexPoly(desk.copy(), CORNERS, paper).astype(np.float64)


def _taken(scene: Scene) -> Sizes:
    noise = np.random.default_rng(1).normal(0, 3, scene.shape)
    return Sizes.of(cv2.GaussianBlur(scene + noise, (0, 0), 1).clip(0, 255).astype(np.uint8))


def _fit(sheet: NDArray[np.uint8] | None, sizes: Sizes) -> float:
    """Of what is marked or should be, the share that is both."""
    assert sheet is not None
    true = cv2.fillConvexPoly(np.zeros(sizes.picture.shape[:2], np.uint8), CORNERS, 1)
    both = sheet + cv2.resize(true, sheet.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return float((both == 2).sum() / (both > 0).sum())


@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize("shade", [1.0, 0.5])
def test_a_sheet_on_a_desk_is_outlined_also_where_half_of_it_is_in_the_shade(desk: str, shade: float) -> None:
    scene = _on(_desk(DESKS[desk]))
    scene[:, 200:] *= shade
    sizes = _taken(scene)
    assert _fit(lightest(sizes), sizes) > 0.9


@pytest.mark.parametrize("paper", [PAPER, (215.0, 185.0, 130.0)], ids=["white", "brown"])
def test_a_sheet_is_outlined_on_a_cloth_whose_checks_are_lighter_and_have_less_colour(
    paper: tuple[float, ...],
) -> None:
    rows, columns = np.mgrid[:300, :400] // 16 % 2
    checks = np.array([(245.0, 245.0, 245.0), (150.0, 170.0, 210.0), (60.0, 90.0, 170.0)])[rows + columns]
    sizes = _taken(_on(checks, paper))
    assert _fit(lightest(sizes), sizes) > 0.85


def test_black_is_no_paper_though_it_has_no_colour_either() -> None:
    sizes = _taken(_on(_desk((25.0, 25.0, 25.0)), paper=(235.0, 225.0, 120.0)))
    assert _fit(lightest(sizes), sizes) > 0.9


def test_light_that_falls_off_makes_no_sheet() -> None:
    rows, columns = np.mgrid[-1:1:300j, -1:1:400j]
    light = np.exp(-(rows**2 + columns**2))
    assert lightest(_taken(light[..., None] * PAPER)) is None


def test_paper_that_fills_the_picture_is_no_sheet_among_other_things() -> None:
    assert lightest(_taken(np.full((300, 400, 3), PAPER))) is None


def test_a_sheet_is_seen_as_if_it_went_on_around_it() -> None:
    scene = _on(_desk(DESKS["dark wood"]))
    cv2.line(scene, (150, 120), (150, 180), (40.0, 40.0, 60.0), 6)
    sizes = _taken(scene)
    sheet = lightest(sizes)
    assert sheet is not None
    [dark] = only_on(sheet, sizes, [False])
    within, beyond = cv2.erode(sheet, np.ones((11, 11))) > 0, cv2.dilate(sheet, np.ones((3, 3))) == 0
    box = cv2.boundingRect((within & (dark.searched > 60)).view(np.uint8))
    assert box == pytest.approx((94, 75, 4, 42), abs=3)  # 256 pixels of what are 400
    assert np.abs(dark.searched[beyond]).max() < 1e-3
    assert np.median(np.abs(dark.sizes.searched[beyond] - PAPER)) < 8


def test_the_outline_of_a_part_is_convex() -> None:
    corner = np.zeros((50, 60), np.uint8)
    corner[10:40, 10:15] = corner[35:40, 10:45] = 1
    filled = outlined(corner)
    assert filled[30, 20] == 1
    assert filled[12, 40] == 0
    assert not (corner > filled).any()


def test_where_a_sheets_outline_is_the_pictures_own_nothing_is_warned_of() -> None:
    ramp = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (5, 1))
    ramp[2] = 255 - ramp[2]
    with warnings.catch_warnings(action="error"):
        find_digits(np.dstack([ramp] * 3))
