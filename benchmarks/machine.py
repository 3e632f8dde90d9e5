"""What figures depend on beside the code: processor, memory, system, load, versions."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from inference_image.cores import usable_cores
from infrastructure.local.settings import ROOT

PACKAGES = ("torch", "numpy", "opencv-python-headless", "pillow", "uvicorn", "pyarrow", "obstore")
QUIET = 0.5  # load average: less is what a machine has that does nothing else


@dataclass(frozen=True)
class Machine:
    """This machine, before the first benchmark."""

    began: datetime
    load: float  # average of a minute
    facts: dict[str, str]

    @property
    def is_quiet(self) -> bool:
        return self.load < QUIET


def describe() -> Machine:
    load = os.getloadavg()[0]
    return Machine(datetime.now(UTC), load, dict(_facts()) | {"load average before": f"{load:.2f}"})


def _facts() -> Iterator[tuple[str, str]]:
    yield "processor", f"{_field(Path('/proc/cpuinfo'), 'model name')}, {platform.machine()}"
    yield "cores", f"{usable_cores()} of {os.cpu_count()}"
    yield "memory", f"{int(_field(Path('/proc/meminfo'), 'MemTotal').split()[0]) / 2**20:.1f} GiB"
    yield "system", f"{_distribution()}, Linux {platform.release()}"
    yield "Python", platform.python_version()
    yield "packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield "Legible", _commit()


def _field(file: Path, name: str) -> str:
    """Return the first value of a file of /proc; ARM's cpuinfo names no model."""
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "unknown")


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown"


def _commit() -> str:
    if shutil.which("git") is None:
        return "unknown: there is no git"
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not a repository"
