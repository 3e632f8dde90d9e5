"""What runs on this machine."""

import os
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
