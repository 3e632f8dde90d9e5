"""Waiting for what another process does in its own time."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0  # for what comes true within seconds: a loaded machine is slow, and no failure


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again and again until the condition holds: another process gives no signal to wait for.

    The longer it takes, the less often: asking takes from the processor what is waited for.
    """
    begin = time.monotonic()
    while not condition():
        waited = time.monotonic() - begin
        assert waited < seconds, "waited in vain"
        time.sleep(min(0.01 + waited / 20, 0.1))
