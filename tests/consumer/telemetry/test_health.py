"""Health over real HTTP: alive is not ready, and nothing in the body is a literal."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aioboto3  # noqa: F401 -- as a consumer on a real bucket has it
import aiohttp
import pytest

from consumer.config.group import SettingsError
from consumer.devices.worker import WorkerThread
from consumer.telemetry.health import Health, HealthServer, wait_until_ready
from consumer.telemetry.metrics import Metrics
from models.errors import ModelUnavailable
from storage.errors import StoreDenied
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, inbox_empty, running, start, until
from tests.support.ports import free_port
from tests.support.stores import Fault, FaultStore

if TYPE_CHECKING:
    from storage.stores.s3_store import Observer

UNHEARD = Health(
    status="healthy",
    message="Ready.",
    problems=(),
    warnings=(),
    modules_imported=True,
    models_directory="",
    engine=None,
    missing_files={},
    providers=(),
    jobs={},
)


@asynccontextmanager
async def client() -> AsyncGenerator[aiohttp.ClientSession, None]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield session


async def ask(url: str | None, path: str) -> tuple[int, dict[str, Any]]:
    async with client() as session, session.get(f"{url}{path}") as answer:
        return answer.status, await answer.json()


async def test_a_working_consumer_is_alive_and_ready() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()) as consumer:
        await until(lambda: consumer.health_url is not None)
        await wait_until_ready(consumer.health_url or "")
        await drop_job(store)
        await drop_job(store, target=b"no picture")
        await inbox_empty(store)
        status, body = await ask(consumer.health_url, "/readyz")
    assert status == 200
    assert (body["status"], body["message"], body["problems"]) == ("healthy", "Ready.", [])
    assert body["modules_imported"] is True
    assert (body["models_directory"], body["missing_files"]) == ("flat", {})
    assert body["engine"]["name"] == "flat"
    assert "CPUExecutionProvider" in body["providers"]
    assert (body["jobs"]["completed"], body["jobs"]["failed"], body["jobs"]["in_flight"]) == (1, 1, 0)


async def test_who_does_not_read_its_answers_keeps_no_process_from_ending() -> None:
    port = free_port()
    asked = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 8
    answer = bytes(2**20)  # more than the system keeps for a reader
    async with asyncio.timeout(30):
        async with HealthServer(lambda: UNHEARD, lambda: answer, host="127.0.0.1", port=port):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(asked)
            await writer.drain()
            await asyncio.sleep(0.2)
        writer.close()


async def test_a_missing_model_is_alive_but_not_ready_and_is_named() -> None:
    def missing() -> FlatEngine:
        raise ModelUnavailable("The model file face.onnx is missing.")

    async with running(MemoryStore(), missing) as consumer:
        await until(lambda: "face.onnx" in consumer.health().message)
        alive, _ = await ask(consumer.health_url, "/healthz")
        ready, body = await ask(consumer.health_url, "/readyz")
    assert (alive, ready, body["status"], body["engine"]) == (200, 503, "degraded", None)


async def test_a_bucket_that_refuses_is_told_and_forgiven_once_it_answers() -> None:
    refusing = FaultStore(
        MemoryStore(), [Fault(op="list", nth=1, error=StoreDenied()), Fault(op="list", nth=1)]
    )
    async with running(refusing, FlatEngine(), poll_min_s=0.3, poll_max_s=0.3) as consumer:
        await until(lambda: "credentials" in consumer.health().message)
        status, _ = await ask(consumer.health_url, "/readyz")
        assert status == 503
        await wait_until_ready(consumer.health_url or "")


async def test_a_device_that_hangs_is_not_even_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(MemoryStore(), FlatEngine(), stall_timeout_s=30) as consumer:
        await until(lambda: consumer.health().ready)
        monkeypatch.setattr(WorkerThread, "silent_s", 31.0)
        status, body = await ask(consumer.health_url, "/healthz")
    assert (status, body["status"]) == (503, "unhealthy")
    assert body["message"] == "The device has given no sign of life for 31 s."


async def test_metrics_count_jobs_by_status_and_code() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine(swap_s=0.05)) as consumer:
        await drop_job(store)
        await drop_job(store, target=b"no picture")
        await inbox_empty(store)
        async with client() as session, session.get(f"{consumer.health_url}/metrics") as answer:
            text = await answer.text()
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'swapdrop_jobs_total{code="",status="completed"} 1.0' in text
    assert 'swapdrop_jobs_total{code="unsupported_media",status="failed"} 1.0' in text
    assert 'swapdrop_stage_seconds_count{stage="swap"} 1.0' in text
    assert "swapdrop_jobs_in_flight 0.0" in text
    busy = re.search(r"^swapdrop_device_busy_seconds_total (\S+)$", text, re.MULTILINE)
    assert busy is not None
    assert float(busy[1]) >= 0.05


def test_calls_to_the_store_are_counted_by_operation_and_outcome() -> None:
    metrics = Metrics()
    observe: Observer = metrics.store_call
    observe("put", "throttled", 0.02)
    text = metrics.render().decode()
    assert 'swapdrop_store_seconds_count{op="put",outcome="throttled"} 1.0' in text


async def test_two_consumers_in_one_process_count_apart() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()) as one, running(MemoryStore(), FlatEngine()) as other:
        await drop_job(store)
        await inbox_empty(store)
        await until(lambda: one.metrics.ended["completed"] == 1)
        assert other.metrics.ended["completed"] == 0


async def test_waiting_for_a_consumer_that_is_not_there_ends() -> None:
    with pytest.raises(TimeoutError):
        await wait_until_ready("http://127.0.0.1:9", timeout_s=0.1)


async def test_a_taken_port_is_a_sentence_at_the_start_and_0_takes_a_free_one() -> None:
    async with running(MemoryStore(), FlatEngine()) as consumer:
        await until(lambda: consumer.health_url is not None)
        port = int((consumer.health_url or "").rpartition(":")[2])
        _, task = start(MemoryStore(), FlatEngine(), health_port=port)
        with pytest.raises(SettingsError, match=rf"^SWAPDROP_HEALTH_PORT: 127\.0\.0\.1:{port} is taken"):
            await asyncio.wait_for(task, 30)
        async with running(MemoryStore(), FlatEngine(), health_port=0) as other:
            await until(lambda: other.health_url is not None)
            assert other.health_url != consumer.health_url


async def test_an_address_of_another_machine_is_a_sentence() -> None:
    _, task = start(MemoryStore(), FlatEngine(), health_host="192.0.2.1")
    with pytest.raises(SettingsError, match=r"^SWAPDROP_HEALTH_HOST: 192\.0\.2\.1 is no address"):
        await asyncio.wait_for(task, 30)
