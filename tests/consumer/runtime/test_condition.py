"""How a consumer is: everything that keeps it from being ready is a sentence."""

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
