"""A circuit breaker (Nygard, Release It!, 2007): who fails again and again is left alone for a while."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed, it admits every request; open, none; then one in `open_seconds`, until one succeeds.

    One for each process, shared by its threads.
    """

    def __init__(
        self, threshold: int = 3, open_seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threshold = threshold  # failures in a row that open it
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._next_trial = 0.0  # on the clock; counts only while the breaker is open
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Return whether a request may go out now; its outcome must be told."""
        with self._lock:
            if self._failures < self._threshold:
                return True
            if self._clock() < self._next_trial:
                return False
            self._postpone_trial()  # this request is the trial; the others wait for what becomes of it
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._postpone_trial()

    def _postpone_trial(self) -> None:
        self._next_trial = self._clock() + self._open_seconds
