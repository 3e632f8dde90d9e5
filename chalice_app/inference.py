"""The model, over HTTP: what `inference_image/openapi.json` says of `POST /invocations` and `GET /ping`."""

import json
import logging
import random
from typing import Any

import urllib3

from chalice_app import logs
from chalice_app.breaker import Breaker
from chalice_app.digits import is_digit
from chalice_app.problems import Problem, unavailable

LOG = logging.getLogger("legible.inference")
# Each has what the model gives itself, 5 of 10 s: cut short, it would come again to a model that is behind.
ATTEMPTS = 2
PAUSE_SECONDS = 0.1  # the longest pause is twice this before the second attempt
_PAUSES_SECONDS = sum(PAUSE_SECONDS * 2**attempt for attempt in range(1, ATTEMPTS))
_PING_SECONDS = 2.0
_REFUSALS = {413, 415, 422}  # of the image; a 400 is about the request, and may be a load balancer's
_TEMPORARY = {429, 502, 503, 504}


class _Retries(urllib3.Retry):
    """Pauses of full jitter: requests that failed together do not come back together (Brooker 2015, AWS)."""

    def get_backoff_time(self) -> float:
        return random.uniform(0, PAUSE_SECONDS * 2 ** len(self.history))  # noqa: S311  no secret hangs on it


_RETRIES = _Retries(
    total=ATTEMPTS - 1,
    redirect=0,
    allowed_methods=None,  # asking twice does no harm, also by POST
    status_forcelist=_TEMPORARY,
    respect_retry_after_header=False,  # the time budget decides
    raise_on_status=False,
)


class InferenceClient:
    """Asks the container. The pool and the breaker are shared by all threads."""

    def __init__(self, url: str, pool: urllib3.PoolManager, breaker: Breaker, budget_seconds: float) -> None:
        """`budget_seconds` is what one call may take, with all its attempts and pauses.

        Of an answer that has begun, urllib3 counts the time to its next piece alone.
        """
        self._url = url
        self._pool = pool
        self._breaker = breaker
        self._attempt_seconds = (budget_seconds - _PAUSES_SECONDS) / ATTEMPTS

    def classify(self, image: bytes, request_id: str) -> dict[str, Any]:
        """Return the container's answer about an image.

        Raise the container's own Problem, 4xx, if it refuses the image, and Problem 503 if it is
        busy, does not answer in time, answers nonsense, or has failed so often that it is not asked.
        """
        if not self._breaker.admits():
            raise unavailable("The model has not answered for a while.")
        try:
            answer = self._ask(image, request_id)
        except Problem as problem:
            if problem.status >= 500:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return answer

    def _ask(self, image: bytes, request_id: str) -> dict[str, Any]:
        request = {"body": image, "headers": {"X-Request-Id": request_id}, "retries": _RETRIES}
        response = self._request("POST", "/invocations", self._attempt_seconds, **request)
        answer = _document(response)
        if response.status in _REFUSALS:
            raise Problem(response.status, str(answer.get("detail", "The image was refused.")))
        if response.status != 200:
            logs.event(LOG, logging.WARNING, "the model is busy", status=response.status)
            raise unavailable("The model is busy.")
        if not is_digit(answer.get("predicted")) or not isinstance(answer.get("confidence"), float):
            raise unavailable("The model answered something that is no classification.")
        return answer

    def ping(self) -> dict[str, Any]:
        """Return what a healthy container says of itself; raise Problem 503 if it is not healthy."""
        response = self._request("GET", "/ping", _PING_SECONDS, retries=False)
        if response.status != 200:
            raise unavailable("The model is not ready.")
        return _document(response)

    def _request(
        self,
        method: str,
        path: str,
        seconds: float,
        **request: Any,  # noqa: ANN401  urllib3's
    ) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=min(1.0, seconds), total=seconds)
        try:
            return self._pool.request(method, self._url + path, timeout=timeout, **request)
        except urllib3.exceptions.HTTPError as error:
            logs.event(LOG, logging.WARNING, "the model does not answer", reason=type(error).__name__)
            raise unavailable("The model does not answer.") from error


def _document(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        document = json.loads(response.data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
