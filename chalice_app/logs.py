"""The log: one JSON line for each event, with the id of the request that it belongs to.

A line can carry metrics as well, in CloudWatch's embedded metric format: CloudWatch reads them off the log,
so that no call is made for them.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from typing import Any, TypeVar

NAMESPACE = "Legible"
current_request_id: ContextVar[str] = ContextVar("request_id", default="")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """Threads that log under the id of the request that gave them their work."""

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:  # noqa: ANN401  as its base
        return super().submit(copy_context().run, work, *args, **named)


class JsonFormatter(logging.Formatter):
    """Formats what `event` logs, and what Chalice logs by itself."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line. It has what was logged, and never what a request carried."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "request_id": current_request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def event(logger: logging.Logger, level: int, message: str, **fields: object) -> None:
    logger.log(level, message, extra={"fields": fields})


def metrics(values: Mapping[str, float], *, stage: str, route: str) -> dict[str, object]:
    """Return what makes a log line carry `values`; a name that ends in `milliseconds` has that unit.

    The stage is a dimension as well as the route: two stages in one account must not add up.
    """
    dimensions = {"stage": stage, "route": route}
    definitions = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("milliseconds") else "Count"}
        for name in values
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": definitions}
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": aws, **dimensions, **values}
