"""What runs on this machine."""

import os
import signal
from pathlib import Path


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


def catches(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process has said itself what a signal shall do."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return bool(int(caught, 16) & 1 << number - 1)
