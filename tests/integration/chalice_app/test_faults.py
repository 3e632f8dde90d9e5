"""What a caller sees while the model or the store is killed, stopped or slow."""

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3

from infrastructure.local import parts
from infrastructure.local.credentials import Credentials
from infrastructure.local.part import Part
from infrastructure.local.samples import Sample
from infrastructure.local.settings import BUCKET, LocalError, Settings
from infrastructure.local.stack import Running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HTTP = urllib3.PoolManager()
ZERO = next(sample.path for sample in Sample.all() if sample.path.name == "mnist-2.png").read_bytes()
INFERENCE_SECONDS = 3.0
GATEWAY_SECONDS = 29.0


@dataclass(frozen=True)
class System:
    """Store, model and API, each to be disturbed; `restore` mends what a test has done."""

    store: Part
    model: Part
    api: Part
    s3: "S3Client"
    logs: Path

    def kill(self, part: Part) -> None:
        part.stop(deadline=0)

    def send(self, part: Part, number: signal.Signals) -> None:
        assert part.pid is not None
        os.killpg(part.pid, number)

    def restore(self) -> None:
        for part in (self.store, self.model):
            try:
                part.check_alive()
            except LocalError:  # it has ended, as the test wanted
                part.start(self.logs)
            self.send(part, signal.SIGCONT)
        for part in (self.store, self.model, self.api):
            wait_until(part.is_healthy)

    def stored(self) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    settings = Settings.on_free_ports(tmp_path_factory.mktemp("faults"))
    credentials = Credentials.of(settings.data)
    environment = {"LEGIBLE_INFERENCE_SECONDS": str(INFERENCE_SECONDS), "LEGIBLE_SWEEP_SECONDS": "2"}
    api = parts.api(settings, credentials)
    api = replace(api, environment={**api.environment, **environment})
    store, model = parts.store(settings, credentials), parts.inference(settings)
    s3 = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        region_name="us-east-1",
    )
    logs = settings.data / "logs"
    with Running([store, model, api], logs):
        yield System(store, model, api, s3, logs)


@pytest.fixture
def system(running: System) -> Iterator[System]:
    yield running
    running.restore()


