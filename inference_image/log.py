"""The log: one JSON object a line, on standard output, which all processes share. No line has an image."""

import contextlib
import json
import logging
import sys
import traceback
from datetime import UTC, datetime


def log(event: str, *, trace: bool = False, **fields: object) -> None:
    """Write one line, if that can be; with `trace` also the exception that is being handled."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": now, "event": event, **fields}
    if trace:
        line["trace"] = traceback.format_exc()
    with contextlib.suppress(OSError):  # a disk that is full, or a reader that has gone, stops no reading
        sys.stdout.write(json.dumps(line) + "\n")  # not through logging, which takes three times as long
        sys.stdout.flush()


class _Warnings(logging.Handler):
    """Writes what libraries warn of."""

    def emit(self, record: logging.LogRecord) -> None:
        log(self.format(record))


def start_log() -> None:
    """Let libraries warn in the log; called once in each process."""
    logging.basicConfig(handlers=[_Warnings()])
