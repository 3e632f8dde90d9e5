"""Parts together: started at once, healthy while they are used, stopped at once."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infrastructure.local import parts
from infrastructure.local.credentials import Credentials
from infrastructure.local.environment import with_own
from infrastructure.local.interrupts import uninterrupted
from infrastructure.local.part import Part
from infrastructure.local.settings import BUCKET, ROOT, LocalError, Settings, folder_errors_named

START_SECONDS = 150.0  # a cold disk reads PyTorch in 20 s, and several may start at once
LEAST_FREE = 0.01  # of the disk: SeaweedFS' own, which nothing moves
STOP_SECONDS = 4.0  # ctrl-C ends everything within 5 s


def _ignore(_part: Part) -> None: ...


class Running:
    """A context manager: inside it every part is healthy, after it none is left."""

    def __init__(
        self, parts: Sequence[Part], logs: Path, on_healthy: Callable[[Part], None] = _ignore
    ) -> None:
        self.parts = parts
        self._logs = logs
        self._on_healthy = on_healthy
        self._held: Sequence[int] = ()  # descriptors that the parts keep open

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            with uninterrupted() as is_interrupted:  # at its end it raises what has come
                for part in self.parts:
                    part.start(self._logs, self._held)
                self._note_processes()
                self._wait_until_healthy(is_interrupted)
        except BaseException:
            with uninterrupted():
                self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            try:
                if isinstance(error, Exception):
                    self._check_alive()  # a part that has died says why all else fails
            finally:
                self._stop()

    def watch(self) -> None:
        """Never return: raise LocalError as soon as a part has ended."""
        with uninterrupted() as is_interrupted:
            while not is_interrupted():
                self._check_alive()
                time.sleep(0.2)

    def _note_processes(self) -> None:
        """Keep which processes run now, where that is of use."""

    def _wait_until_healthy(self, is_interrupted: Callable[[], bool]) -> None:
        waiting = list(self.parts)
        deadline = time.monotonic() + START_SECONDS
        while waiting:
            if is_interrupted():
                raise KeyboardInterrupt
            self._check_alive()
            for part in [part for part in waiting if not is_interrupted() and part.is_healthy()]:
                self._on_healthy(part)
                waiting.remove(part)
            if waiting and time.monotonic() > deadline:
                raise waiting[0].failed(f"is not healthy after {START_SECONDS:.0f} s")
            time.sleep(0.05)

    def _check_alive(self) -> None:
        for part in self.parts:
            part.check_alive()

    def _stop(self) -> None:
        for part in self.parts:
            part.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for part in self.parts:
            part.stop(deadline)


class Stack(Running):
    """The whole system over one data folder: S3 store, model, API and page."""

    def __init__(self, settings: Settings, on_healthy: Callable[[Part], None] = _ignore) -> None:
        self.settings = settings
        with folder_errors_named(settings.data):
            settings.data.mkdir(0o700, parents=True, exist_ok=True)
            disk = shutil.disk_usage(settings.data)
            check_space(settings.data, disk.free, disk.total)
            self.credentials = Credentials.of(settings.data)
            all_parts = [
                parts.store(settings, self.credentials),
                parts.inference(settings),
                parts.api(settings, self.credentials),
                parts.page(settings),
            ]
        super().__init__(all_parts, settings.data / "logs", on_healthy)

    def __enter__(self) -> Self:
        with folder_errors_named(self.settings.data):
            self._logs.mkdir(exist_ok=True)
            self._lock = (self.settings.data / "lock").open("a+")  # which keeps what it says
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.seek(0)
                how = f" (kill {running})" if (running := self._lock.read()) else ""
                self._lock.close()
                raise LocalError(
                    f"The data in {self.settings.data} is in use: `make run`, or a server that it has "
                    f"started, runs already. Stop it{how}, or name another folder with LEGIBLE_DATA."
                ) from None
            self._lock.truncate(0)
        self._held = [self._lock.fileno()]  # a killed `make run` leaves its servers, and they the data in use
        return super().__enter__()

    def _note_processes(self) -> None:
        """Let the next start name them, should this program be killed and leave them."""
        pids = (os.getpid(), *(part.pid for part in self.parts))
        with contextlib.suppress(OSError):  # of a full disk: then it cannot
            Path(self._lock.name).write_text(" ".join(map(str, pids)))

    def _stop(self) -> None:
        super()._stop()
        self._lock.close()


def check_space(data: Path, free: int, total: int) -> None:
    """Raise LocalError where the store would be there and write nothing. `free` and `total` are bytes."""
    if free < LEAST_FREE * total:
        raise LocalError(
            f"Less than {LEAST_FREE:.0%} of the disk that {data} is on is free ({free // 2**20} MB): "
            "the store would write nothing. Free some, or name another folder with LEGIBLE_DATA."
        )


def run_accuracy_job(settings: Settings, credentials: Credentials, *options: str) -> None:
    """Run the accuracy job over the labels in a running store; raise LocalError if it fails."""
    command = [sys.executable, "-m", "accuracy_job", f"s3://{BUCKET}", *options]
    environment = with_own(parts.store_environment(settings, credentials))
    job = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if job.returncode != 0:
        raise LocalError(f"The accuracy job has ended with status {job.returncode}.")
