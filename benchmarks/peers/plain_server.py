"""FastAPI as it is usually written: Pillow decodes the whole image, then everything as in the other servers.

What it reads is reduced otherwise, so its figures differ in the last digits.

Run: uvicorn benchmarks.peers.plain_server:app
"""

import io

import cv2
import torch
from fastapi import FastAPI, Request  # type: ignore[import-not-found]  # of the peers' environment
from PIL import Image, ImageOps

from inference_image.decoding import LEAST_SIDE
from inference_image.limits import Limits
from inference_image.model import Model
from inference_image.reading import Reading, read

torch.set_num_threads(1)
cv2.setNumThreads(1)
MODEL = Model.load()


async def invocations(request: Request) -> object:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(await request.body())))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    image.thumbnail((LEAST_SIDE, LEAST_SIDE))
    plain = io.BytesIO()
    image.save(plain, "BMP")
    (reading,) = read([plain.getvalue()], MODEL, Limits())
    assert isinstance(reading, Reading)  # noqa: S101 - the benchmark sends images
    return reading.to_json()


app = FastAPI()
app.add_api_route("/invocations", invocations, methods=["POST"])
