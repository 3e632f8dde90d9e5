"""The HTTP server: `POST /invocations` reads images, `GET /ping` says whether that works."""

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from inference_image.access import Access
from inference_image.admission import Admission
from inference_image.batching import Batcher
from inference_image.bounds import bounded_time
from inference_image.decoding import FORMATS, ImageError
from inference_image.heartbeats import EVERY_SECONDS, Heartbeats
from inference_image.limits import Limits
from inference_image.log import log
from inference_image.metrics import Metrics
from inference_image.model import Model
from inference_image.preprocessing import Preprocessed, preprocess
from inference_image.problems import HANDLERS, details
from inference_image.reading import Reading, classify, read
from inference_image.settings import Settings
from inference_image.uploads import is_multipart, parts

OPENAPI = Path(__file__).with_name("openapi.json")


class NothingRead(Exception):
    """The model does not read a plain 1."""


class Service:
    """What the routes share: the model, the queue before it, and how much is on its way."""

    def __init__(self, model: Model, settings: Settings, heartbeats: Heartbeats, worker: int) -> None:
        self.draining = False  # set on SIGTERM: no new traffic please, what is open will be answered
        self._model = model
        self._settings = settings
        self._heartbeats = heartbeats
        self._worker = worker
        self._metrics = Metrics(model.version)
        self.admission = Admission(settings.worker_images, settings.worker_bytes, self._metrics)
        self._batcher: Batcher[list[Preprocessed], Reading] = Batcher(
            self._prepared,
            self._classified,
            settings.batch,
            self._metrics.observe_batch,
        )
        self._probe = _probe()
        self._has_read = False  # for a client, since the last beat

    def app(self) -> ASGIApp:
        routes = [
            Route("/invocations", self.invocations, methods=["POST"]),
            Route("/", self.about),
            Route("/ping", self.ping),
            Route("/metrics", self.metrics),
            Route("/openapi.json", self.openapi),
        ]
        answering = Starlette(routes=routes, exception_handlers=HANDLERS)
        answering.router.redirect_slashes = False  # to where the Host header says
        # Not as its `middleware`: Starlette answers what nobody expected outside of that.
        return Access(answering, self._metrics, lambda: self.draining)

    async def about(self, _: Request) -> Response:
        return JSONResponse(
            {
                "name": "Legible: reads one handwritten digit from an image",
                "model": self._model.version,
                "invocations": f"POST the bytes of an image ({', '.join(FORMATS)}) to /invocations",
                "max_image_bytes": self._settings.max_image_bytes,
                "max_pixels": self._settings.max_pixels,
                "max_images": self._settings.max_images,
                "documentation": "/openapi.json",
            }
        )

    async def invocations(self, request: Request) -> Response:
        """Read one image, the body, or several, the parts of a multipart/form-data body."""
        content_type = request.headers.get("content-type", "")
        several = is_multipart(content_type)
        size = _size(request, self._settings)
        with self.admission.admit(self._settings.max_images if several else 1, size):
            async with asyncio.timeout(self._settings.deadline_seconds):
                body = await self._body(request)
                if several:
                    with bounded_time(self._settings.max_decoding_seconds):
                        images = parts(body, content_type, self._settings.max_images)
                    del body  # else it would be held twice while its images wait
                    return JSONResponse(
                        {"images": [_entry(one) for one in await self._read(request, images)]}
                    )
                (reading,) = await self._read(request, [body])
        if isinstance(reading, ImageError):
            raise reading
        return JSONResponse(reading.to_json())

    async def ping(self, _: Request) -> Response:
        """Healthy is where every worker has just read an image."""
        if self.draining:
            raise HTTPException(503, "draining")
        if silent := self._heartbeats.silent():
            raise HTTPException(503, f"{len(silent)} of {self._settings.workers} workers read nothing")
        return JSONResponse({"status": "ok", "model": self._model.version})

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, _: Request) -> Response:
        return Response(OPENAPI.read_bytes(), media_type="application/json")

    def prove(self) -> None:
        """Read an image of our own, as others are read.

        Raises NothingRead, or what the model raises.
        """
        (reading,) = read([self._probe], self._model, Limits())  # whatever others may send
        if not isinstance(reading, Reading) or reading.answer.predicted != 1:
            raise NothingRead(str(reading))

    async def watch(self) -> None:
        """Prove again and again that reading works, and beat; where it does not, /ping will tell.

        What was read for a client has proved it: who is busy need not read an image of ours as well.
        """
        while True:
            try:
                if not self._has_read:
                    self.prove()
                self._has_read = False
                self._heartbeats.beat(self._worker)
            except Exception:  # whatever it was, this worker reads nothing
                log("the watchdog could not read", trace=True, worker=self._worker)
            await asyncio.sleep(EVERY_SECONDS)

    def _prepared(self, image: bytes) -> list[Preprocessed]:
        with bounded_time(self._settings.max_decoding_seconds):
            return preprocess(image, self._settings.limits)

    def _classified(self, images: Sequence[Sequence[Preprocessed]]) -> list[Reading]:
        readings = classify(images, self._model)
        self._has_read = True
        return readings

    async def _body(self, request: Request) -> bytes:
        """Read the body; refuse one that is too large as soon as that is known."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._settings.max_image_bytes:
                raise _too_large(self._settings)
        return bytes(body)

    async def _read(self, request: Request, images: Sequence[bytes]) -> list[Reading | ImageError]:
        """Wait for the readings; what its client no longer waits for at its turn is not read."""
        readings = [self._batcher.submit(image, request.state.is_gone) for image in images]
        results = await asyncio.gather(*readings, return_exceptions=True)
        return [self._noted(result) for result in results]

    def _noted(self, reading: Reading | BaseException) -> Reading | ImageError:
        if isinstance(reading, Reading):
            self._metrics.observe_reading(reading)
        elif isinstance(reading, asyncio.CancelledError):
            raise ClientDisconnect
        elif not isinstance(reading, ImageError):
            raise reading
        return reading


def _size(request: Request, settings: Settings) -> int:
    """Return how many bytes the body has at most."""
    size = int(request.headers.get("content-length", settings.max_image_bytes))
    if size > settings.max_image_bytes:
        raise _too_large(settings)
    return size


def _too_large(settings: Settings) -> ImageError:
    return ImageError(413, f"the body has more than {settings.max_image_bytes} bytes")


def _entry(reading: Reading | ImageError) -> dict[str, Any]:
    return reading.to_json() if isinstance(reading, Reading) else details(reading.status, reading.detail)


def _probe() -> bytes:
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).line([(36, 8), (28, 56)], 0, 6)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
