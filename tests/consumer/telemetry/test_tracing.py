"""Traces on the wire: what a collector on loopback receives of a consumer's attempts."""

import importlib.util
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from consumer.app import Consumer
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, inbox_empty, running

STATUS_OK, STATUS_ERROR = 1, 2  # opentelemetry.proto.trace.v1.Status.StatusCode


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """An OTLP receiver: its address, and the spans it was sent."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            spans.extend(
                span
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", spans
        finally:
            server.shutdown()


def attributes(span: Span) -> dict[str, object]:
    return {
        pair.key: pair.value.int_value if pair.value.HasField("int_value") else pair.value.string_value
        for pair in span.attributes
    }


async def test_each_attempt_is_a_span_with_its_stages_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    with collector() as (address, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        good, bad = await drop_job(store), await drop_job(store, target=b"no picture")
        async with running(store, FlatEngine(), traces="otlp"):
            await ended(store, good)
            await ended(store, bad)
            await inbox_empty(store)
    jobs = {str(attributes(span)["swapdrop.job_id"]): span for span in spans if span.name == "job"}
    assert jobs.keys() == {good, bad}
    assert attributes(jobs[good]) == {
        "swapdrop.job_id": good,
        "swapdrop.attempt": 1,
        "swapdrop.status": "completed",
        "swapdrop.code": "",
    }
    assert attributes(jobs[bad])["swapdrop.code"] == "unsupported_media"
    assert (jobs[good].status.code, jobs[bad].status.code) == (STATUS_OK, STATUS_ERROR)
    stages = [span for span in spans if span.parent_span_id == jobs[good].span_id]
    stages.sort(key=lambda span: span.start_time_unix_nano)
    names = [name for name, _ in itertools.groupby(span.name for span in stages)]
    assert names[:3] == ["queued", "download", "decode"]
    assert names[-5:] == ["queued", "detect", "swap", "encode", "upload"]  # queued for the device this time
    assert {span.trace_id for span in stages} == {jobs[good].trace_id}
    bounds = [(span.start_time_unix_nano, span.end_time_unix_nano) for span in [*stages, jobs[good]]]
    assert all(began <= until for began, until in bounds)
    assert [until for _, until in bounds[:-2]] == [began for began, _ in bounds[1:-1]]


async def test_a_collector_that_is_not_there_costs_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    store = MemoryStore()
    job = await drop_job(store)
    async with running(store, FlatEngine(), traces="otlp"):
        assert (await ended(store, job)).status == "completed"


def test_traces_without_their_sdk_are_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "consumer.telemetry.opening.find_spec",
        lambda name: None if name == "opentelemetry" else find_spec(name),
    )
    with pytest.raises(SettingsError, match=r"`otel`: uv pip install .*opentelemetry-sdk"):
        Consumer(Settings(bucket="pictures", traces="otlp"))
