"""Hostile bodies through the public API and through the container's own server, each of them watched.

A finding is a 5xx, an answer of another form than promised, a worker that has died, a known digit that is no
longer read as before, or something that stays of an image that was refused.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from infrastructure.local.part import Part
from infrastructure.local.settings import HOST
from tests.fuzz.bodies import Body
from tests.integration.chalice_app.system import System
from tests.integration.chalice_app.writer import ZERO, Writer
from tests.processes import children
from tests.waiting import wait_until

REFUSALS = {400, 413, 415, 422}
PROBE_EVERY = 50  # bodies
PATIENCE_SECONDS = 60.0
READING = ("predicted", "confidence", "probabilities", "is_digit", "preprocessed")
KNOWN = Body("known digit", ZERO, "image/png")

Answer = urllib3.BaseHTTPResponse


@dataclass(frozen=True, order=True)
class Cost:
    """What one body took of a part."""

    amount: float = 0.0
    kind: str = ""
    number: int = -1


@dataclass
class Watched:
    """A part, its processes, and what the bodies took of it at most."""

    processes: Callable[[], list[int]]
    send: Callable[[Body], Answer]
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: Cost = Cost()
    megabytes: Cost = Cost()  # beyond what the process had before the body
    peak_megabytes: float = 0.0  # of its largest process

    def answer(self, one: Body, number: int) -> Answer:
        """Send a body, and note how long it took."""
        start = time.perf_counter()
        answer = self.send(one)
        self.seconds = max(self.seconds, Cost(time.perf_counter() - start, one.kind, number))
        self.statuses[answer.status] += 1
        return answer

    @contextmanager
    def weighed(self, one: Body, number: int) -> Iterator[None]:
        """Note what memory a body takes that is sent meanwhile, to this part or to one before it."""
        before = {pid: _megabytes(pid, "VmRSS") for pid in self.processes()}
        for pid in before:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak so far: proc(5)
        yield
        peaks = {pid: _megabytes(pid, "VmHWM") for pid in before}
        grown = max(peaks[pid] - before[pid] for pid in before)
        self.megabytes = max(self.megabytes, Cost(grown, one.kind, number))
        self.peak_megabytes = max(self.peak_megabytes, *peaks.values())


class Campaign:
    """Somebody who sends hostile bodies to a running system."""

    def __init__(self, system: System, api: Part) -> None:
        self.parts = {
            "API": Watched(lambda: [_pid(api)], self._post),
            "model": Watched(lambda: children(_pid(system.model)), self._invoke),
        }
        self.findings: list[str] = []
        self.late = 0  # bodies that took the model longer than the API waits for, and were settled later
        self.probes = 0
        self._system = system
        self._writer = Writer(system.url)
        self._model = urllib3.HTTPConnectionPool(HOST, system.model.port)
        self._images = self._stored_images()
        self._processes = {name: part.processes() for name, part in self.parts.items()}
        self._known = self._read()

    def run(self, bodies: Iterable[Body], through: Sequence[str] = ("API", "model")) -> None:
        """Send them one after the other, through each of these parts."""
        for number, one in enumerate(bodies):
            for name in through:
                self._judge(self.parts[name].answer, one, number, name)
            if number % PROBE_EVERY == 0:
                self._probe(f"after body {number} ({one.kind})")
        self._probe("in the end")
        self._look_at_what_stays()

    def _judge(self, send: Callable[[Body, int], Answer], one: Body, number: int, part: str) -> None:
        try:
            with ExitStack() as weighing:
                for each in self.parts.values():
                    weighing.enter_context(each.weighed(one, number))
                answer = send(one, number)
            wrong = _wrong(answer)
        except (urllib3.exceptions.HTTPError, OSError) as error:  # no answer, or a process that is gone
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            self.findings.append(f"{part}, body {number} ({one.kind}): {wrong}")

    def _post(self, one: Body) -> Answer:
        answer = self._writer.post(one.data, one.media_type)
        if answer.status != 202:
            return answer
        self.late += 1
        path, answers = f"/classifications/{answer.json()['id']}", [answer]

        def settled() -> bool:
            answers.append(self._writer.ask("GET", path))
            return answers[-1].status != 200 or answers[-1].json()["status"] != "pending"

        wait_until(settled, PATIENCE_SECONDS)
        return answers[-1]

    def _invoke(self, one: Body) -> Answer:
        headers = {"Content-Type": one.media_type}
        return self._model.request(
            "POST", "/invocations", body=one.data, headers=headers, retries=False, timeout=PATIENCE_SECONDS
        )

    def _read(self) -> list[Any]:
        answers = [self._post(KNOWN).json(), self._invoke(KNOWN).json()]
        return [[answer.get(name) for name in READING] for answer in answers]

    def _probe(self, when: str) -> None:
        """Make sure that a known digit is read as before, by the processes that did then."""
        self.probes += 1
        if self._read() != self._known:
            self.findings.append(f"{when}: a known digit is read differently")
        processes = {name: part.processes() for name, part in self.parts.items()}
        if processes != self._processes:
            self.findings.append(f"{when}: a process has died")
            self._processes = processes

    def _look_at_what_stays(self) -> None:
        accepted = sum(count for status, count in self.parts["API"].statuses.items() if status < 300)
        expected = len(self._images) + accepted + 1 + self.probes  # the known digit was sent before them all
        if (there := len(self._stored_images())) != expected:
            self.findings.append(f"{there} images are stored, {expected} were accepted")

    def _stored_images(self) -> set[str]:
        return {key for key in self._system.stored() if key.startswith("images/")}


def _wrong(answer: Answer) -> str:
    """Say what is wrong with an answer, if anything is."""
    try:
        document = answer.json()
        if answer.status in {200, 201} and document["predicted"] in range(10):
            return ""
        if answer.status in REFUSALS and document["status"] == answer.status and document["detail"]:
            return ""
    except (ValueError, LookupError):
        pass  # whatever it is, it is not what was promised
    return f"answered {answer.status}: {answer.data[:200]!r}"


def _pid(part: Part) -> int:
    assert part.pid is not None
    return part.pid


def _megabytes(pid: int, figure: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(figure))
