"""Ctrl-C and SIGTERM, for a program that has servers to stop."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """Let either end the program with one line and status 130, once all that it started has stopped."""
    interrupt_once()
    try:
        yield
    except KeyboardInterrupt:
        print("Interrupted. Everything is stopped.", flush=True)  # noqa: T201 - the program's last word
        sys.exit(130)


def interrupt_once() -> None:
    """Let the first of them raise KeyboardInterrupt; the next must not keep it from stopping the servers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
