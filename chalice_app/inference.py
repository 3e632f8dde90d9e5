"""The model, over HTTP: DESIGN of `POST /invocations` in inference_image."""

import json
from typing import Any

import urllib3

from chalice_app.digits import is_digit
from chalice_app.problems import Problem, unavailable

# API Gateway gives up after 29 s. A busy model answers in milliseconds or refuses at once.
TIMEOUT = urllib3.Timeout(connect=1.0, read=10.0)  # seconds
_REFUSALS = {400, 413, 415, 422}


class InferenceClient:
    """Asks the container. The pool is shared by all threads."""

    def __init__(self, url: str, pool: urllib3.PoolManager) -> None:
        self._url = url
        self._pool = pool

    def classify(self, image: bytes, request_id: str) -> dict[str, Any]:
        """Return the container's answer about an image.

        Raise the container's own Problem if it refuses the image, 503 if it is busy or does not
        answer, 502 if what it answers is no classification.
        """
        response = self._request("POST", "/invocations", body=image, headers={"X-Request-Id": request_id})
        answer = _document(response)
        if response.status in _REFUSALS:
            raise Problem(response.status, str(answer.get("detail", "The image was refused.")))
        if response.status != 200:
            raise unavailable("The model is busy. Send the image again.")
        if not is_digit(answer.get("predicted")) or not isinstance(answer.get("confidence"), float):
            raise Problem(502, "The model answered something that is no classification.")
        return answer

    def ping(self) -> dict[str, Any]:
        """Return what a healthy container says of itself; raise Problem 503 if it is not healthy."""
        response = self._request("GET", "/ping")
        if response.status != 200:
            raise unavailable("The model is not ready.")
        return _document(response)

    def _request(self, method: str, path: str, **request: Any) -> urllib3.BaseHTTPResponse:  # noqa: ANN401  urllib3's
        try:
            return self._pool.request(method, self._url + path, timeout=TIMEOUT, retries=1, **request)
        except urllib3.exceptions.HTTPError as error:
            raise unavailable("The model does not answer. Send the image again.") from error


def _document(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        document = json.loads(response.data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
