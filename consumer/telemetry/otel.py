"""Traces for an OpenTelemetry collector; needs the extra `otel`.

Spans are made from recorded times once an attempt has ended, so the work itself carries no trace with it.
Where they go is said by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT` and its like).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

from consumer.telemetry.tracing import Traces

# At the end, each full batch of what waits may take the whole timeout. With the SDK's own numbers (10 s, and
# four batches) that would outlast the grace of many platforms.
_EXPORT_TIMEOUT_S = 2
_MOST_WAITING = 1024


@contextmanager
def open_traces(*, version: str, owner: str) -> Iterator[Traces]:
    """Send traces as OTLP over HTTP; what the collector does not take is dropped.

    The end waits for the last ones, some seconds at most.
    """
    resource = Resource.create(
        {"service.name": "swapdrop", "service.version": version, "service.instance.id": owner}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING))
    try:
        yield OtelTraces(provider.get_tracer("swapdrop", version))
    finally:
        provider.shutdown()


class OtelTraces:
    """One span for an attempt, and below it one for each stage."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def attempt(
        self, stages: Sequence[tuple[str, datetime]], *, ok: bool, attributes: Mapping[str, str | int]
    ) -> None:
        """Record an attempt that ends now; see `Traces`."""
        bounds = [*(_ns(began) for _, began in stages), _ns(datetime.now(UTC))]
        whole = self._tracer.start_span(
            "job", kind=SpanKind.CONSUMER, start_time=bounds[0], attributes=dict(attributes)
        )
        inside = set_span_in_context(whole)
        for (name, _), began, ended in zip(stages, bounds, bounds[1:], strict=False):
            self._tracer.start_span(name, context=inside, start_time=began).end(ended)
        whole.set_status(Status(StatusCode.OK if ok else StatusCode.ERROR))
        whole.end(bounds[-1])


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6) * 1000
