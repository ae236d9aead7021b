"""What a consumer counts, as Prometheus metrics in a registry of its own."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Seconds; from a thumbnail's decode to a long upload.
_STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STORE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All counters of one consumer; two consumers in one process do not share any."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._jobs = Counter(
            "swapdrop_jobs", "Attempts ended, by how and why.", ("status", "code"), registry=self.registry
        )
        self._lost = Counter(
            "swapdrop_leases_lost", "Attempts given up because the lease was lost.", registry=self.registry
        )
        self._stage = Histogram(
            "swapdrop_stage_seconds",
            "Time an attempt spent in a stage.",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        self._store = Histogram(
            "swapdrop_store_seconds",
            "Time of a call to the store, by operation and outcome.",
            ("op", "outcome"),
            buckets=_STORE_BUCKETS,
            registry=self.registry,
        )
        self._webhooks = Counter(
            "swapdrop_webhooks",
            "Calls to senders of jobs that ended, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self._ended = dict.fromkeys(("completed", "failed", "cancelled", "pending", "abandoned"), 0)

    @property
    def ended(self) -> Mapping[str, int]:
        """How many attempts ended in each way since the start."""
        return dict(self._ended)

    def job_ended(self, *, status: str, code: str | None, timings_ms: Mapping[str, float]) -> None:
        """Count an attempt that ended; `code` is None where nothing went wrong."""
        self._jobs.labels(status=status, code=code or "").inc()
        self._ended[status] = self._ended.get(status, 0) + 1
        for stage, milliseconds in timings_ms.items():
            self._stage.labels(stage=stage).observe(milliseconds / 1000)

    def lease_lost(self) -> None:
        """Count a lease that another consumer took over."""
        self._lost.inc()

    def webhook_ended(self, outcome: str) -> None:
        """Count a call to the sender of a job."""
        self._webhooks.labels(outcome=outcome).inc()

    def store_call(self, op: str, outcome: str, seconds: float) -> None:
        """Count a call to the store; fits the observer of the S3 store."""
        self._store.labels(op=op, outcome=outcome).observe(seconds)

    def watch(self, *, in_flight: Callable[[], float], device_busy_s: Callable[[], float]) -> None:
        """Read two live numbers whenever the metrics are asked for."""
        gauge = Gauge("swapdrop_jobs_in_flight", "Jobs claimed and not ended.", registry=self.registry)
        gauge.set_function(in_flight)
        busy = Gauge(
            "swapdrop_device_busy_seconds_total", "Time the device has worked.", registry=self.registry
        )
        busy.set_function(device_busy_s)

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
