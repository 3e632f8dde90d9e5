"""The HTTP server: `POST /invocations` reads an image, `GET /ping` says whether that works."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inference_image.access import Access
from inference_image.batching import Batcher
from inference_image.decoding import FORMATS, ImageError
from inference_image.metrics import Metrics
from inference_image.model import Model
from inference_image.problems import HANDLERS
from inference_image.reading import Reading, read
from inference_image.settings import Settings

RETRY_AFTER_SECONDS = "1"


class Service:
    """What the routes share: the model, the queue before it, and how much is on its way."""

    def __init__(self, model: Model, settings: Settings) -> None:
        self.draining = False  # set on SIGTERM: no new traffic please, what is open will be answered
        self.in_work = 0  # images admitted and not yet answered
        self._model = model
        self._settings = settings
        self._metrics = Metrics(model.version)
        self._read = partial(read, model=model, limits=settings.limits)
        self._batcher = Batcher(self._read, settings.batch, self._metrics.observe_batch)
        self._probe = _probe()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.about),
                Route("/invocations", self.invocations, methods=["POST"]),
                Route("/ping", self.ping),
                Route("/metrics", self.metrics),
            ],
            exception_handlers=HANDLERS,
            middleware=[Middleware(Access, metrics=self._metrics)],
        )

    async def about(self, _: Request) -> Response:
        return JSONResponse(
            {
                "name": "Legible: reads one handwritten digit from an image",
                "model": self._model.version,
                "invocations": f"POST the bytes of an image ({', '.join(FORMATS)}) to /invocations",
                "max_image_bytes": self._settings.max_image_bytes,
                "max_pixels": self._settings.max_pixels,
            }
        )

    async def invocations(self, request: Request) -> Response:
        with self._admitted():
            reading = await self._batcher.read(await self._body(request))
        self._metrics.observe_reading(reading)
        return JSONResponse(reading.to_json())

    async def ping(self, _: Request) -> Response:
        """Healthy is what can really read an image now, so each ping reads one (1 ms)."""
        if self.draining:
            raise HTTPException(503, "draining")
        if not isinstance(self._read([self._probe])[0], Reading):
            raise HTTPException(503, "the model reads nothing")
        return JSONResponse({"status": "ok", "model": self._model.version})

    async def metrics(self, _: Request) -> Response:
        self._metrics.in_work.set(self.in_work)
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        if self.in_work >= self._settings.max_in_work:
            self._metrics.refused.inc()
            raise HTTPException(503, "too many images are on the way", {"Retry-After": RETRY_AFTER_SECONDS})
        self.in_work += 1
        try:
            yield
        finally:
            self.in_work -= 1

    async def _body(self, request: Request) -> bytes:
        """Read the body; refuse one that is too large as soon as that is known."""
        limit = self._settings.max_image_bytes
        if int(request.headers.get("content-length", "0")) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
        except ClientDisconnect:
            raise HTTPException(400, "the body ended early") from None
        return bytes(body)


def _too_large(limit: int) -> ImageError:
    return ImageError(413, f"the image has more than {limit} bytes")


def _probe() -> bytes:
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).line([(36, 8), (28, 56)], 0, 6)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
