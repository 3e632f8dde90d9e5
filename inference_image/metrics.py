"""What Prometheus reads at /metrics: the figures of all workers together, kept in files that they share."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from inference_image.reading import Reading

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SHARES = tuple(tenth / 10 for tenth in range(1, 11))


class Metrics:
    """One worker's figures; `text` has everyone's."""

    def __init__(self, model: str) -> None:
        registry = CollectorRegistry()  # this worker's own; it is never collected
        self.requests = Counter(
            "legible_requests", "Requests answered", ["path", "status"], registry=registry
        )
        self.latency = Histogram(
            "legible_request_seconds", "From head to answer", ["path"], buckets=SECONDS, registry=registry
        )
        self.batch = Histogram(
            "legible_batch_images", "Images read together", buckets=(1, 2, 4, 8, 16, 32), registry=registry
        )
        self.reading = Histogram(
            "legible_batch_seconds", "To read a batch", buckets=SECONDS, registry=registry
        )
        self.in_work = _gauge("legible_in_work", "Images on the way", registry)
        self.waiting = _gauge("legible_waiting", "Of these, images whose reading has not begun", registry)
        self.refused = Counter(
            "legible_refused", "Requests refused because too much was on the way", registry=registry
        )
        self.predicted = Counter("legible_predicted", "Digits answered", ["digit"], registry=registry)
        self.confidence = Histogram(
            "legible_confidence", "Of the predicted digit", buckets=SHARES, registry=registry
        )
        self.is_digit = Histogram(
            "legible_is_digit", "Shows a digit at all", buckets=SHARES, registry=registry
        )
        about = Gauge(
            "legible_model_info",
            "The model that answers",
            ["version"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        about.labels(model).set(1)

    def observe_reading(self, reading: Reading) -> None:
        """Drift shows here first: in the digits that are answered and in how sure they are."""
        self.predicted.labels(reading.answer.predicted).inc()
        self.confidence.observe(reading.answer.confidence)
        self.is_digit.observe(reading.answer.is_digit)

    def observe_batch(self, images: int, seconds: float, waiting: int) -> None:
        self.waiting.set(waiting)
        if images:  # else all of them were refused
            self.batch.observe(images)
            self.reading.observe(seconds)

    def text(self) -> bytes:
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]  # untyped there
        return generate_latest(everyone)


def _gauge(name: str, what: str, registry: CollectorRegistry) -> Gauge:
    """Make a gauge that sums up the workers that live."""
    return Gauge(name, what, multiprocess_mode="livesum", registry=registry)
