"""BentoML with two workers and adaptive batches: bentoml serve benchmarks.peers.bentoml_server:Server."""

from pathlib import Path

import bentoml  # type: ignore[import-not-found]  # of the peers' environment
import cv2
import torch

from inference_image.limits import Limits
from inference_image.model import Model
from inference_image.reading import Reading, read


# The others neither log each request nor count it.
@bentoml.service(workers=2, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Server:
    def __init__(self) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.model = Model.load()

    @bentoml.api(route="/invocations", batchable=True, max_batch_size=8)  # type: ignore[untyped-decorator]  # as above
    def invocations(self, images: list[Path]) -> list[dict[str, object]]:
        readings = read([image.read_bytes() for image in images], self.model, Limits())
        return [reading.to_json() for reading in readings if isinstance(reading, Reading)]
