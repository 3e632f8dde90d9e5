"""Which workers can read, for all of them to see: a file for each, touched whenever it has read an image."""

import time
from dataclasses import dataclass
from pathlib import Path

EVERY_SECONDS = 1.0
SILENT_SECONDS = 5.0  # without a beat: /ping fails


@dataclass(frozen=True)
class Heartbeats:
    """The beats of `workers` processes, numbered from 0, in a folder that they share."""

    folder: Path
    workers: int

    def beat(self, worker: int) -> None:
        """Say that this worker has read an image now."""
        self._file(worker).touch()

    def last(self, worker: int) -> float | None:
        """Return when this worker last read an image, in seconds of the epoch; None if it never has."""
        try:
            return self._file(worker).stat().st_mtime
        except FileNotFoundError:
            return None

    def forget(self, worker: int) -> None:
        self._file(worker).unlink(missing_ok=True)

    def silent(self) -> list[int]:
        """List the workers that have read nothing for a while, or nothing yet."""
        since = time.time() - SILENT_SECONDS
        return [worker for worker in range(self.workers) if (self.last(worker) or 0.0) < since]

    def _file(self, worker: int) -> Path:
        return self.folder / f"worker-{worker}"
