"""The log: one JSON object a line, on standard output, which all processes share. No line has an image."""

import json
import logging
import sys
from datetime import UTC, datetime

_LOG = logging.getLogger("inference_image")


class _JsonFormatter(logging.Formatter):
    """Formats what `log` writes, and what libraries warn of."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "event": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start_log() -> None:
    """Send the log to standard output, a line at a time; called once in each process."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(handlers=[handler])
    _LOG.setLevel(logging.INFO)


def log(event: str, *, trace: bool = False, **fields: object) -> None:
    """Write one line; with `trace` also the exception that is being handled."""
    _LOG.info(event, exc_info=trace, extra={"fields": fields})
