"""Ctrl-C, SIGTERM and the end of the terminal, for a program that has servers to stop."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
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


@contextmanager
def uninterrupted() -> Iterator[Callable[[], bool]]:
    """Hold signals back until the end of the block; what it gives tells whether one has come.

    An exception that a signal raises anywhere leaves a process nobody knows of, or a lock taken; and where
    it hits a callback of the import system or of a destructor, Python drops it.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone they come to
        yield lambda: False
        return
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _signals()}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def _signals() -> Iterator[signal.Signals]:
    yield from (signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        yield signal.SIGHUP


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
