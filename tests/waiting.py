"""Waiting for what another process does in its own time."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0  # for what comes true within seconds: a loaded machine is slow, and no failure


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again and again until the condition holds: another process gives no signal to wait for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
