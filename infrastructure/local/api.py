"""`chalice local`, without the 40 ms that each answer waits for, and with what AWS does beside it.

Chalice's development server writes headers and body apart, so that Nagle's algorithm holds the body back
until the client's delayed acknowledgement of the headers (RFC 1122, 4.2.3.2). It reads no body of unknown
length, sends one after HEAD, where clients take it for the next answer, and none at all where a full disk
takes no line of its log. What it does not understand it answers with HTML, or with a traceback in the log
alone. It also never calls what is scheduled: here a thread sweeps every LEGIBLE_SWEEP_SECONDS, 60 unless set.
"""

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, BinaryIO

import chalice.local
from chalice.cli import main
from chalice.test import TestEventsClient

from chalice_app.problems import Problem
from chalice_app.settings import SettingsError, seconds

MAX_SWEEP_SECONDS = 86_400
LOG = logging.getLogger("legible.sweep")


class Handler(chalice.local.ChaliceRequestHandler):
    """One client's requests."""

    disable_nagle_algorithm = True
    default_request_version = "HTTP/1.1"  # of a line that names none; HTTP/0.9 has no status

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  as Python types it
        """Let the API refuse methods that Python's server does not know."""
        if name.startswith("do_"):
            return self._generic_handle
        raise AttributeError(name)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except Problem as problem:
            self.send_error(problem.status, problem.detail)
        except UnicodeEncodeError:  # Chalice reads Authorization where there is no such path
            self.send_error(400, "Authorization is not ASCII.")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002  as Python's
        """Refuse, in the API's form, what does not reach it."""
        self.log_error("a request was refused with %d before it reached the API", code)
        answer = Problem(code, message or HTTPStatus(code).phrase).response()
        self._send_http_response(code, {**answer.headers, "Connection": "close"}, answer.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave it to the API, whose line has no path, which names images."""

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002  as Python names it
        """Log a line, if that can be."""
        with contextlib.suppress(OSError):
            super().log_message(format, *values)

    def _parse_payload(self) -> tuple[dict[str, Any], bytes | None]:
        """Return a request's headers and body, which may come in chunks (RFC 9112, 7.1)."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(_chunks(self.rfile))
        else:
            body = _read(self.rfile, _length(self.headers.get("Content-Length", "0"), 10))
        return dict(self.headers), body or None

    def _send_http_response_with_body(self, code: int, headers: dict[str, Any], body: str | bytes) -> None:
        """Send an answer, to HEAD without its body."""
        super()._send_http_response_with_body(code, headers, b"" if self.command == "HEAD" else body)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while size := _length(file.readline().partition(b";")[0].decode("latin-1"), 16):
        yield _read(file, size)
        file.readline()
    while file.readline().strip():  # trailers
        pass


def _read(file: BinaryIO, length: int) -> bytes:
    """Return so many bytes. Raises Problem where fewer come, or memory cannot hold them."""
    try:
        read = file.read(length)
    except (MemoryError, OverflowError):
        raise Problem(413, f"A body, or a chunk, of {length} bytes is too large.") from None
    if len(read) < length:
        raise Problem(400, f"The body, or a chunk, ends after {len(read)} of {length} bytes.")
    return read


def _length(text: str, base: int) -> int:
    with contextlib.suppress(ValueError):
        if (length := int(text, base)) >= 0:
            return length
    raise Problem(400, f"{text.strip()!r} is no length of a body, nor of a chunk.")


def sweep_seconds(environment: Mapping[str, str]) -> float:
    """Return how long it is from one sweep to the next; raise SettingsError if the variable is wrong."""
    return seconds(environment, "LEGIBLE_SWEEP_SECONDS", 60.0, MAX_SWEEP_SECONDS)


def sweep_for_ever(sweep: Callable[[], object], every: float) -> None:
    """Sweep again and again, whatever becomes of one sweep."""
    while True:
        time.sleep(every)
        try:
            sweep()
        except Problem:  # the store is away; it has been logged
            pass
        except Exception:
            LOG.exception("the sweep failed")


def _sweep() -> None:
    """Do what EventBridge does on AWS."""
    from app import app, sweep  # noqa: PLC0415  Chalice sets its environment before it is imported

    sweep(TestEventsClient(app).generate_cw_event("aws.events", "Scheduled Event", {}, []), None)


if __name__ == "__main__":
    chalice.local.LocalDevServer = partial(chalice.local.LocalDevServer, handler_cls=Handler)  # type: ignore[assignment, misc]
    try:
        every = sweep_seconds(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    threading.Thread(target=sweep_for_ever, args=(_sweep, every), daemon=True).start()
    main()
