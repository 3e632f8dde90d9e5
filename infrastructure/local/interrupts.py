"""Ctrl-C and SIGTERM, for a program that has servers to stop."""

import signal
from types import FrameType


def interrupt_once() -> None:
    """Let the first of them raise KeyboardInterrupt; the next must not keep it from stopping the servers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
