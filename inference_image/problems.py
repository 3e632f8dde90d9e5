"""Errors as RFC 9457 problem details, in one place."""

import asyncio
import contextlib
from collections.abc import Mapping
from http import HTTPStatus

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from inference_image.decoding import ImageError

DISCARD_SECONDS = 10


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `application/problem+json`."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def _image(request: Request, error: Exception) -> Response:
    assert isinstance(error, ImageError)  # noqa: S101 - Starlette types every handler by Exception
    answer = problem(error.status, error.detail)
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        answer.background = BackgroundTask(_discard, request)
    return answer


async def _discard(request: Request) -> None:
    """Read past the rest of a body, after the answer: a client that still sends would see only a reset."""
    with contextlib.suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            async for _ in request.stream():
                pass


def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return problem(error.status_code, error.detail, error.headers)


def _unexpected(_: Request, __: Exception) -> Response:
    return problem(500, "the server failed; the log has the reason under this request's id")


HANDLERS = {ImageError: _image, HTTPException: _http, Exception: _unexpected}
