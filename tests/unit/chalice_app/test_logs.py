import json
import logging
import sys

from chalice_app import logs


def line(record: logging.LogRecord) -> dict[str, object]:
    text = logs.JsonFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, object] = json.loads(text)
    return parsed


def record(message: str, **attributes: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelname": "INFO", **attributes})


def test_a_line_has_the_request_that_it_belongs_to() -> None:
    token = logs.current_request_id.set("mine-1")
    try:
        assert line(record("hello"))["request_id"] == "mine-1"
    finally:
        logs.current_request_id.reset(token)


def test_what_a_thread_logs_belongs_to_the_request_that_gave_it_its_work() -> None:
    with logs.Threads(1) as threads:
        for request in ("mine-1", "mine-2"):
            token = logs.current_request_id.set(request)
            try:
                written = [
                    threads.submit(line, record("hello")).result(),
                    *threads.map(line, [record("hello")]),
                ]
            finally:
                logs.current_request_id.reset(token)
            assert [each["request_id"] for each in written] == [request, request]


def test_fields_are_fields_and_line_ends_forge_no_line() -> None:
    written = line(record('a\n{"level": "FORGED"}', fields={"status": 0}))
    assert (written["level"], written["status"]) == ("INFO", 0)


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise KeyError("k")  # noqa: TRY301  it is the log's to see it
    except KeyError:
        written = line(record("failed", exc_info=sys.exc_info()))
    assert "KeyError: 'k'" in str(written["exception"])


def test_every_metric_is_defined_and_has_its_value_at_the_top() -> None:
    fields = logs.metrics({"milliseconds": 2.5, "errors": 0}, stage="dev", route="GET /health")
    aws = fields["_aws"]
    assert isinstance(aws, dict)
    (directive,) = aws["CloudWatchMetrics"]
    assert directive["Namespace"] == "Legible"
    assert directive["Dimensions"] == [["stage", "route"]]
    assert directive["Metrics"] == [
        {"Name": "milliseconds", "Unit": "Milliseconds"},
        {"Name": "errors", "Unit": "Count"},
    ]
    assert (fields["stage"], fields["route"]) == ("dev", "GET /health")
    assert (fields["milliseconds"], fields["errors"]) == (2.5, 0)
    assert aws["Timestamp"] > 1_700_000_000_000
