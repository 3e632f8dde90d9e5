"""What a request says, checked once: each function returns a value or raises the Problem to answer."""

import base64
import json
import re
from typing import Any, cast
from uuid import UUID

from chalice.app import CaseInsensitiveMapping, Request

from chalice_app import keys
from chalice_app.media_types import BINARY_TYPES
from chalice_app.problems import Problem
from chalice_app.writers import writer_of

DEFAULT_LIMIT = 20
_CURSOR = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # 16 bytes in base64url
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")  # what the container takes over as well


def writer(request: Request) -> str:
    return writer_of(request.headers.get("authorization"))


def image(request: Request, max_bytes: int) -> bytes:
    body = _body(request)
    if not body:
        raise Problem(400, "The body is empty. Send the image's bytes as the body.")
    if len(body) > max_bytes:
        raise Problem(413, f"The image has {len(body)} bytes; at most {max_bytes} are accepted.")
    return body


def id_of(text: str) -> UUID:
    if (id := keys.parse_id(text)) is None:
        raise Problem(404, "You have no classification of this id.", id=text)
    return id


def request_id(request: Request) -> str:
    """Return the caller's X-Request-Id if it is fit for a log line, else Lambda's own."""
    given: str = request.headers.get("x-request-id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    return str(getattr(request.lambda_context, "aws_request_id", ""))


def idempotency_key(request: Request) -> str | None:
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 255:
        raise Problem(400, "An Idempotency-Key has 1 to 255 characters.", value=key)
    return key


def _number(text: str) -> float:
    """Return a JSON number: 7.0 is the integer 7 (JSON Schema 2020-12, 4.2.3)."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_constant(text: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(text)


def has_version(request: Request, etag: str) -> bool:
    """Return whether `If-None-Match` names a version; by the weak comparison (RFC 9110, 13.1.2)."""
    known = [
        version.strip().removeprefix("W/") for version in request.headers.get("if-none-match", "").split(",")
    ]
    return etag in known or known == ["*"]


def accept_bytes(request: Request) -> None:
    """Make sure that the caller gets an image's bytes as they are, or raise Problem 406.

    API Gateway looks at the first type of `Accept` only, knows no wildcard, and sends base64 text to who
    names no binary type there. Without it in between everybody gets bytes, whatever Chalice makes of it.
    """
    first = re.split("[,;]", request.headers.get("accept", ""))[0].strip().lower()
    if first in BINARY_TYPES:
        return
    if "apiId" in request.context:
        raise Problem(406, "Send an `Accept` that begins with the type of an image, such as image/png.")
    request.headers = CaseInsensitiveMapping({**request.headers, "accept": "*/*"})


def limit(request: Request) -> int:
    if (text := _query(request, "limit")) is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise Problem(400, "`limit` must be an integer from 1 to 100.", value=text)
    return int(text)


def cursor(request: Request) -> UUID | None:
    """Return the id that a page starts after; the reverse of `cursor_to`."""
    if (text := _query(request, "cursor")) is None:
        return None
    if not _CURSOR.fullmatch(text):
        raise Problem(400, "This `cursor` is none that a list has answered.", value=text)
    return UUID(bytes=base64.urlsafe_b64decode(text + "=="))


def cursor_to(last: UUID | None) -> str | None:
    return None if last is None else base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def json_object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(_body(request), parse_float=_number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(400, 'The body is no JSON. Send {"true": 7}.') from error
    if not isinstance(body, dict):
        raise Problem(422, 'The body must be a JSON object. Send {"true": 7}.')
    return body


def _query(request: Request, name: str) -> str | None:
    if request.query_params is None:
        return None
    value: str | None = request.query_params.get(name)
    return value


def _body(request: Request) -> bytes:
    return cast("bytes", request.raw_body)  # Chalice says `str | bytes`, and decodes to bytes
