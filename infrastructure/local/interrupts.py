"""Ctrl-C, SIGTERM and the end of the terminal, for a program that has servers to stop."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[None]:
    """Let each of them end the program with one line and status 130, once all that it started has stopped."""
    interrupt_once()
    try:
        yield
    except KeyboardInterrupt:
        print("Interrupted. Everything is stopped.", flush=True)  # noqa: T201 - the program's last word
        sys.exit(130)


def interrupt_once() -> None:
    """Let the first of them raise KeyboardInterrupt; the next must not keep it from stopping the servers."""
    for number in _signals():
        signal.signal(number, _interrupt)


def _signals() -> Iterator[signal.Signals]:
    yield from (signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        yield signal.SIGHUP


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
