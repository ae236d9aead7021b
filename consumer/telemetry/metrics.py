"""What a consumer counts, as Prometheus metrics in a registry of its own."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from consumer.triggers.survey import Survey
from storage.records.status import TERMINAL

# Seconds; from a thumbnail's decode to a long upload.
_STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOB_BUCKETS = (*_STAGE_BUCKETS, 120, 300, 600, 1800)  # an animation may take as long as a job may
_ATTEMPT_BUCKETS = (1, 2, 3, 5, 10)
_STORE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class _Busy(Collector):
    """How long the device has worked, which the device itself counts."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "swapdrop_device_busy_seconds", "Time the device has worked.", value=self._seconds()
        )


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
        self._attempts = Histogram(
            "swapdrop_job_attempts",
            "Which attempt it was that ended a job for good.",
            buckets=_ATTEMPT_BUCKETS,
            registry=self.registry,
        )
        self._total = Histogram(
            "swapdrop_job_seconds",
            "Time from a ticket to the end of its attempt, by status.",
            ("status",),
            buckets=_JOB_BUCKETS,
            registry=self.registry,
        )
        self._has_looked = False
        self._waiting = Gauge(
            "swapdrop_inbox_entries",
            "Jobs in the inbox, those at work included; of the first thousand files where many are ready.",
            registry=None,
        )
        self._oldest = Gauge(
            "swapdrop_inbox_oldest_seconds",
            "Age of the oldest of these; 0 if there is none.",
            registry=None,
        )
        self._ignored = Gauge(
            "swapdrop_inbox_ignored_files",
            "Files in the inbox that belong to no job, or not yet.",
            registry=None,
        )
        self._not_understood = Gauge(
            "swapdrop_inbox_not_understood",
            "Folders of the inbox with such files, the inbox itself included.",
            registry=None,
        )
        self._dead_letters = Gauge(
            "swapdrop_dead_letters",
            "Jobs that used up their attempts and whose dead letter is still there, a thousand at most.",
            registry=self.registry,
        )
        self._takeovers = Counter(
            "swapdrop_takeovers",
            "Jobs taken over from a consumer that stopped answering.",
            registry=self.registry,
        )
        self._rescued = Counter(
            "swapdrop_jobs_rescued",
            "Jobs without an entry in the inbox that nobody worked on, announced again or ended.",
            registry=self.registry,
        )
        self._ready = Gauge("swapdrop_ready", "1 where this consumer is ready.", registry=self.registry)
        self._info = Info("swapdrop", "What runs here.", registry=self.registry)
        ProcessCollector(registry=self.registry)
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
        self._decisions = Counter(
            "swapdrop_decisions",
            "What checks decided of jobs that ended, by check.",
            ("check", "decision"),
            registry=self.registry,
        )
        self._ended = dict.fromkeys(("completed", "failed", "cancelled", "pending", "abandoned"), 0)

    @property
    def ended(self) -> Mapping[str, int]:
        """How many attempts ended in each way since the start."""
        return dict(self._ended)

    def job_ended(
        self,
        *,
        status: str,
        code: str | None,
        attempt: int,
        total_s: float,
        timings_ms: Mapping[str, float],
    ) -> None:
        """Count an attempt that ended; `code` is None where nothing went wrong."""
        if status in TERMINAL:
            self._attempts.observe(attempt)
        self._total.labels(status=status).observe(total_s)
        self._jobs.labels(status=status, code=code or "").inc()
        self._ended[status] = self._ended.get(status, 0) + 1
        for stage, milliseconds in timings_ms.items():
            self._stage.labels(stage=stage).observe(milliseconds / 1000)

    def decided(self, decisions: Mapping[str, str]) -> None:
        """Count what the checks decided of a job that ended, by their names."""
        for check, decision in decisions.items():
            self._decisions.labels(check=check, decision=decision).inc()

    def inbox_seen(self, survey: Survey) -> None:
        """Take in what the inbox holds; before the first look nothing is told of it."""
        if not self._has_looked:
            for gauge in (self._waiting, self._oldest, self._ignored, self._not_understood):
                self.registry.register(gauge)
        self._has_looked = True
        self._waiting.set(survey.entries)
        self._oldest.set(survey.oldest_s)
        self._ignored.set(survey.ignored)
        self._not_understood.set(survey.not_understood)

    def dead_letters_seen(self, count: int) -> None:
        """Take in how many dead letters there are."""
        self._dead_letters.set(count)

    def taken_over(self) -> None:
        """Count a job whose last owner stopped answering."""
        self._takeovers.inc()

    def rescued(self) -> None:
        """Count a job that nobody could have found any more."""
        self._rescued.inc()

    def state(self, *, ready: bool, facts: Mapping[str, str]) -> None:
        """Say how this consumer is and what runs here: version, engine, provider."""
        self._ready.set(ready)
        self._info.info(dict(facts))

    def signing_until(self, expires_at: datetime) -> None:
        """Say when the certificate that results are signed with expires."""
        Gauge(
            "swapdrop_certificate_expiry_timestamp_seconds",
            "When the certificate that results are signed with expires, as Unix time.",
            registry=self.registry,
        ).set(expires_at.timestamp())

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
        gauge = Gauge("swapdrop_jobs_in_flight", "Jobs taken and not ended.", registry=self.registry)
        gauge.set_function(in_flight)
        self.registry.register(_Busy(device_busy_s))

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
