"""LitServe with two workers and dynamic batches: python -m benchmarks.peers.litserve_server PORT."""

import sys
from collections.abc import Sequence
from typing import Annotated

import cv2
import litserve  # type: ignore[import-not-found]  # of the peers' environment
import torch
from fastapi import Body  # type: ignore[import-not-found]  # of the peers' environment

from inference_image.limits import Limits
from inference_image.model import Model
from inference_image.reading import Reading, read


class Api(litserve.LitAPI):  # type: ignore[misc]  # it has no types here
    def setup(self, _device: str) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.model = Model.load()

    def decode_request(self, request: Annotated[bytes, Body()]) -> bytes:
        return request

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def predict(self, images: Sequence[bytes]) -> list[object]:
        return [
            reading.to_json()
            for reading in read(images, self.model, Limits())
            if isinstance(reading, Reading)
        ]

    def unbatch(self, output: list[object]) -> list[object]:
        return output

    def encode_response(self, output: object) -> object:
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=8, batch_timeout=0.002, api_path="/invocations")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