class Writer:
    def __init__(self, system: System) -> None:
        self._url = f"http://127.0.0.1:{system.api.port}"
        self._token = secrets.token_urlsafe(32)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self._token}", "Accept": "image/png", **named}
        return HTTP.request(
            method, self._url + path, body=body, headers=sent, timeout=GATEWAY_SECONDS, retries=False
        )

    def post(self, image: bytes = ZERO, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.ask("POST", "/classifications", image, content_type="image/png", **headers)

    def record(self, id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/classifications/{id}")
        assert answer.status == 200, answer.data
        record: dict[str, Any] = answer.json()
        return record

    def label(self, id: str, true: int) -> urllib3.BaseHTTPResponse:
        body = json.dumps({"true": true}).encode()
        return self.ask("PUT", f"/classifications/{id}/label", body, content_type="application/json")


@pytest.fixture
def writer(system: System) -> Writer:
    return Writer(system)


def kept(answer: urllib3.BaseHTTPResponse) -> str:
    """Return the id of an image that was kept until the model answers."""
    assert answer.status == 202, answer.data
    record = answer.json()
    assert record["status"] == "pending"
    assert answer.headers["Location"] == f"/classifications/{record['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    return str(record["id"])


def test_while_the_model_is_dead_images_are_kept_and_completed_on_a_read_once_it_is_back(
    system: System, writer: Writer
) -> None:
    system.kill(system.model)
    id = kept(writer.post())
    assert writer.ask("GET", f"/classifications/{id}/image").data == ZERO
    assert writer.record(id)["status"] == "pending"
    assert [record["id"] for record in writer.ask("GET", "/classifications").json()["classifications"]] == [
        id
    ]
    health = writer.ask("GET", "/health")
    assert (health.status, health.json()["dependencies"]["inference"]["status"]) == (503, "unavailable")
    system.restore()
    wait_until(lambda: writer.record(id)["status"] == "classified")
    assert writer.record(id)["predicted"] == 0


def test_a_pending_image_takes_no_label_and_can_be_deleted(system: System, writer: Writer) -> None:
    before = system.stored()
    system.kill(system.model)
    id = kept(writer.post(idempotency_key="k"))
    refused = writer.label(id, 0)
    assert (refused.status, "pending" in refused.json()["detail"]) == (409, True)
    assert writer.ask("DELETE", f"/classifications/{id}").status == 204
    assert system.stored() == before


def test_what_is_pending_is_completed_by_the_schedule_without_anybody_reading_it(
    system: System, writer: Writer
) -> None:
    system.kill(system.model)
    id = kept(writer.post())
    system.restore()
    wait_until(lambda: f"pending/{id}" not in system.stored())
    (key,) = (key for key in system.stored() if key.startswith("classifications/") and id in key)
    record = json.loads(system.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert (record["status"], record["predicted"]) == ("classified", 0)


def test_a_replay_while_the_model_is_dead_is_the_same_record(system: System, writer: Writer) -> None:
    system.kill(system.model)
    assert kept(writer.post(idempotency_key="k")) == kept(writer.post(idempotency_key="k"))
    assert writer.post(ZERO + b"\0", idempotency_key="k").status == 409


def test_a_truncated_image_that_was_kept_is_gone_once_the_model_has_refused_it(
    system: System, writer: Writer
) -> None:
    before = system.stored()
    system.kill(system.model)
    id = kept(writer.post(ZERO[:150]))
    system.restore()
    wait_until(lambda: writer.ask("GET", f"/classifications/{id}").status in {404, 422})
    wait_until(lambda: system.stored() == before)
    assert writer.ask("GET", f"/classifications/{id}").status == 404


def test_a_stopped_model_costs_a_caller_its_time_budget_and_soon_nothing(
    system: System, writer: Writer
) -> None:
    system.send(system.model, signal.SIGSTOP)
    seconds = []
    for _ in range(4):
        started = time.monotonic()
        id = kept(writer.post())
        seconds.append(time.monotonic() - started)
    assert max(seconds) < INFERENCE_SECONDS + 2
    assert seconds[3] < 1  # the breaker is open
    system.send(system.model, signal.SIGCONT)
    wait_until(lambda: writer.record(id)["status"] == "classified")


def test_a_model_that_is_slow_for_a_moment_is_asked_again_within_the_budget(
    system: System, writer: Writer
) -> None:
    wait_until(lambda: writer.post().status == 201)  # the breaker is closed
    system.send(system.model, signal.SIGSTOP)
    one_attempt = INFERENCE_SECONDS / 3
    threading.Timer(one_attempt, system.send, (system.model, signal.SIGCONT)).start()
    answer = writer.post()
    assert (answer.status, answer.json()["predicted"]) == (201, 0)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_without_the_store_nothing_is_half_written_and_the_same_request_succeeds_later(
    system: System, writer: Writer, fault: signal.Signals
) -> None:
    before = system.stored()
    system.send(system.store, fault)
    for answer in (writer.post(idempotency_key="k"), writer.ask("GET", "/classifications")):
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "application/problem+json"
    if fault == signal.SIGKILL:
        system.kill(system.store)  # and wait for its end
    system.restore()
    id = writer.post(idempotency_key="k").json()["id"]
    made = {key.split("/")[0] for key in system.stored() - before}
    assert made == {"images", "classifications", "writers", "idempotency"}
    assert len(system.stored() - before) == 4
    assert writer.record(id)["predicted"] == 0


def test_without_store_and_model_there_is_a_503(system: System, writer: Writer) -> None:
    system.kill(system.store)
    system.kill(system.model)
    assert writer.post().status == 503
