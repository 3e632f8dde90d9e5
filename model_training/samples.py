"""Draw `samples/`: digits of MNIST's test part, in the shapes that people upload.

`python -m model_training.samples`. The same digits come out as the same pixels every time.
"""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from model_training import data
from model_training.interrupts import interruptible
from model_training.kinds import BLACK, WHITE, turned
from model_training.rendering import (
    Digit,
    Mask,
    blurred,
    enlarged,
    exposed,
    grained,
    inked,
    lit,
    placed,
    plain,
    restroked,
    ruled,
    shadowed,
    thickened,
    tilted,
)

FOLDER = Path(__file__).parents[1] / "samples"
BALLPOINT, PENCIL, MARKER = (35.0, 50.0, 140.0), (95.0, 95.0, 100.0), (25.0, 30.0, 40.0)

Save = Callable[[Digit, Path, Generator], None]


def main() -> None:
    """Write the images and `labels.csv`."""
    test = data.load().test
    rows = []
    for number, (name, digit, save) in enumerate(SAMPLES):
        nth = sum(other == digit for _, other, _ in SAMPLES[:number])  # no image twice
        image = test.images[np.flatnonzero(test.labels == digit)[nth]]
        save(image, FOLDER / name, np.random.default_rng(number))
        rows.append((name, digit))
    with (FOLDER / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("file", "true"), *rows])


def mnist(digit: Digit, path: Path, _: Generator) -> None:
    Image.fromarray(digit).save(path)


def canvas(
    ink: tuple[float, float, float],
    paper: tuple[float, float, float] | None,
    side: int = 280,
    brush: float = 18,
) -> Save:
    """Draw with a round brush on a square; without `paper` the background is transparent."""

    def save(digit: Digit, path: Path, rng: Generator) -> None:
        drawn = restroked(enlarged(digit, round(side * 0.62)), brush)
        mask = _somewhere(drawn, side, side, rng)
        if paper is None:
            rgba = np.dstack(
                [inked(plain(side, side, BLACK), (mask > 0).astype(np.float32), ink), mask * 255]
            )
            Image.fromarray(exposed(rgba), "RGBA").save(path)
        else:
            Image.fromarray(exposed(inked(plain(side, side, paper), mask, ink))).save(path, quality=85)

    return save


def corner(digit: Digit, path: Path, _: Generator) -> None:
    mask = placed(restroked(enlarged(digit, 110), 9), 480, 640, 500, 350)
    Image.fromarray(exposed(inked(plain(480, 640, WHITE), mask, BLACK))).save(path)


def tiny(digit: Digit, path: Path, _: Generator) -> None:
    mask = placed(enlarged(digit, 60), 80, 80, 20, 10)
    Image.fromarray(exposed(inked(plain(80, 80, WHITE), mask, BLACK))).resize((16, 16)).save(path)


def huge(digit: Digit, path: Path, _: Generator) -> None:
    mask = placed(enlarged(digit, 2100), 3000, 3000, 700, 450)
    Image.fromarray(exposed(inked(plain(3000, 3000, WHITE), mask, BLACK))).convert("1").save(
        path, optimize=True
    )


def scan(digit: Digit, path: Path, rng: Generator) -> None:
    sheet = inked(
        plain(220, 180, (238, 236, 228)), _somewhere(enlarged(digit, 120), 220, 180, rng), (70, 70, 80)
    )
    speckled = exposed(grained(blurred(sheet, 0.8), 7, 1, rng))
    speckled[rng.random(speckled.shape[:2]) < 0.002] = 0
    Image.fromarray(speckled).convert("L").save(path)


def board(chalk: tuple[float, float, float], slate: tuple[float, float, float]) -> Save:
    def save(digit: Digit, path: Path, rng: Generator) -> None:
        mask = _somewhere(thickened(enlarged(digit, 170), 2), 360, 480, rng)
        grain = rng.uniform(0.45, 1, mask.shape).astype(np.float32) if sum(slate) < 300 else 1.0
        sheet = inked(grained(plain(360, 480, slate), 6, 12, rng), mask * grain, chalk)
        Image.fromarray(exposed(lit(blurred(sheet, 0.7), 0.7, 0.6))).save(path, quality=80)

    return save


