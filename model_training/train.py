"""Train the network: `python -m model_training.train`."""

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.torch import save_file
from scipy.optimize import minimize_scalar
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from inference_image.model import judged
from inference_image.network import Network, read
from inference_image.preprocessing import PREPROCESSING_VERSION
from model_training import arguments, data
from model_training.generator import CALIBRATION, TRAINING, Views, joined, seen, through
from model_training.interrupts import interruptible
from model_training.marks import NOT_A_DIGIT

FAMILY = "digits"
VERSION = f"{FAMILY}-2026.11.21"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Half the bits are twice the speed where the processor multiplies them itself, and as good.
HALVES = DEVICE == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
_ROUNDS = 5  # of the calibration: it settles in three
SHARE_OF_DIGITS = 7 / 8  # of uploads show one, it is assumed; where it is calibrated fewer do
_FREE = 1e6  # next to no regularisation
# Seeds of the images: a run with another seed trains on the same. 1 is that of `choosing`.
DRAWN, CALIBRATING = 0, 2
BUILD = Path(__file__).parents[1] / "build" / "training"
WEIGHTS = Path(__file__).parents[1] / "inference_image" / "weights"


@dataclass(frozen=True)
class Settings:
    """Everything that decides what comes out, together with the data and the version of PyTorch."""

    # Of the network and the order; the images are drawn with seeds of their own.
    seed: int = 1
    epochs: int = 24
    batch: int = 128
    learning_rate: float = 4e-3
    finishing: int = 6  # epochs after those, on images that are bent less: closer to what is to be read
    finishing_rate: float = 1e-3
    gentleness: float = 0.4  # how much of the bending is left then
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    averaging: float = 0.998  # of the weights, per step
    rejecting: float = 1.0  # weight of "is a digit" beside which digit
    generated: int = 56_000  # images of every kind, beside the 55,000 of MNIST
    calibration: int = 9_000
    rotation: float = 6.8  # degrees; this and what follows are standard deviations
    scaling: float = 0.068
    shear: float = 0.085
    shift: float = 0.85  # pixels
    elastic: float = 0.68  # pixels


@dataclass(frozen=True)
class Phase:
    """A part of the training with a schedule of its own."""

    name: str
    gentle: bool
    epochs: Callable[[Settings], int]
    rate: Callable[[Settings], float]
    schedule: Callable[[Optimizer, float, int], LRScheduler]  # of an optimiser, its highest rate, its steps


LEARNING = Phase(
    "learning",
    gentle=False,
    epochs=lambda settings: settings.epochs,
    rate=lambda settings: settings.learning_rate,
    schedule=lambda optimiser, rate, steps: OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2),
)
FINISHING = Phase(
    "finishing",
    gentle=True,
    epochs=lambda settings: settings.finishing,
    rate=lambda settings: settings.finishing_rate,
    schedule=lambda optimiser, _, steps: LinearLR(optimiser, 1.0, 0.0, steps),
)


