"""The routes of the API. What they do lies in `classifications`, what they answer is in `openapi.json`."""

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import urllib3
import uuid6
from chalice.app import Chalice, CloudWatchEvent, CORSConfig, Request, Response

from chalice_app import keys, logs, openapi, parameters
from chalice_app.breaker import Breaker
from chalice_app.classifications import Classifications
from chalice_app.inference import InferenceClient
from chalice_app.media_types import BINARY_TYPES
from chalice_app.problems import Problem
from chalice_app.settings import MAX_IMAGE_BYTES, Settings
from chalice_app.store import Store

THREADS = 16  # requests to S3 at once, for one page of a list or a batch of the sweep
NO_BODY: list[str] = []  # types of one: Chalice would refuse all but JSON, also where nothing is sent
RETRY_AFTER = "1"  # seconds until a look at a pending record may find it completed

settings = Settings.from_environment(os.environ)
app = Chalice(app_name="legible")
app.log.setLevel(logging.INFO)
for handler in app.log.handlers:
    handler.setFormatter(logs.JsonFormatter())
app.api.binary_types = BINARY_TYPES
app.api.cors = cors = CORSConfig(
    allow_origin=settings.page_origin,
    allow_headers=["Accept", "Idempotency-Key", "If-None-Match", "X-Request-Id"],
    expose_headers=["ETag", "Location", "Retry-After", "X-Request-Id"],
    max_age=600,
)


