"""A trained network with its calibration: from what it reads to answers."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inference_image.network import DIGITS, Network, read
from inference_image.preprocessing import PREPROCESSING_VERSION, Preprocessed

Floats = NDArray[np.float64]
WEIGHTS = Path(__file__).parent / "weights"


class ModelError(Exception):
    """The weights or their sidecar cannot be used."""


@dataclass(frozen=True)
class Answer:
    """What the network says of one image."""

    predicted: int  # 0..9
    confidence: float  # calibrated probability of `predicted`, [0, 1]
    probabilities: tuple[float, ...]  # of the ten digits, sum 1
    is_digit: float  # probability that it shows one digit at all, among uploads of which 7 in 8 do, [0, 1]


class Model:
    """Weights that are ready to read."""

    def __init__(self, network: Network, sidecar: dict[str, Any]) -> None:
        self.version: str = sidecar["version"]
        self._calibration: dict[str, Any] = sidecar["calibration"]
        self._network = _fused(network.eval())

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Self:
        """Load the one model that lies in `folder`: VERSION.json, and the weights that it names.

        Raises ModelError if there is not exactly one, if the weights are not those that the sidecar was
        written for, or if they were trained on images prepared otherwise than here.
        """
        sidecars = sorted(folder.glob("*.json"))
        if len(sidecars) != 1:
            raise ModelError(f"{folder} holds {len(sidecars)} models, expected one")
        sidecar = json.loads(sidecars[0].read_text(encoding="utf-8"))
        trained_on = sidecar["preprocessing_version"]
        if trained_on != PREPROCESSING_VERSION:
            raise ModelError(
                f"{sidecars[0]} was trained with preprocessing {trained_on}, "
                f"this is {PREPROCESSING_VERSION}: run make train"
            )
        return cls(_network(folder / sidecar["weights"]["file"], sidecar["weights"]["sha256"]), sidecar)

    def classify(self, views: Sequence[Preprocessed]) -> list[Answer]:
        """Read views, all at once; the answers come in the same order.

        How likely a view shows a digit is a logistic regression on what the network says of that, how sure it
        is which digit, and the appeal that the place had before (Platt 1999, with more measures than one).
        """
        if not views:
            return []
        logits = self.logits([one.pixels for one in views])
        which = _softmax(logits[:, :DIGITS] / self._calibration["temperature"])  # (N, 10)
        appeals = np.array([one.appeal for one in views])  # (N,)
        measures = judged(logits[:, DIGITS], which, appeals)  # (N, 8)
        whether = 1 / (1 + np.exp(-measures @ self._calibration["is_digit"]))  # (N,)
        return [_answer(row, score) for row, score in zip(which.tolist(), whether.tolist(), strict=True)]

    @torch.inference_mode()
    def logits(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """Return what the network says of (28, 28) uint8 images, not yet calibrated: (N, 11)."""
        batch = torch.from_numpy(np.stack(images)[:, None]).float() / 255  # (N, 1, 28, 28) in [0, 1]
        logits: Floats = read(self._network, batch).double().numpy()
        return logits


def judged(logit: Floats, which: Floats, appeal: Floats) -> Floats:
    """What tells whether a view shows a digit: (N,), (N, 10), (N,) -> (N, 8), for the calibration's weights.

    What the network says counts for more where the place appeals, and an appeal above 3 adds less. And a line
    is all that there is to a 1, so of a 1 its place tells more.
    """
    one = which[:, 1]
    return np.stack(
        [
            np.ones_like(logit),
            logit,
            np.log(which.max(1)),
            appeal,
            appeal.clip(max=3),
            logit * appeal,
            one,
            one * appeal,
        ],
        axis=1,
    )


def _softmax(logits: Floats) -> Floats:
    """Turn (N, 10) into probabilities; for so few numbers PyTorch's calls cost several times as much."""
    odds = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: Floats = odds / odds.sum(1, keepdims=True)
    return probabilities


def _answer(probabilities: list[float], is_digit: float) -> Answer:
    predicted = max(range(DIGITS), key=probabilities.__getitem__)
    return Answer(predicted, probabilities[predicted], tuple(probabilities), is_digit)


class _Convolution(nn.Module):
    """A convolution by oneDNN: left to itself, PyTorch takes a slower way for one image on one thread.

    It lays out the weights with every call. Private operators can do that once: 0.2 ms less on a processor
    with AVX512, 25 ms more on one without, where the call wanted another layout.
    (N, inputs, height, width) float32 -> (N, outputs, height, width).
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self._layer = layer
        self._padding = [side // 2 for side in layer.kernel_size]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        one = self._layer
        return torch.mkldnn_convolution(
            images, one.weight, one.bias, self._padding, one.stride, one.dilation, one.groups
        )


def _fused(network: Network) -> nn.Module:
    """Put each batch norm into the convolution before it: the same function, but for rounding.

    Pooling may lie between them, for no norm turns the order of values around (`network.py`).
    """
    layers: list[nn.Module] = []
    for layer in network.layers:
        if isinstance(layer, nn.BatchNorm2d):
            place, convolution = [(i, one) for i, one in enumerate(layers) if isinstance(one, nn.Conv2d)][-1]
            layers[place] = fuse_conv_bn_eval(convolution, layer)
        else:
            layers.append(layer)
    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # as torch ships it
        layers = [_Convolution(one) if isinstance(one, nn.Conv2d) else one for one in layers]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # not in its stubs


def _network(path: Path, sha256: str) -> Network:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise ModelError(f"{path} has SHA-256 {found}, its sidecar says {sha256}")
    network = Network()
    network.load_state_dict(load_file(path))
    return network