@dataclass(frozen=True)
class Set:
    """Images as (N, 1, 28, 28) uint8 and their targets as (N,) int64: 0..9, or NOT_A_DIGIT."""

    images: Tensor
    targets: Tensor


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, calibrate, look once at the test part, write the weights and their sidecar."""
    settings, folder, weights = _chosen(arguments)
    torch.set_num_threads(len(os.sched_getaffinity(0)))

    mnist = data.load()
    with Progress() as progress:
        kept = partial(prepared, folder, progress)
        training = kept("training", len(mnist.training), partial(through, mnist.training))
        validation = kept("validation", len(mnist.validation), partial(through, mnist.validation))
        test = kept("test", len(mnist.test), partial(through, mnist.test))
        drawn = kept(f"drawn-{VERSION}", count := settings.generated, partial(seen, TRAINING, count, DRAWN))
        calibration = kept(
            f"calibration-{VERSION}",
            count := settings.calibration,
            partial(seen, CALIBRATION, count, CALIBRATING),
        )
    network, history = train(taught(training, drawn), _first(validation), settings, folder)
    _plot(history, folder / "curves.png")
    scales = calibrate(network, joined([validation, calibration]))
    sidecar = {
        "data": {"name": "MNIST, training part", "licence": "CC BY-SA 3.0", "sha256": data.SHA256},
        "settings": asdict(settings),
        "accuracy": {
            "validation": accuracy(network, _first(validation)),
            "test": accuracy(network, _first(test)),
        },
        "calibration": scales,
    }
    save(network, sidecar, weights)
    print(f"{VERSION}: {sidecar['accuracy']} written to {weights}")  # noqa: T201 - the command's answer


def train(
    training: Set, validation: Set, settings: Settings, folder: Path
) -> tuple[Network, list[dict[str, float]]]:
    """Learn from images that are bent a lot, then finish on images that are bent a little.

    An interrupted run goes on from the last checkpoint in `folder`, if that was made by this recipe.
    """
    torch.manual_seed(settings.seed)
    network = Network().to(DEVICE)
    history = run(LEARNING, network, training, validation, settings, folder)
    history += run(FINISHING, network, training, validation, settings, folder)
    return network, history


def run(  # noqa: PLR0913, PLR0917 - what one phase is of
    phase: Phase, network: Network, training: Set, validation: Set, settings: Settings, folder: Path
) -> list[dict[str, float]]:
    """Run the epochs of a phase, and leave the average of its weights in the network."""
    epochs, steps = phase.epochs(settings), len(training.targets) // settings.batch
    running_mean = get_ema_multi_avg_fn(settings.averaging)  # type: ignore[no-untyped-call]  # as torch ships it
    average = AveragedModel(network, multi_avg_fn=running_mean, use_buffers=True)
    optimiser = torch.optim.AdamW(
        network.parameters(), phase.rate(settings), weight_decay=settings.weight_decay, fused=True
    )
    schedule = phase.schedule(optimiser, phase.rate(settings), epochs * steps)
    parts = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    strength = settings.gentleness if phase.gentle else 1.0
    checkpoint = folder / f"{phase.name}-{settings.seed}.pt"
    history = _resume(checkpoint, parts, settings)

    with Progress() as progress:
        bar = progress.add_task(phase.name, total=epochs * steps, completed=len(history) * steps)
        for epoch in range(len(history), epochs):
            # An epoch that is resumed is the epoch it was.
            torch.manual_seed(settings.seed * 1000 + epoch + 500 * phase.gentle)
            order = torch.randperm(len(training.targets))[: steps * settings.batch].view(steps, -1)
            network.train()
            losses = torch.zeros(steps, device=DEVICE)
            for step, chosen in enumerate(order):
                here = training.images[chosen].to(DEVICE)
                with torch.autocast(DEVICE, torch.bfloat16, enabled=HALVES):
                    logits = network(augment(here, settings, strength))  # of (B, 1, 28, 28) in [0, 1]
                loss = loss_of(logits.float(), training.targets[chosen].to(DEVICE), settings)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # as torch ships it
                optimiser.step()
                schedule.step()
                average.update_parameters(network)
                losses[step] = loss.detach()
                progress.advance(bar)
            score = accuracy(average.module, validation)
            history.append({"loss": losses.mean().item(), "validation": score})
            progress.console.print(
                f"{phase.name} {epoch + 1:3}  loss {history[-1]['loss']:.4f}  validation {score:.4f}"
            )
            _checkpoint(checkpoint, parts, settings, history)
    network.load_state_dict(average.module.state_dict())
    return history


def augment(images: Tensor, settings: Settings, strength: float = 1.0) -> Tensor:
    """Turn, scale, shear, shift and bend each image, thicken or thin its strokes, vary its contrast.

    `strength` scales what moves ink. (B, 1, 28, 28) uint8 -> (B, 1, 28, 28) float32 in [0, 1].
    """
    count, image = len(images), images.float() / 255
    normal = partial(torch.randn, device=images.device)
    angle = normal(count) * np.deg2rad(settings.rotation) * strength
    stretch = torch.exp(normal(count, 2) * settings.scaling * strength)
    shear = normal(count) * settings.shear * strength
    cos, sin = angle.cos(), angle.sin()
    matrix = image.new_zeros(count, 2, 3)  # output coordinates to input coordinates, both in [-1, 1]
    matrix[:, 0, 0] = cos * stretch[:, 0]
    matrix[:, 0, 1] = (shear - sin) * stretch[:, 0]
    matrix[:, 1, 0] = sin * stretch[:, 1]
    matrix[:, 1, 1] = cos * stretch[:, 1]
    matrix[:, :, 2] = normal(count, 2) * settings.shift * strength / 14
    grid = functional.affine_grid(matrix, list(image.shape), align_corners=False)  # (B, 28, 28, 2)
    bend = normal(count, 2, 5, 5) * settings.elastic * strength / 14
    bend = functional.interpolate(bend, size=(28, 28), mode="bicubic", align_corners=True)  # (B, 2, 28, 28)
    image = functional.grid_sample(image, grid + bend.permute(0, 2, 3, 1), align_corners=False)
    thick = functional.max_pool2d(image, 3, 1, 1)
    thin = -functional.max_pool2d(-image, 3, 1, 1)
    weight = (normal(count, 1, 1, 1) * 0.25).clamp(-0.5, 1)
    image = image + weight.clamp(min=0) * (thick - image) - (-weight).clamp(min=0) * (image - thin)
    return image.clamp(0, 1) ** torch.exp(normal(count, 1, 1, 1) * 0.2)


def loss_of(logits: Tensor, targets: Tensor, settings: Settings) -> Tensor:
    """Cross entropy over the digits, and binary cross entropy of "is a digit" over everything."""
    shown = targets != NOT_A_DIGIT
    smoothing = settings.label_smoothing
    which = functional.cross_entropy(logits[shown, :10], targets[shown], label_smoothing=smoothing)
    whether = functional.binary_cross_entropy_with_logits(logits[:, 10], shown.float())
    return which + settings.rejecting * whether


@torch.inference_mode()
def logits_of(network: torch.nn.Module, images: Tensor) -> Tensor:
    """Read (N, 1, 28, 28) uint8 images as serving does: (N, 11) on the CPU."""
    network.eval()
    batches = torch.split(images, 500)
    return torch.cat([read(network, batch.to(DEVICE).float() / 255).cpu() for batch in batches])


def accuracy(network: torch.nn.Module, images: Set) -> float:
    """Count the share of the digits that are read as what they are."""
    shown = images.targets != NOT_A_DIGIT
    predicted = logits_of(network, images.images[shown])[:, :10].argmax(1)
    return (predicted == images.targets[shown]).double().mean().item()


def calibrate(network: Network, views: Views) -> dict[str, Any]:
    """Find the digits' temperature (Guo et al. 2017), and the weights of what tells that a view is a digit.

    Serving takes the view that looks most like a digit. So each is weighed, the best of each image is taken,
    and the weights are fitted to these, until that settles: multiple instances (Dietterich et al. 1997). The
    first is moved by how much rarer digits are there than in use (King and Zeng 2001).
    """
    logits = logits_of(network, _tensor(views.pixels)).double()
    shown, chosen = views.targets != NOT_A_DIGIT, np.flatnonzero(views.first)
    targets = torch.from_numpy(views.targets)
    for _ in range(_ROUNDS):
        digits = torch.from_numpy(chosen[shown[chosen]])
        temperature = _temperature(logits[digits, :10], targets[digits])
        which = torch.softmax(logits[:, :10] / temperature, 1)
        measures = judged(logits[:, 10].numpy(), which.numpy(), views.appeals)  # (N, 8), the first is 1
        fit = LogisticRegression(C=_FREE, fit_intercept=False, max_iter=10_000)
        weights = fit.fit(measures[chosen], shown[chosen]).coef_[0]
        chosen = _best(measures @ weights, views.examples)
    weights[0] += logit(SHARE_OF_DIGITS) - logit(shown[chosen].mean())
    return {"temperature": temperature, "is_digit": weights.tolist()}


def _temperature(logits: Tensor, targets: Tensor) -> float:
    """Find the number by which logits (N, 10) are divided for the highest likelihood of the targets."""
    return float(
        minimize_scalar(
            lambda temperature: functional.cross_entropy(logits / temperature, targets).item(),
            bounds=(0.05, 20),
        ).x
    )


def _best(scores: NDArray[np.float64], examples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which view (N,) of each example has the highest score: (number of examples,)."""
    order = np.lexsort((scores, examples))  # by example, within by score
    return order[np.flatnonzero(np.diff(examples[order], append=examples.max() + 1))]


