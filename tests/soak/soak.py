"""Load with faults: many writers, parts that die, and every answer is held against what is there."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import urllib3
import uuid6

from chalice_app.breaker import Breaker
from chalice_app.classifications import ABANDONED_AFTER, SWEEP_BATCH, Classifications
from chalice_app.inference import InferenceClient
from chalice_app.keys import INTENTS
from chalice_app.store import Store
from infrastructure.local.samples import Sample
from infrastructure.local.settings import BUCKET, HOST
from tests.integration.chalice_app.system import System, running
from tests.integration.chalice_app.writer import Writer
from tests.soak.faults import Faults
from tests.soak.ledger import UNLABELLED, Client

OVERLOAD = 4  # times the rate at which the system answers when nobody waits
CALM_SECONDS = 3.0  # in which that rate is measured
SETTLE_SECONDS = 60.0
IMAGES = [sample.path.read_bytes() for sample in Sample.all() if sample.path.suffix == ".png"]


@dataclass
class Outcome:
    """What was done, and every way in which the end is not what was acknowledged."""

    sustainable: float  # requests in a second
    offered: float
    answered: float
    statuses: Counter[int]
    faults: Counter[str]
    recovered: float  # seconds from the last fault to the first image that is read, with all parts healthy
    images: int
    labels: int
    discrepancies: list[str] = field(default_factory=list)


def soak(folder: Path, seconds: float, writers: int, seed: int, say: Callable[[str], None]) -> Outcome:
    """Load a system of its own for `seconds`, with faults; settle; compare."""
    rng = random.Random(seed)
    with running(folder, LEGIBLE_INFERENCE_SECONDS="3", LEGIBLE_SWEEP_SECONDS="2") as (system, parts):
        clients = [Client(system.url, IMAGES, random.Random(rng.random())) for _ in range(writers)]
        say(f"measuring the rate that is sustained, for {CALM_SECONDS:.0f} s")
        sustainable = _load(clients, CALM_SECONDS, rate=None) / CALM_SECONDS
        offered = OVERLOAD * sustainable
        say(f"{sustainable:.0f} requests/s; now {offered:.0f}/s and faults for {seconds:.0f} s")
        with Faults(parts, folder / "logs", system.store, rng) as faults:
            answered = _load(clients, seconds, offered)
        recovered = _recovery(system.url)
        say(f"answers normally {recovered:.1f} s after the last fault ({faults.last}); settling")
        unsettled = _settle(clients)
        _sweep_later(system)
        say("comparing what was acknowledged with what is there")
        discrepancies = [fault for client in clients for fault in client.faults]
        discrepancies += [f"{len(unsettled)} writers have unclear answers"] if unsettled else []
        for client in clients:
            discrepancies += _compared(client)
        discrepancies += _compared_with_store(clients, system) + _compared_with_report(clients, system)
    expected = [client.expected() for client in clients]
    return Outcome(
        sustainable,
        offered,
        answered / seconds,
        sum((client.statuses for client in clients), Counter[int]()),
        faults.done,
        recovered,
        sum(map(len, expected)),
        sum(state != UNLABELLED for states in expected for state in states.values()),
        discrepancies,
    )


def _load(clients: list[Client], seconds: float, rate: float | None) -> int:
    """Let all act at once for `seconds`, at `rate` requests/s in all, or as fast as they are answered."""
    start, done, over = time.monotonic(), Counter[int](), threading.Event()
    pause = 0.0 if rate is None else len(clients) / rate

    def run(number: int) -> None:
        due = start + pause * number / len(clients)
        while (now := time.monotonic()) < start + seconds and not over.is_set():
            if now < due:
                over.wait(min(due, start + seconds) - now)
                continue
            due += pause
            clients[number].act(clients)
            done[number] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        over.set()  # also where it is interrupted: Python's end waits for them
    return done.total()


def _recovery(api_url: str) -> float:
    """Wait until everything is healthy and an image is read at once; return the seconds."""
    start = time.monotonic()
    writer = Writer(api_url)
    while time.monotonic() < start + SETTLE_SECONDS:
        try:
            if writer.ask("GET", "/health").status == 200 and writer.post(IMAGES[0]).status == 201:
                return time.monotonic() - start
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    return time.monotonic() - start


def _settle(clients: list[Client]) -> list[Client]:
    """Let every writer clear up what is unclear; return those that cannot."""
    end = time.monotonic() + SETTLE_SECONDS
    unclear = clients
    with ThreadPoolExecutor(8) as pool:
        while unclear and time.monotonic() < end:
            settled = list(pool.map(Client.settle, unclear))
            unclear = [client for client, clear in zip(unclear, settled, strict=True) if not clear]
    return unclear


def _sweep_later(system: System) -> None:
    """Let the time pass after which a sweep clears up behind requests that were killed half way."""
    later = ABANDONED_AFTER + timedelta(minutes=1)
    with ThreadPoolExecutor(SWEEP_BATCH) as threads:
        url = f"http://{HOST}:{system.model.port}"
        model = InferenceClient(url, urllib3.PoolManager(), Breaker(), budget_seconds=10.0)
        store = Store(system.s3, BUCKET)
        service = Classifications(store, model, threads, uuid6.uuid7, lambda: datetime.now(UTC) + later)
        service.sweep("soak")


def _compared(client: Client) -> list[str]:
    """Compare what the API lists with what it acknowledged."""
    expected, listed = client.expected(), client.listed()
    wrong = [f"{id} was acknowledged and is not listed" for id in expected.keys() - listed.keys()]
    wrong += [
        f"{id} is listed, and was deleted or never acknowledged" for id in listed.keys() - expected.keys()
    ]
    for id in expected.keys() & listed.keys():
        state = UNLABELLED if listed[id]["true"] is None else listed[id]["true"]
        if state != expected[id]:
            wrong.append(f"{id} is labelled {state}, acknowledged was {expected[id]}")
    return wrong


def _compared_with_store(clients: list[Client], system: System) -> list[str]:
    """Compare the store's own objects: an image, a record and a label for whom they were acknowledged.

    What nobody knows of, because its request was never answered, is whole or not there either.
    """
    keys = system.stored()
    states = {id: state for client in clients for id, state in client.expected().items()}
    deleted = {id for client in clients for id in client.images} - states.keys()
    stored = {
        folder: {Path(key).name.partition(".")[0] for key in keys if key.startswith(f"{folder}/")}
        for folder in ("images", "classifications", "labels", "pending", "writers")
    }
    labelled = {id for id, state in states.items() if state != UNLABELLED}
    wrong = [f"{id} has no image" for id in states.keys() - stored["images"]]
    wrong += [f"{id} has no record" for id in states.keys() - stored["classifications"]]
    wrong += [f"{id} has a label that nobody gave" for id in stored["labels"] - labelled]
    wrong += [f"{id} has lost its label" for id in labelled - stored["labels"]]
    for folder, ids in stored.items():
        wrong += [f"{id} was deleted and is in {folder}/" for id in deleted & ids]
        wrong += [f"{id} is in {folder}/ and has no record" for id in ids - stored["classifications"]]
    wrong += [f"{key} is still there" for key in keys if key.startswith(INTENTS)]
    return wrong


def _compared_with_report(clients: list[Client], system: System) -> list[str]:
    """Run the accuracy job, and compare its matrix with the labels that were acknowledged."""
    system.run_accuracy_job("--verify")
    report: dict[str, Any] = Writer(system.url).ask("GET", "/accuracy").json()
    matrix = np.zeros((10, 10), int)
    for client in clients:
        for id, state in client.expected().items():
            if state != UNLABELLED:
                matrix[state, client.images[id].predicted] += 1
    if report["confusion_matrix"] == matrix.tolist():
        return []
    return [f"the report counts {report['pairs']} pairs, acknowledged are {matrix.sum()}"]
