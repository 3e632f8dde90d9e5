"""The whole way of one image, from its bytes to the answer that goes out."""

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference_image.decoding import ImageError
from inference_image.limits import Limits
from inference_image.model import Answer, Model
from inference_image.preprocessing import Preprocessed, preprocess

Bound = AbstractContextManager[None]


@dataclass(frozen=True)
class Reading:
    """An answer, and what the network saw when it gave it."""

    answer: Answer
    seen: Preprocessed
    model: str

    def to_json(self) -> dict[str, Any]:
        """Turn it into what `POST /invocations` answers with."""
        return {
            **vars(self.answer),
            "model": self.model,
            "preprocessed": _png(self.seen.pixels),
            "preprocessing": {
                "inverted": self.seen.inverted,
                "box": self.seen.box,
                "rotation": self.seen.rotation,
                "scale": self.seen.scale,
                "stroke_width": self.seen.stroke_width,
                "thickened": self.seen.thickened,
            },
        }


def read(
    images: Sequence[bytes], model: Model, limits: Limits, bound: Callable[[], Bound] = nullcontext
) -> list[Reading | ImageError]:
    """Read several uploads at once, each within its bound. What is no image fails alone, in its own place."""
    seen = [_preprocessed(data, limits, bound) for data in images]
    readings = iter(classify([one for one in seen if not isinstance(one, ImageError)], model))
    return [one if isinstance(one, ImageError) else next(readings) for one in seen]


def classify(images: Sequence[Sequence[Preprocessed]], model: Model) -> list[Reading]:
    """Read several preprocessed images at once; of each, the view that looks most like a digit counts."""
    answers = iter(model.classify([view for views in images for view in views]))
    readings = ([Reading(next(answers), view, model.version) for view in views] for views in images)
    return [max(views, key=lambda one: one.answer.is_digit) for views in readings]


def _preprocessed(data: bytes, limits: Limits, bound: Callable[[], Bound]) -> list[Preprocessed] | ImageError:
    try:
        with bound():
            return preprocess(data, limits)
    except ImageError as error:
        return error


def _png(pixels: NDArray[np.uint8]) -> str:
    _, png = cv2.imencode(".png", pixels)
    return base64.b64encode(png.tobytes()).decode("ascii")
