"""What a process and its descendants use, and what all others do, from /proc."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Tree:
    """A process with all its descendants. What ends while they are looked at counts nothing."""

    root: int  # process id

    def cpu_seconds(self) -> float:
        """Return the processor time of the processes that live, user's and system's."""
        return sum(_cpu_ticks(process) for process in self._processes(self.root)) / _TICKS

    def memory_bytes(self) -> int:
        """Return the proportional set size: a page that n processes share counts 1/n in each."""
        return sum(_proportional_bytes(process) for process in self._processes(self.root))

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Kill at the end of the block what lives of all that were there at its beginning.

        Some have left their parent's group, and outlive it.
        """
        handles = [handle for process in self._processes(self.root) for handle in _handle(process)]
        try:
            yield
        finally:
            for handle in handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                os.close(handle)

    def _processes(self, pid: int) -> Iterator[Path]:
        process = Path("/proc", str(pid))
        yield process
        for thread in _threads(process):
            for child in _text(thread / "children").split():
                yield from self._processes(int(child))


class Spent(NamedTuple):
    """Seconds since some moment: the clock's, and those of the cores that this process may use."""

    time: float
    cores: float  # of all processes
    tree: float
    own: float  # of this process

    @classmethod
    def now(cls, tree: Tree) -> Self:
        return cls(time.perf_counter(), _busy_ticks() / _TICKS, tree.cpu_seconds(), time.process_time())

    def since(self, before: Self) -> Self:
        return type(self)(*(now - then for now, then in zip(self, before, strict=True)))

    @property
    def others(self) -> float:
        return max(0.0, self.cores - self.tree - self.own)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give them to the processes that start within the block."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def peak_bytes() -> int:
    """Return the most memory that this process has had: ru_maxrss begins with that of its parent."""
    return _kilobytes(Path("/proc/self/status"), "VmHWM:") * 1024


def _threads(process: Path) -> list[Path]:
    try:
        return list((process / "task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _handle(process: Path) -> list[int]:
    """Return a descriptor, which no other process gets with the id; none where it has ended."""
    try:
        return [os.pidfd_open(int(process.name))]
    except ProcessLookupError:
        return []


def _cpu_ticks(process: Path) -> int:
    fields = _text(process / "stat").rpartition(")")[2].split()  # the name before it may hold anything
    return sum(map(int, fields[11:13]))  # utime, stime: proc_pid_stat(5)


def _busy_ticks() -> int:
    """Return user, nice, system and steal: proc_stat(5). Interrupts are also those of our own sockets."""
    cores = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return sum(int(line[field]) for line in lines if line[0] in cores for field in (1, 2, 3, 8))


def _proportional_bytes(process: Path) -> int:
    return _kilobytes(process / "smaps_rollup", "Pss:") * 1024


def _kilobytes(file: Path, name: str) -> int:
    lines = _text(file).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
