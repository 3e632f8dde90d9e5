"""FastAPI, each request read inline: uvicorn benchmarks.peers.fastapi_server:app."""

import cv2
import torch
from fastapi import FastAPI, Request  # type: ignore[import-not-found]  # of the peers' environment

from inference_image.limits import Limits
from inference_image.model import Model
from inference_image.reading import Reading, read

torch.set_num_threads(1)
cv2.setNumThreads(1)
MODEL = Model.load()


async def invocations(request: Request) -> object:
    (reading,) = read([await request.body()], MODEL, Limits())
    assert isinstance(reading, Reading)  # noqa: S101 - the benchmark sends images
    return reading.to_json()


app = FastAPI()
app.add_api_route("/invocations", invocations, methods=["POST"])