def prepared(
    folder: Path, progress: Progress, name: str, count: int, prepare: Callable[[Callable[[int], None]], Views]
) -> Views:
    """Prepare views of `count` images, or take those that an earlier run left in `folder`."""
    file = folder / f"{name}-{count}-{PREPROCESSING_VERSION}.npz"
    if not file.exists():
        task = progress.add_task(f"preparing {name}", total=count)
        views = prepare(partial(progress.advance, task))
        unfinished = file.with_suffix(".part")
        with unfinished.open("wb") as opened:
            np.savez(opened, **vars(views))
        unfinished.replace(file)
    with np.load(file) as arrays:
        return Views(**arrays)


def taught(digits: Views, drawn: Views) -> Set:
    """MNIST as it is, of each drawn digit the likeliest view of it, and each view of what is no digit.

    Also of an image of a digit: what else stands out there, as a shadow or a pen, must not be taken for it.
    Digits that preprocessing loses altogether are left out: an empty image teaches nothing about them.
    """
    written = np.flatnonzero((drawn.shown >= 0) & drawn.pixels.any(axis=(1, 2)))
    _, likeliest = np.unique(drawn.examples[written], return_index=True)
    useful = np.concatenate([written[likeliest], np.flatnonzero(drawn.shown == NOT_A_DIGIT)])
    first, more = _first(digits), Set(_tensor(drawn.pixels[useful]), torch.from_numpy(drawn.shown[useful]))
    return Set(torch.cat([first.images, more.images]), torch.cat([first.targets, more.targets]))


