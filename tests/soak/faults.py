"""What is done to the parts: killed, stopped, slowed, restarted, in an order that a seed decides."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from infrastructure.local.environment import with_own
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, ROOT
from tests.integration.chalice_app.system import send
from tests.waiting import wait_until

PAUSE = (0.3, 1.5)  # seconds between two faults
STOPPED = (0.5, 3.0)  # seconds
SLICE = 0.05  # seconds that a slowed part runs, and rests, in turn


class Faults:
    """A thread that disturbs the parts until it is ended; afterwards all of them run."""

    def __init__(self, parts: list[Part], logs: Path, store: Mapping[str, str], rng: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self.last = "none"
        self._parts = parts
        self._logs = logs
        self._store = store
        self._rng = rng
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Faults":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._rng.uniform(*PAUSE)):
            part, fault = self._rng.choice(self._parts), self._rng.choice(["kill", "restart", "stop", "slow"])
            if self._rng.random() < 0.15:
                self._note("kill job")
                self._kill_job()
            else:
                self._note(f"{fault} {part.name}")
                getattr(self, f"_{fault}")(part)

    def _note(self, fault: str) -> None:
        self.done[fault] += 1
        self.last = fault

    def _kill(self, part: Part) -> None:
        part.stop(deadline=0)
        self._ended.wait(self._rng.uniform(0, 1))
        self._start(part)

    def _restart(self, part: Part) -> None:
        part.ask_to_stop()
        part.stop(time.monotonic() + 5)
        self._start(part)

    def _stop(self, part: Part) -> None:
        send(part, signal.SIGSTOP)
        self._ended.wait(self._rng.uniform(*STOPPED))
        send(part, signal.SIGCONT)

    def _slow(self, part: Part) -> None:
        end = time.monotonic() + self._rng.uniform(*STOPPED)
        while time.monotonic() < end:
            send(part, signal.SIGSTOP)
            time.sleep(SLICE)
            send(part, signal.SIGCONT)
            time.sleep(SLICE)

    def _kill_job(self) -> None:
        """Start the accuracy job, and kill it wherever it is."""
        job = subprocess.Popen(
            [sys.executable, "-m", "accuracy_job", f"s3://{BUCKET}"],
            cwd=ROOT,
            env=with_own(self._store),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._ended.wait(self._rng.uniform(0.5, 3))
        job.kill()
        job.wait()

    def _start(self, part: Part) -> None:
        part.start(self._logs)
        wait_until(lambda: part.is_healthy() or self._ended.is_set())
