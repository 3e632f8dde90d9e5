"""Errors as RFC 9457 problem details, in one place."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from inference_image.admission import Full
from inference_image.decoding import ImageError

RETRY_AFTER = {"Retry-After": "1"}
CLIENT_GONE = 499  # for log and metrics, as nginx calls it; nobody receives it


def details(status: int, detail: str) -> dict[str, Any]:
    """Describe an error as RFC 9457 does."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with `application/problem+json`."""
    return JSONResponse(details(status, detail), status, headers, media_type="application/problem+json")


async def _image(_: Request, error: Exception) -> Response:
    assert isinstance(error, ImageError)  # noqa: S101 - Starlette types every handler by Exception
    return problem(error.status, error.detail)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return problem(error.status_code, error.detail, error.headers)


async def _full(_: Request, __: Exception) -> Response:
    return problem(503, "too many images are on the way", RETRY_AFTER)


async def _late(_: Request, __: Exception) -> Response:
    return problem(503, "the request was not answered in time", RETRY_AFTER)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


async def _unexpected(_: Request, __: Exception) -> Response:
    return problem(500, "the server failed; the log has the reason under this request's id")


# All of them coroutines: Starlette runs others in threads, whose stacks the bound on memory has no room for.
HANDLERS = {
    ImageError: _image,
    HTTPException: _http,
    Full: _full,
    MemoryError: _full,
    TimeoutError: _late,
    ClientDisconnect: _gone,
    Exception: _unexpected,
}
