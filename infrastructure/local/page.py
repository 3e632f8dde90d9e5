"""Serves `static_site/` on one machine as S3 and CloudFront do on AWS: files, and one `config.json`."""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from infrastructure.local.settings import ROOT

_SITE = ROOT / "static_site"


async def config(_: Request) -> Response:
    return JSONResponse({"api": os.environ["LEGIBLE_API_URL"]}, headers={"Cache-Control": "no-store"})


async def one_origin(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Lead people who typed `localhost` to the one origin that the API answers."""
    if request.url.hostname == "localhost":
        return RedirectResponse(request.url.replace(hostname="127.0.0.1"))
    response = await call_next(request)
    response.headers.setdefault("Cache-Control", "no-cache")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


app = Starlette(
    routes=[Route("/config.json", config), Mount("/", StaticFiles(directory=_SITE, html=True))],
    middleware=[Middleware(GZipMiddleware), Middleware(BaseHTTPMiddleware, dispatch=one_origin)],
)
