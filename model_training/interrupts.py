"""Ctrl-C and SIGTERM in the middle of work that takes minutes."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible(what_is_left: str) -> Iterator[None]:
    """Let either end the program with one line and status 130, after all inside has cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(f"Interrupted. {what_is_left}", file=sys.stderr)  # noqa: T201 - the program's last word
        sys.exit(130)
