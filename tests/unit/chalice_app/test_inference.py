import json
from typing import Any, cast

import pytest
import urllib3

from chalice_app.breaker import Breaker
from chalice_app.inference import InferenceClient
from chalice_app.problems import Problem

ANSWER = {"predicted": 0, "confidence": 0.9, "model": "digits-test"}


class Pool:
    """A container that gives one answer, or none."""

    def __init__(self, status: int | None, body: bytes) -> None:
        self._status = status
        self._body = body
        self.requests: list[tuple[str, str]] = []
        self.timeout = urllib3.Timeout()  # of the last

    def request(self, method: str, url: str, timeout: urllib3.Timeout, **_: Any) -> urllib3.HTTPResponse:  # noqa: ANN401  urllib3's own form
        self.requests.append((method, url))
        self.timeout = timeout
        if self._status is None:
            raise urllib3.exceptions.TimeoutError
        return urllib3.HTTPResponse(self._body, status=self._status)


def client(status: int | None, document: object = None, body: bytes | None = None) -> InferenceClient:
    pool = Pool(status, json.dumps(document).encode() if body is None else body)
    return InferenceClient("http://model", cast("urllib3.PoolManager", pool), Breaker(), budget_seconds=1)


def test_an_answer_is_handed_on() -> None:
    assert client(200, ANSWER).classify(b"image", "id") == ANSWER


@pytest.mark.parametrize("status", [413, 415, 422])
def test_a_refusal_keeps_its_status_and_reason(status: int) -> None:
    with pytest.raises(Problem) as error:
        client(status, {"detail": "because"}).classify(b"image", "id")
    assert (error.value.status, error.value.detail) == (status, "because")


@pytest.mark.parametrize("status", [None, 400, 404, 500, 503])
def test_a_model_that_does_not_answer_is_a_503_that_says_when_to_come_back(status: int | None) -> None:
    with pytest.raises(Problem) as error:
        client(status, {"detail": "inner secret"}).classify(b"image", "id")
    assert error.value.status == 503
    assert "Retry-After" in error.value.headers
    assert "secret" not in error.value.detail


@pytest.mark.parametrize(
    "answer",
    [[], {}, {**ANSWER, "predicted": 10}, {**ANSWER, "predicted": True}, {**ANSWER, "confidence": "high"}],
)
def test_what_is_no_classification_is_no_answer(answer: object) -> None:
    with pytest.raises(Problem) as error:
        client(200, answer).classify(b"image", "id")
    assert error.value.status == 503


def test_what_is_no_json_is_no_answer() -> None:
    with pytest.raises(Problem) as error:
        client(200, body=b"<html>").classify(b"image", "id")
    assert error.value.status == 503


def test_an_answer_is_waited_for_as_much_less_as_connecting_took() -> None:
    pool = Pool(200, json.dumps(ANSWER).encode())
    InferenceClient(
        "http://model", cast("urllib3.PoolManager", pool), Breaker(), budget_seconds=4.2
    ).classify(b"image", "id")
    pool.timeout.start_connect()
    left = pool.timeout.read_timeout
    assert isinstance(left, float)
    assert 1 < left < 2


def test_a_model_that_fails_again_and_again_is_not_asked_for_a_while() -> None:
    pool = Pool(None, b"")
    breaker = Breaker(threshold=2)
    failing = InferenceClient("http://model", cast("urllib3.PoolManager", pool), breaker, budget_seconds=1)
    for _ in range(5):
        with pytest.raises(Problem) as error:
            failing.classify(b"image", "id")
        assert error.value.status == 503
    assert len(pool.requests) == 2


def test_refused_images_are_no_failures_of_the_model() -> None:
    refusing = client(415, {"detail": "no image"})
    for _ in range(5):
        with pytest.raises(Problem) as error:
            refusing.classify(b"image", "id")
        assert error.value.status == 415


def test_a_ping_needs_a_200() -> None:
    assert client(200, {"model": "digits-test"}).ping() == {"model": "digits-test"}
    with pytest.raises(Problem):
        client(503, {}).ping()