def photo(ink: tuple[float, float, float], *, paper: str, orientation: int = 1) -> Save:
    """Photograph paper on a desk: uneven light, a shadow, perspective, blur, noise, and the camera's turn."""

    def save(digit: Digit, path: Path, rng: Generator) -> None:
        height, width = 720, 960
        sheet = grained(plain(height, width, (228, 224, 214)), 3, 3, rng)
        if paper != "blank":
            sheet = ruled(sheet, 48, (170, 190, 215), squared=paper == "squared", thickness=2)
        drawn = restroked(enlarged(digit, 230), 11)
        sheet = inked(sheet, _somewhere(drawn, height, width, rng), ink, 0.92)
        corners = np.array([[60, 40], [920, 70], [950, 700], [20, 690]], np.float32) + rng.uniform(
            -15, 15, (4, 2)
        )
        desk = plain(height, width, (96, 70, 52))
        view = tilted(sheet, corners.astype(np.float32), desk)
        light = shadowed(lit(view, 0.6, 0.9), 0.72, rng.uniform(0, 6), 0.62, 0.02)
        taken = exposed(grained(blurred(light, 1.1), 4, 1, rng))
        path.write_bytes(turned(taken, orientation, quality=72))

    return save


def _somewhere(mask: Mask, height: int, width: int, rng: Generator) -> Mask:
    room = np.maximum((height - mask.shape[0], width - mask.shape[1]), 1)
    top, left = (room * rng.uniform(0.3, 0.7, 2)).astype(int)
    return placed(mask, height, width, int(left), int(top))


SAMPLES: list[tuple[str, int, Save]] = [
    ("mnist-1.png", 7, mnist),
    ("mnist-2.png", 0, mnist),
    ("canvas-transparent-1.png", 0, canvas(BLACK, None)),
    ("canvas-transparent-2.png", 3, canvas((30, 90, 220), None)),
    ("canvas-transparent-white-ink.png", 5, canvas(WHITE, None)),
    ("canvas-white-1.png", 2, canvas(BLACK, WHITE)),
    ("canvas-white-2.png", 8, canvas(BLACK, WHITE, side=500, brush=6)),
    ("canvas-white-thick.png", 6, canvas(BLACK, WHITE, brush=30)),
    ("canvas-dark.png", 4, canvas((120, 230, 160), (24, 26, 32))),
    ("canvas-coloured.webp", 9, canvas((200, 30, 60), (250, 225, 120), side=400, brush=22)),
    ("canvas.jpg", 1, canvas(BLACK, WHITE, side=300, brush=14)),
    ("white-on-black-1.png", 7, canvas(WHITE, BLACK)),
    ("white-on-black-2.gif", 1, canvas(WHITE, BLACK, side=200, brush=12)),
    ("tiny.png", 2, tiny),
    ("huge.png", 3, huge),
    ("off-centre-1.png", 6, corner),
    ("off-centre-2.png", 4, corner),
    ("scan-1.png", 5, scan),
    ("scan-2.png", 9, scan),
    ("board-chalk.jpg", 8, board((235, 235, 228), (42, 58, 50))),
    ("board-marker.jpg", 0, board((40, 60, 150), (236, 238, 236))),
    ("photo-blank.jpg", 4, photo(BALLPOINT, paper="blank")),
    ("photo-ruled.jpg", 7, photo(BALLPOINT, paper="ruled")),
    ("photo-squared.jpg", 2, photo(MARKER, paper="squared")),
    ("photo-pencil.jpg", 1, photo(PENCIL, paper="blank")),
    ("photo-turned-right.jpg", 3, photo(BALLPOINT, paper="blank", orientation=6)),
    ("photo-turned-left.jpg", 6, photo(MARKER, paper="ruled", orientation=8)),
    ("photo-upside-down.jpg", 9, photo(MARKER, paper="blank", orientation=3)),
    ("photo-red-ink.jpg", 5, photo((190, 40, 45), paper="blank")),
    ("photo-shadow.jpg", 8, photo(MARKER, paper="blank")),
]

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with interruptible("The same command draws all of them again."):
        main()
