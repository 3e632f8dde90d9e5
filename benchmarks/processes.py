"""What a process and its descendants use, from /proc."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Tree:
    """A process with all its descendants."""

    root: int  # process id

    def cpu_seconds(self) -> float:
        """Return the processor time of the processes that live, user's and system's."""
        return sum(_cpu_ticks(process) for process in self._processes(self.root)) / _TICKS

    def memory_bytes(self) -> int:
        """Return the proportional set size: a page that n processes share counts 1/n in each."""
        return sum(_proportional_bytes(process) for process in self._processes(self.root))

    def _processes(self, pid: int) -> Iterator[Path]:
        process = Path("/proc", str(pid))
        yield process
        for children in process.glob("task/*/children"):
            for child in children.read_text().split():
                yield from self._processes(int(child))


def _cpu_ticks(process: Path) -> int:
    fields = (process / "stat").read_text().rpartition(")")[2].split()  # the name before it may hold anything
    return int(fields[11]) + int(fields[12])  # utime, stime: proc_pid_stat(5)


def _proportional_bytes(process: Path) -> int:
    lines = (process / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
