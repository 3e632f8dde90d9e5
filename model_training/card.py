"""The model card: a page and three pictures."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from inference_image.reading import Reading
from model_training.data import HELD_OUT, VALIDATION

COLUMNS = ("images", "count", "accuracy", "95 % interval", "over seeds", "rejected")
TEXT = """# Model card: {version}

Written by `make evaluate`; the figures are those of the weights in `inference_image/weights/`.

**What it does.** It reads one handwritten digit from an image and says how sure it is, and whether the
image shows a digit at all. It is not for several digits, for letters, or for anything that a wrong
answer could harm: it does not replace a person who checks.

**Data.** {data}, {licence}. Training also sees digits of it drawn on canvases, scans, boards,
photographs and scenes that `model_training/generator.py` computes, digits of typefaces that look written, and
letters, numbers, signs, drawings, things, scribbles and noise that are no digits. No upload of any user is
in it.

**Figures.** {count} epochs. MNIST's test part took no part in training, selection or
calibration. The other kinds are drawn from {held_out:,} digits of MNIST's training part that neither trained
nor calibrated, in a style of their own: other blur, other noise, other typefaces, shadows that are round or a
hand's. Their writers are not new: MNIST does not say whose a digit is, and nearly all of the 250 of its
training part are in each share of it; its test part has others. As in training are drawn, but with these
typefaces, canvas, coarse, tiny, noise, solid and what lies on a photograph among scenes; the drawings, shapes
and scribbles that are half of what is no digit; and the six things. "Other writers" are the digits that
scikit-learn carries; "coarse" imitates their form. "Rejected" is the share with `is_digit` below one half; it
is the probability of a digit among uploads of which seven in eight show one, and its calibration error is
measured so. Another {validation:,} digits, as they are and drawn in the training style, calibrated, and
choose among seeds where there are several.

**How far to trust them.** How the digit is found was fitted and tuned on drawn images of the training style,
and looked at on others of the style that measures, of the same digits; the images
of this table come from {origin}.
"Other writers" and MNIST's test part changed nothing. "Over seeds" is the mean and standard deviation of
runs that differ in their seed, and in the machine at most; empty where only one was measured.
What each read of the {validation:,} digits that choose, the shipped weights first: {seeds}.

{table}

{summary}

Of these images, too, are the pictures; of "other writers" no errors are shown.

![Reliability: confidence against accuracy](model-card/reliability.png)
![Confusion matrix: rows are true, columns are predicted](model-card/confusion.png)
![The surest errors: the upload, what the network saw, true as predicted](model-card/errors.png)

**Limits.** The photographs are imitations. MNIST's writers were American; the upstroke of Europe's 1, the bar
of its 7 and a slash through a 0 are drawn into some of their digits, all else that others write differently
only typefaces show. Digits that touch a frame, cross a ruled line of their own colour, lie beside a pen or
under a hard shadow, or are drawn on a photograph are where it fails most. Single letters that look like a
digit, signs, signatures and receipts are often taken for one.

**Version.** {version}, made {made}, preprocessing {preprocessing}, PyTorch {torch}.
"""


def write(
    folder: Path,
    sidecars: Sequence[Mapping[str, Any]],
    rows: Sequence[Sequence[str]],
    summary: Sequence[Sequence[str]],
    seed: int | None,
) -> None:
    """Write `model-card.md`. The first sidecar is that of the shipped weights, the others of other seeds.

    `seed` is that of the images, None if it is the version's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sidecar = sidecars[0]
    settings = sidecar["settings"]
    text = TEXT.format(
        version=sidecar["version"],
        data=sidecar["data"]["name"],
        licence=sidecar["data"]["licence"],
        origin="a seed that is this\nversion's own" if seed is None else f"seed {seed}",
        held_out=HELD_OUT,
        validation=VALIDATION,
        count=settings["epochs"] + settings["finishing"],
        seeds=", ".join(
            f"seed {one['settings']['seed']} {one['accuracy']['validation']:.2%}" for one in sidecars
        ),
        table=_table((COLUMNS, ("---",) * len(COLUMNS), *rows)),
        summary=_table((("over all kinds, MNIST test apart", ""), ("---", "---"), *summary)),
        made=sidecar["made"],
        preprocessing=sidecar["preprocessing_version"],
        torch=sidecar["torch"],
    )
    (folder / "model-card.md").write_text(text, encoding="utf-8")


def draw(
    folder: Path,
    bins: NDArray[np.float64],
    matrix: NDArray[np.int64],
    errors: Sequence[tuple[bytes, int, Reading]],
) -> None:
    """Draw the card's pictures: reliability (15, 3), confusion matrix (10, 10), and a sheet of errors."""
    pictures = folder / "model-card"
    pictures.mkdir(parents=True, exist_ok=True)
    _reliability(bins).savefig(pictures / "reliability.png", dpi=100, bbox_inches="tight")
    _confusion(matrix).savefig(pictures / "confusion.png", dpi=100, bbox_inches="tight")
    _sheet(errors).save(pictures / "errors.png", optimize=True)


def _reliability(bins: NDArray[np.float64]) -> Figure:
    counts, confidence, accuracy = bins[bins[:, 0] > 0].T
    figure = Figure(figsize=(4.5, 4.5))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="lightgray")
    axes.scatter(confidence, accuracy, s=20 + 20 * np.log10(counts))
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


def _confusion(matrix: NDArray[np.int64]) -> Figure:
    figure = Figure(figsize=(5, 5))
    axes = figure.subplots()
    axes.imshow(np.log1p(matrix), cmap="Blues")
    for (true, predicted), count in np.ndenumerate(matrix):
        if count:
            dark = count > matrix.max() / 20
            axes.text(
                predicted,
                true,
                f"{count}",
                ha="center",
                va="center",
                color="white" if dark else "black",
                size=7,
            )
    axes.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    return figure


def _sheet(errors: Sequence[tuple[bytes, int, Reading]]) -> Image.Image:
    across, cell = 8, (170, 130)
    sheet = Image.new("RGB", (across * cell[0], max(1, -(-len(errors) // across)) * cell[1]), "slategray")
    pen = ImageDraw.Draw(sheet)
    for number, (file, true, reading) in enumerate(errors):
        left, top = number % across * cell[0], number // across * cell[1]
        upload = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGBA")
        upload.thumbnail((104, 104))
        sheet.paste(upload, (left + 2, top + 2), upload)
        sheet.paste(Image.fromarray(reading.seen.pixels).resize((56, 56)), (left + 110, top + 2))
        answer = reading.answer
        pen.text(
            (left + 4, top + 110), f"{true} as {answer.predicted}  {answer.confidence:.2f}", fill="white"
        )
    return sheet


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
