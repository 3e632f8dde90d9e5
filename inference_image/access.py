"""Around every request: an id in and out, one line of JSON in the log, and the counts."""

import json
import logging
import re
import time
import traceback
import uuid
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference_image.metrics import Metrics

LOG = logging.getLogger("inference_image")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # anything else could forge a line of somebody's log
_PATHS = {"/", "/invocations", "/ping", "/metrics"}


class Access:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what came of it."""
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        began = time.perf_counter()
        status = 0
        trace: str | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # answered with 500 already; the log has the rest
            trace = traceback.format_exc()
        self._note(scope, request_id, status, time.perf_counter() - began, trace)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float, trace: str | None) -> None:
        path = (
            scope["path"] if scope["path"] in _PATHS else "other"
        )  # bounded: paths are for anyone to make up
        self._metrics.requests.labels(path, status).inc()
        self._metrics.latency.labels(path).observe(seconds)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
        }
        LOG.info(json.dumps(line | ({"trace": trace} if trace else {})))
