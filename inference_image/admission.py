"""How much may be on its way at once: what is more is refused, at once, rather than queued without bound."""

from collections.abc import Iterator
from contextlib import contextmanager

from inference_image.metrics import Metrics


class Full(Exception):
    """There is no room for a request now."""


class Admission:
    """Room for some images and some bytes of one process."""

    def __init__(self, max_images: int, max_bytes: int, metrics: Metrics) -> None:
        self.images = 0  # admitted and not yet answered
        self.requests = 0  # that were ever admitted
        self._bytes = 0
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._metrics = metrics

    @contextmanager
    def admit(self, images: int, size: int) -> Iterator[None]:
        """Hold room for so many images, of `size` bytes together.

        Raises Full.
        """
        if self.images + images > self._max_images or self._bytes + size > self._max_bytes:
            self._metrics.refused.inc()
            raise Full
        self.requests += 1
        self._hold(images, size)
        try:
            yield
        finally:
            self._hold(-images, -size)

    def _hold(self, images: int, size: int) -> None:
        self.images += images
        self._bytes += size
        self._metrics.in_work.set(self.images)
