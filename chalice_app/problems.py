"""The one error type of the API: RFC 9457 problem details."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import ChaliceUnhandledError, Response

MEDIA_TYPE = "application/problem+json"
LONGEST_VALUE = 300  # characters of an offending value that is repeated
RETRY_AFTER = "2"  # seconds until what does not answer may be back


class Problem(ChaliceUnhandledError):
    """A request that cannot be answered as asked; `response` is what its caller gets.

    A ChaliceUnhandledError is the one exception that Chalice hands on to middleware untouched.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, Any] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        # Further members of the document, such as the offending value.
        self.members = {name: value for name, value in members.items() if _is_brief(value)}

    def response(self) -> Response:
        """Return the document as an HTTP response."""
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        headers: dict[str, Any] = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        return Response(json.dumps(body), self.headers | headers, self.status)


def _is_brief(value: object) -> bool:
    """Tell whether an answer can repeat a value: it must not outgrow its request, nor leave JSON."""
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE
    return value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def unavailable(detail: str, retry_after: str = RETRY_AFTER) -> Problem:
    """Return the 503 for something that we depend on and that may be back soon, in so many seconds."""
    return Problem(503, detail, headers={"Retry-After": retry_after})
