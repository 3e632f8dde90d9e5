"""What a caller sees while the model or the store is killed, stopped or slow."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from chalice_app.inference import ATTEMPTS, PAUSE_SECONDS
from chalice_app.keys import INTENTS
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, LocalError
from tests.integration.chalice_app.system import System, running, send
from tests.integration.chalice_app.writer import ZERO, Writer, kept
from tests.waiting import wait_until

INFERENCE_SECONDS = 3.0
ATTEMPT_SECONDS = (INFERENCE_SECONDS - 2 * PAUSE_SECONDS) / ATTEMPTS


@dataclass(frozen=True)
class Disturbed(System):
    """Store, model and API, the first two to be disturbed; `restore` mends what a test has done."""

    store_part: Part
    api: Part
    logs: Path

    def kill(self, part: Part) -> None:
        part.stop(deadline=0)

    def restore(self) -> None:
        for part in (self.store_part, self.model):
            try:
                part.check_alive()
            except LocalError:  # it has ended, as the test wanted
                part.start(self.logs)
            send(part, signal.SIGCONT)
        for part in (self.store_part, self.model, self.api):
            wait_until(part.is_healthy)
        wait_until(self._takes_writes)  # on a busy machine long after the store knows its credentials

    def _takes_writes(self) -> bool:
        try:
            self.s3.put_object(Bucket=BUCKET, Key="probe", Body=b"on a volume")  # empty, it would need none
            self.s3.delete_object(Bucket=BUCKET, Key="probe")
        except (BotoCoreError, ClientError):
            return False
        return True


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disturbed]:
    folder = tmp_path_factory.mktemp("faults")
    variables = {"LEGIBLE_INFERENCE_SECONDS": str(INFERENCE_SECONDS), "LEGIBLE_SWEEP_SECONDS": "2"}
    with running(folder, **variables) as (system, (store, _, api)):
        yield Disturbed(**vars(system), store_part=store, api=api, logs=folder / "logs")


@pytest.fixture
def system(disturbed: Disturbed) -> Iterator[Disturbed]:
    yield disturbed
    disturbed.restore()


@pytest.fixture
def writer(system: Disturbed) -> Writer:
    return Writer(system.url)


def test_while_the_model_is_dead_images_are_kept_and_completed_on_a_read_once_it_is_back(
    system: Disturbed, writer: Writer
) -> None:
    system.kill(system.model)
    id = kept(writer.post())
    assert writer.image(id).data == ZERO
    assert writer.record(id)["status"] == "pending"
    assert [record["id"] for record in writer.ask("GET", "/classifications").json()["classifications"]] == [
        id
    ]
    health = writer.ask("GET", "/health")
    assert (health.status, health.json()["dependencies"]["inference"]["status"]) == (503, "unavailable")
    system.restore()
    wait_until(lambda: writer.record(id)["status"] == "classified")
    assert writer.record(id)["predicted"] == 0
    assert not any(key.startswith(f"pending/{id}") for key in system.stored())


def test_a_pending_image_takes_no_label_and_can_be_deleted(system: Disturbed, writer: Writer) -> None:
    before = system.stored()
    system.kill(system.model)
    id = kept(writer.post(idempotency_key="k"))
    refused = writer.label(id, 0)
    assert (refused.status, "pending" in refused.json()["detail"]) == (409, True)
    assert writer.delete(id).status == 204
    assert not system.stored() - before


def test_what_is_pending_is_completed_by_the_schedule_without_anybody_reading_it(
    system: Disturbed, writer: Writer
) -> None:
    system.kill(system.model)
    id = kept(writer.post())
    system.restore()
    wait_until(lambda: f"pending/{id}" not in system.stored())
    (key,) = (key for key in system.stored() if key.startswith("classifications/") and id in key)
    record = json.loads(system.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert (record["status"], record["predicted"]) == ("classified", 0)


def test_a_replay_while_the_model_is_dead_is_the_same_record(system: Disturbed, writer: Writer) -> None:
    system.kill(system.model)
    assert kept(writer.post(idempotency_key="k")) == kept(writer.post(idempotency_key="k"))
    assert writer.post(ZERO + b"\0", idempotency_key="k").status == 409


def test_a_truncated_image_that_was_kept_is_gone_once_the_model_has_refused_it(
    system: Disturbed, writer: Writer
) -> None:
    before = system.stored()
    system.kill(system.model)
    id = kept(writer.post(ZERO[:150]))
    system.restore()
    wait_until(lambda: writer.ask("GET", f"/classifications/{id}").status in {404, 422})
    wait_until(lambda: not system.stored() - before)
    assert writer.ask("GET", f"/classifications/{id}").status == 404


def test_a_stopped_model_costs_a_caller_its_time_budget_and_soon_nothing(
    system: Disturbed, writer: Writer
) -> None:
    send(system.model, signal.SIGSTOP)
    seconds = []
    for _ in range(4):
        started = time.monotonic()
        id = kept(writer.post())
        seconds.append(time.monotonic() - started)
    assert max(seconds) < ATTEMPTS * INFERENCE_SECONDS  # as if each attempt had all of it
    assert seconds[3] < ATTEMPT_SECONDS  # the breaker is open
    send(system.model, signal.SIGCONT)
    wait_until(lambda: writer.record(id)["status"] == "classified")


def test_a_model_that_is_slow_for_a_moment_is_asked_again_within_the_budget(
    system: Disturbed, writer: Writer
) -> None:
    wait_until(lambda: writer.post().status == 201)  # the breaker is closed
    send(system.model, signal.SIGSTOP)
    end_of_moment = threading.Timer(1.4 * ATTEMPT_SECONDS, send, (system.model, signal.SIGCONT))
    end_of_moment.start()
    try:
        started = time.monotonic()
        answer = writer.post()
        assert (answer.status, answer.json()["predicted"]) == (201, 0)
        assert time.monotonic() - started > ATTEMPT_SECONDS
    finally:
        end_of_moment.join()


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_without_the_store_nothing_is_half_written_and_the_same_request_succeeds_later(
    system: Disturbed, writer: Writer, fault: signal.Signals
) -> None:
    before = system.stored()
    send(system.store_part, fault)
    with ThreadPoolExecutor() as at_once:  # each waits for the store as long as it may
        posted = at_once.submit(writer.post, idempotency_key="k")
        listed = at_once.submit(writer.ask, "GET", "/classifications")
    for answer in (posted.result(), listed.result()):
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "application/problem+json"
    if fault == signal.SIGKILL:
        system.kill(system.store_part)  # and wait for its end
    system.restore()
    id = writer.post(idempotency_key="k").json()["id"]
    made = [key.split("/")[0] for key in system.stored() - before if not key.startswith(INTENTS)]
    assert sorted(made) == ["classifications", "idempotency", "images", "writers"]
    assert writer.record(id)["predicted"] == 0


def test_without_store_and_model_there_is_a_503(system: Disturbed, writer: Writer) -> None:
    system.kill(system.store_part)
    system.kill(system.model)
    assert writer.post().status == 503
