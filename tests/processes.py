"""What runs on this machine."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from infrastructure.local.settings import ROOT

# Before a command: its threads would wait for each other where other tests run on the other cores.
ON_ONE_CORE = ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    *,
    folder: Path = ROOT,
    stdin: int | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> Iterator["subprocess.Popen[str]"]:
    """Yield a program in a group of its own, of which nothing is left afterwards, also where a test fails."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def processes_that_name(folder: Path) -> dict[int, str]:
    """Return the command lines, by PID, of living processes that name a folder there or in a variable."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is not ours
        if str(folder).encode() in command + environment and int(process.name) != os.getpid():
            found[int(process.name)] = command.decode(errors="replace").replace("\0", " ")
    return found


def children(pid: int) -> list[int]:
    """Return the PIDs of a process's own children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_open(pid: int, file: Path) -> bool:
    """Tell whether a process has a file open."""
    try:
        return file in {each.readlink() for each in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:  # it has ended, or closed one meanwhile
        return False


def catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process has said itself what a signal shall do."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return bool(int(caught, 16) & 1 << number - 1)
