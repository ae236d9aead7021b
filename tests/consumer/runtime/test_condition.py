"""How a consumer is: everything that keeps it from being ready is a sentence."""

from pathlib import Path

import pytest

from consumer.jobs import workspace
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.jobs import running, start, until


async def test_an_engine_on_another_provider_than_asked_for_is_not_ready() -> None:
    async with running(MemoryStore(), FlatEngine(), provider="cuda") as consumer:
        await until(lambda: consumer.health().engine is not None)
        await until(lambda: "answered" not in consumer.health().message)
        health = consumer.health()
    assert not health.ready
    assert health.problems == ("The engine runs on CPUExecutionProvider, not on cuda.",)


async def test_a_stopping_consumer_is_alive_but_not_ready() -> None:
    consumer, task = start(MemoryStore(), FlatEngine())
    await until(lambda: consumer.health().ready)
    consumer.stop()
    health = consumer.health()
    assert (health.status, health.ready) == ("degraded", False)
    assert health.problems == ("The consumer is stopping.",)
    assert await task == 0


async def test_a_consumer_without_a_folder_for_files_is_not_ready_until_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "_AGAIN_S", 0.01)
    work = tmp_path / "work"
    work.write_text("in the way")
    async with running(MemoryStore(), FlatEngine(), work_dir=work) as consumer:
        await until(lambda: len(consumer.health().problems) == 1 and consumer.health().engine is not None)
        assert not consumer.health().ready
        assert str(work) in consumer.health().message
        assert "SWAPDROP_WORK_DIR" in consumer.health().message
        work.unlink()
        await until(lambda: consumer.health().ready)