def _first(views: Views) -> Set:
    return Set(_tensor(views.pixels[views.first]), torch.from_numpy(views.targets[views.first]))


def _tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels)[:, None]


def _resume(path: Path, parts: dict[str, Any], settings: Settings) -> list[dict[str, float]]:
    if not path.exists():
        return []
    state = torch.load(path, map_location=DEVICE, weights_only=True)
    if state.get("recipe") != _recipe(settings):
        return []
    for name, part in parts.items():
        part.load_state_dict(state[name])
    history: list[dict[str, float]] = state["history"]
    return history


def _checkpoint(
    path: Path, parts: dict[str, Any], settings: Settings, history: list[dict[str, float]]
) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    unfinished = path.with_suffix(".part")
    torch.save({**state, "recipe": _recipe(settings), "history": history}, unfinished)
    unfinished.replace(path)  # an interrupt leaves the last whole checkpoint


def _recipe(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings), "version": VERSION, "preprocessing_version": PREPROCESSING_VERSION}


def save(network: Network, sidecar: dict[str, Any], folder: Path) -> None:
    """Write the model, and leave it the only one of ours in its folder: serving loads no other folder."""
    name = f"{VERSION}.safetensors"
    weights, described = folder / f"{name}.part", folder / f"{VERSION}.json.part"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, weights)
    weights.chmod(0o644)  # it is written for its owner alone; in the image another user reads it
    about = {
        "version": VERSION,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": {"file": name, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()},
        "preprocessing_version": PREPROCESSING_VERSION,
        "torch": torch.__version__,
        **sidecar,
    }
    described.write_text(json.dumps(about, indent=2) + "\n")
    for unfinished in (weights, described):
        unfinished.replace(unfinished.with_suffix(""))
    for other in folder.glob(f"{FAMILY}-*.json"):
        its_weights = other.with_suffix(".safetensors")
        if other.stem != VERSION and its_weights.exists():
            other.unlink()
            its_weights.unlink()


def _plot(history: list[dict[str, float]], path: Path) -> None:
    figure = Figure(figsize=(8, 4.5))
    left = figure.subplots()
    epochs = range(1, len(history) + 1)
    left.plot(epochs, [epoch["loss"] for epoch in history], color="tab:gray")
    left.set(xlabel="epoch", ylabel="training loss", yscale="log")
    right = left.twinx()
    right.plot(epochs, [100 * epoch["validation"] for epoch in history], color="tab:blue")
    right.set(ylabel="validation accuracy (%)", ylim=(98, 100))
    figure.savefig(path, dpi=120, bbox_inches="tight")


def _chosen(given: Sequence[str] | None) -> tuple[Settings, Path, Path]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", type=arguments.seed, default=Settings.seed, help="of the network and the order"
    )
    parser.add_argument(
        "--epochs", type=arguments.positive, default=Settings.epochs, help="before the finishing ones"
    )
    parser.add_argument(
        "--generated",
        type=arguments.positive,
        default=Settings.generated,
        help="images beside MNIST's own, rounded up to two hundreds",
    )
    parser.add_argument(
        "--folder", type=arguments.folder, default=str(BUILD), help="images, checkpoint and curves"
    )
    parser.add_argument(
        "--weights",
        type=arguments.folder,
        default=str(WEIGHTS),
        help=f"where the trained model goes, in place of another {FAMILY}-* that is there",
    )
    chosen = parser.parse_args(given)
    settings = Settings(seed=chosen.seed, epochs=chosen.epochs, generated=chosen.generated)
    if chosen.weights.resolve() == WEIGHTS and settings != Settings():
        parser.error(f"what is shipped as {VERSION} has no options: say where this goes by --weights")
    return settings, chosen.folder, chosen.weights


if __name__ == "__main__":
    with interruptible("The same command goes on from the last images or epoch that were complete."):
        main()
