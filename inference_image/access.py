"""Around every request: an id in and out, one line in the log, and the counts."""

import asyncio
import re
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference_image.log import log
from inference_image.metrics import Metrics

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # anything else could forge a line of somebody's log
_PATH_CHARACTERS = 200  # in the log: a line of up to 4,096 bytes stays whole where several workers write
_REFUSED = "refused"  # in a request's state
_PATHS = {"/", "/invocations", "/ping", "/metrics", "/openapi.json"}


def id_of(scope: Scope) -> str:
    """Return the id that the client gave to a request, or a new one: each time the same."""
    given = Headers(scope=scope).get("x-request-id", "")
    state: dict[str, str] = scope.setdefault("state", {})
    return state.setdefault("request_id", given if _ID.fullmatch(given) else uuid.uuid4().hex)


def refuse(scope: Scope, status: int) -> None:
    """Note what a request has been answered from outside, because the rest of it was none."""
    scope["state"][_REFUSED] = status


class Access:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, metrics: Metrics, draining: Callable[[], bool]) -> None:
        self._app = app
        self._metrics = metrics
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what came of it."""
        request_id = id_of(scope)
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                if self._draining():
                    headers["Connection"] = "close"  # the client's next request is for another server
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # answered with 500 already; the log has the rest
            log("the server failed", trace=True, request_id=request_id)
        seconds = time.perf_counter() - began
        # What was sent goes out at the end of this turn of the loop, so nobody waits for the note.
        asyncio.get_running_loop().call_soon(self._note, scope, request_id, status, seconds)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        status = scope["state"].get(_REFUSED, status)
        path = scope["path"] if scope["path"] in _PATHS else "other"  # bounded: anyone can make paths up
        self._metrics.requests.labels(path, status).inc()
        self._metrics.latency.labels(path).observe(seconds)
        log(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=scope["path"][:_PATH_CHARACTERS],
            status=status,
            milliseconds=round(seconds * 1000, 2),
        )
