"""What Prometheus reads at /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from inference_image.reading import Reading

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SHARES = tuple(tenth / 10 for tenth in range(1, 11))


class Metrics:
    """One registry for each server, so that two servers in one process do not share counts."""

    def __init__(self, model: str) -> None:
        self._registry = registry = CollectorRegistry()
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
        self.in_work = Gauge("legible_in_work", "Images on the way", registry=registry)
        self.refused = Counter(
            "legible_refused", "Images refused because too many were on the way", registry=registry
        )
        self.predicted = Counter("legible_predicted", "Digits answered", ["digit"], registry=registry)
        self.confidence = Histogram(
            "legible_confidence", "Of the predicted digit", buckets=SHARES, registry=registry
        )
        self.is_digit = Histogram(
            "legible_is_digit", "Shows a digit at all", buckets=SHARES, registry=registry
        )
        Info("legible_model", "The model that answers", registry=registry).info({"version": model})

    def observe_reading(self, reading: Reading) -> None:
        """Drift shows here first: in the digits that are answered and in how sure they are."""
        self.predicted.labels(reading.answer.predicted).inc()
        self.confidence.observe(reading.answer.confidence)
        self.is_digit.observe(reading.answer.is_digit)

    def observe_batch(self, images: int, seconds: float) -> None:
        self.batch.observe(images)
        self.reading.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