@cache
def store() -> Store:
    import boto3  # noqa: PLC0415  a quarter of a second, which /openapi.json and a cold start need not pay
    from botocore.config import Config  # noqa: PLC0415

    config = Config(  # a store that has stopped is given up after 9 s: API Gateway waits 29 s for the answer
        max_pool_connections=THREADS,
        connect_timeout=1,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return Store(boto3.client("s3", config=config), settings.bucket)


@cache
def inference() -> InferenceClient:
    pool = urllib3.PoolManager(maxsize=THREADS)
    return InferenceClient(settings.inference_url, pool, Breaker(), settings.inference_seconds)


@cache
def classifications() -> Classifications:
    threads = logs.Threads(THREADS)
    return Classifications(store(), inference(), threads, uuid6.uuid7, lambda: datetime.now(UTC))


@app.middleware("http")
def log_request(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Log one line for each request, with its metrics."""
    request_id = parameters.request_id(request)
    logs.current_request_id.set(request_id)
    started = time.perf_counter()
    response = get_response(request)
    status = response.status_code
    values = {
        "milliseconds": round((time.perf_counter() - started) * 1000, 2),
        "errors": int(status >= 500),
        "pending": int(status == 202),
    }
    route = f"{request.method} {request.path}"  # Chalice's path is the route: it holds no ids
    level = logging.ERROR if status >= 500 else logging.INFO
    metrics = logs.metrics(values, stage=settings.stage, route=route)
    logs.event(app.log, level, "request", status=status, **metrics)
    response.headers["X-Request-Id"] = request_id
    return response


@app.middleware("http")
def answer_errors(request: Request, get_response: Callable[[Request], Response]) -> Response:
    """Answer every error as problem details, with the headers that let the page read it."""
    try:
        response = get_response(request)
    except Problem as problem:
        response = problem.response()
    if response.status_code >= 400 and isinstance(response.body, dict):  # ours are text already
        response = _problem_of_chalice(request, response)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    for name, value in cors.get_access_control_headers().items():
        response.headers.setdefault(name, value)
    return response


def _problem_of_chalice(request: Request, response: Response) -> Response:
    """Return what Chalice refused by itself in our form: {"Code": …, "Message": …} is its own."""
    if response.status_code == 500:
        return Problem(500, "Something went wrong on our side. It has been logged.").response()
    if response.status_code == 415 and request.method == "PUT":
        detail = "Send JSON, and say so: `Content-Type: application/json`."
    elif response.status_code == 415:
        detail = f"Send the image's bytes as the body, with one of these types: {', '.join(BINARY_TYPES)}."
    else:
        detail = response.body["Message"]
    return Problem(response.status_code, detail, headers=response.headers).response()


@app.route("/classifications", methods=["POST"], content_types=BINARY_TYPES)
def create_classification() -> Response:
    request = _request()
    record = classifications().create(
        parameters.writer(request),
        parameters.image(request, MAX_IMAGE_BYTES),
        parameters.request_id(request),
        parameters.idempotency_key(request),
    )
    # Relative to this URL, because a stage, or CloudFront, puts more before the path.
    headers = {"Location": f"classifications/{record['id']}"}
    if record["status"] == "pending":
        return _json(record, 202, **headers, **{"Retry-After": RETRY_AFTER})
    return _json(record, 201, **headers)


@app.route("/classifications", methods=["GET"], content_types=NO_BODY)
def list_classifications() -> Response:
    request = _request()
    records, more = classifications().page(
        parameters.writer(request), parameters.limit(request), parameters.cursor(request)
    )
    return _json({"classifications": records, "cursor": parameters.cursor_to(more)})


@app.route("/classifications/{id}", methods=["GET"], content_types=NO_BODY)
def get_classification(id: str) -> Response:
    request = _request()
    record = classifications().get(
        parameters.writer(request), parameters.id_of(id), parameters.request_id(request)
    )
    return _json(record)


@app.route("/classifications/{id}", methods=["DELETE"], content_types=NO_BODY)
def delete_classification(id: str) -> Response:
    classifications().delete(parameters.writer(_request()), parameters.id_of(id))
    return Response("", {"Cache-Control": "no-store"}, 204)


@app.route("/classifications/{id}/image", methods=["GET"], content_types=NO_BODY)
def get_image(id: str) -> Response:
    request = _request()
    parameters.accept_bytes(request)
    blob = classifications().image(parameters.writer(request), parameters.id_of(id))
    response = _versioned(blob.content, blob.media_type, blob.etag, "private, max-age=31536000, immutable")
    response.headers["Vary"] = "Authorization"  # two writers may share a browser
    return response


@app.route("/classifications/{id}/label", methods=["PUT"])
def put_label(id: str) -> Response:
    request = _request()
    record = classifications().label(
        parameters.writer(request),
        parameters.id_of(id),
        parameters.json_object(request).get("true"),
        parameters.request_id(request),
    )
    return _json(record)


@app.route("/legibility", methods=["GET"], content_types=NO_BODY)
def get_legibility() -> Response:
    return _json(classifications().legibility(parameters.writer(_request())))


@app.route("/accuracy", methods=["GET"], content_types=NO_BODY)
def get_accuracy() -> Response:
    if (report := store().get(keys.REPORT)) is None:
        raise Problem(404, "There is no report yet. The accuracy job writes the first.")
    return _versioned(report.content.decode(), "application/json", report.etag, "public, max-age=60")


@app.route("/health", methods=["GET"], content_types=NO_BODY)
def get_health() -> Response:
    dependencies = {"store": _state(store().check), "inference": _state(inference().ping)}
    healthy = all(state["status"] == "ok" for state in dependencies.values())
    return _json(
        {"status": "ok" if healthy else "degraded", "dependencies": dependencies}, 200 if healthy else 503
    )


@app.route("/openapi.json", methods=["GET"], content_types=NO_BODY)
def get_openapi() -> Response:
    return _json(openapi.served_at(_request().context["path"]), cache="public, max-age=300")


@app.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> dict[str, int]:
    """Bring to an end what requests left half way, and complete what waits for the model."""
    logs.current_request_id.set(event.event_id)
    counts = classifications().sweep(event.event_id)
    logs.event(app.log, logging.INFO, "sweep", **logs.metrics(counts, stage=settings.stage, route="sweep"))
    return counts


def _request() -> Request:
    return cast("Request", app.current_request)  # Chalice sets it before it calls a view


def _json(body: object, status: int = 200, *, cache: str = "no-store", **headers: str) -> Response:
    return Response(
        json.dumps(body),
        {"Content-Type": "application/json", "Cache-Control": cache, **headers},
        status,
    )


def _versioned(body: bytes | str, media_type: str, etag: str, cache: str) -> Response:
    """Answer with a stored object, or with 304 to who has it already."""
    headers: dict[str, str | list[str]] = {"ETag": etag, "Cache-Control": cache}
    if parameters.has_version(_request(), etag):
        return Response("", headers, 304)
    return Response(body, {"Content-Type": media_type, **headers}, 200)


def _state(check: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    try:
        return {"status": "ok", **{name: value for name, value in (check() or {}).items() if name == "model"}}
    except Problem as problem:
        return {"status": "unavailable", "detail": problem.detail}
