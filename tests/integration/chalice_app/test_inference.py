"""The client of the model against a server that fails as it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from chalice_app.breaker import Breaker
from chalice_app.inference import ATTEMPTS, PAUSE_SECONDS, InferenceClient
from chalice_app.problems import Problem
from chalice_app.settings import Settings
from inference_image.settings import Settings as ModelSettings

ANSWER = {"predicted": 0, "confidence": 0.9, "model": "digits-test"}
BUDGET_SECONDS = 2.0


class Model(ThreadingHTTPServer):
    """Answers with `statuses`, one after the other, and then with 200."""

    daemon_threads = True
    statuses: list[int]
    asked: list[str]  # the request ids that came
    answers: threading.Event  # unset, no answer is given

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.asked, self.answers = [], [], threading.Event()
        self.answers.set()


class Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.headers["X-Request-Id"])
        self.server.answers.wait()
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Retry-After", "60")  # more than there is time for
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as model:
        thread = threading.Thread(target=model.serve_forever)
        thread.start()
        yield model
        model.answers.set()
        model.shutdown()
        thread.join()


@pytest.fixture
def client(model: Model) -> Iterator[InferenceClient]:
    url = f"http://127.0.0.1:{model.server_address[1]}"
    with urllib3.PoolManager() as pool:
        yield InferenceClient(url, pool, Breaker(), BUDGET_SECONDS)


@pytest.mark.parametrize("status", [502, 503])
def test_a_busy_model_is_asked_again_under_the_same_id(
    model: Model, client: InferenceClient, status: int
) -> None:
    model.statuses = [status]
    assert client.classify(b"image", "mine") == ANSWER
    assert model.asked == ["mine"] * 2


def test_an_attempt_has_the_time_that_the_model_gives_itself() -> None:
    """One that is cut short comes again to a model that is still at it."""
    attempt = (Settings.inference_seconds - 2 * PAUSE_SECONDS) / ATTEMPTS
    assert attempt == pytest.approx(ModelSettings.deadline_seconds, rel=0.05)


def test_a_model_that_stays_busy_is_given_up_after_its_attempts(
    model: Model, client: InferenceClient
) -> None:
    model.statuses = [503] * 10
    with pytest.raises(Problem) as error:
        client.classify(b"image", "mine")
    assert error.value.status == 503
    assert len(model.asked) == ATTEMPTS


def test_an_image_that_breaks_the_model_is_not_sent_again(model: Model, client: InferenceClient) -> None:
    model.statuses = [500] * 10
    with pytest.raises(Problem) as error:
        client.classify(b"image", "mine")
    assert (error.value.status, len(model.asked)) == (503, 1)


def test_a_model_that_hangs_costs_no_more_than_the_budget(model: Model, client: InferenceClient) -> None:
    model.answers.clear()
    started = time.monotonic()
    with pytest.raises(Problem):
        client.classify(b"image", "mine")
    assert time.monotonic() - started < ATTEMPTS * BUDGET_SECONDS  # as if each attempt had all of it
    assert len(model.asked) == ATTEMPTS
