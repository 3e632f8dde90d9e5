"""One part of the system as a process of its own: started, asked for its health, stopped."""

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import urllib3

from infrastructure.local.environment import with_own
from infrastructure.local.interrupts import uninterrupted
from infrastructure.local.settings import (
    HOST,
    MAX_PORT,
    ROOT,
    LocalError,
    folder_errors_named,
    is_free,
    refusal,
)

_POOL = urllib3.PoolManager()
GONE_SECONDS = 5.0


@dataclass
class Part:
    """A server that listens on one port of this machine."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]  # beside the runner's own
    port: int
    variable: str  # what moves the port
    health: str  # the path that answers 200 once the part works
    folder: Path = ROOT  # that it works in
    _log: Path = field(default=Path(os.devnull), init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self, logs: Path, held: Sequence[int] = ()) -> None:
        """Start the process in a group of its own, so that ctrl-C reaches it only through this class.

        `held` are descriptors that it keeps open for as long as it lives.
        """
        if error := refusal(self.port):
            raise self.without_port(error)
        self._log = logs / f"{self.name}.log"
        with folder_errors_named(logs):
            log = self._log.open("wb")
        with log, uninterrupted():
            try:
                self._process = subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    env=with_own(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=held,
                )
            except OSError as error:  # of a program that a set-up, once interrupted, has left in halves
                how = "Delete .venv, and run make again."
                raise LocalError(f"The {self.name} cannot be started: {error}. {how}") from error

    def without_port(self, error: OSError) -> LocalError:
        """Return what to do where nothing can listen on the port."""
        if error.errno == errno.EACCES:
            why, other = "is root's alone. Move", self.port + 8000  # 8080 for 80, as people expect
        else:
            why = "is taken. Stop what listens there, or move"
            other = self.port + 100 if self.port + 100 <= MAX_PORT else self.port - 100
        return LocalError(
            f"Port {self.port}, for the {self.name}, {why} the {self.name}: {self.variable}={other}"
        )

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}{self.health}"

    def is_healthy(self) -> bool:
        return self.answer("GET") == HTTPStatus.OK

    def answer(self, method: str, headers: Mapping[str, str] | None = None) -> int | None:
        """Return the status of what is asked for its health, None as long as nothing answers."""
        try:
            return _POOL.request(method, self.url, headers=headers, timeout=2.0, retries=False).status
        except urllib3.exceptions.HTTPError:
            return None

    def check_alive(self) -> None:
        """Raise LocalError, with the end of the log, if the process has ended."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            raise self.failed(f"has ended with status {status}")

    def failed(self, how: str) -> LocalError:
        end = []
        with contextlib.suppress(OSError):  # it may have been deleted with its folder
            end = self._log.read_text(errors="replace").splitlines()[-15:]
        return LocalError("\n  ".join([f"The {self.name} {how}. The end of {self._log}:", *end]))

    def ask_to_stop(self) -> None:
        self._signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        """Wait until `deadline`, on the monotonic clock, for the end of the process; then kill its group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._signal(signal.SIGKILL)  # also what the process may have left in its group
        self._process.wait()
        end = time.monotonic() + GONE_SECONDS
        while not is_free(self.port) and time.monotonic() < end:  # the kernel is ending its workers
            time.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # the whole group has ended
                os.killpg(self._process.pid, number)
