"""The engines that jobs share: opened once, on the device's thread, and none of them a danger to another."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from consumer.devices.worker import WorkerThread
from consumer.engines.on_disk import FilesMissing
from consumer.engines.opening import EngineHandle
from consumer.engines.pool import EnginePool
from models.errors import ModelUnavailable, ProviderUnavailable
from pipeline.errors import EnhancerUnavailable, OptionUnavailable
from pipeline.face import Bgr, Face
from tests.support.engines import MISSING, Cupboard, FlatEngine, Opened


class Brightener:
    """An enhancer that leaves every face as it is."""

    name = "brightener"

    def enhance(
        self,
        frame: Bgr,  # noqa: ARG002 -- the port's
        face: Face,  # noqa: ARG002 -- the port's
        *,
        others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
        keep_mouth: bool = False,  # noqa: ARG002 -- the port's
        strength: float = 1.0,  # noqa: ARG002 -- the port's
    ) -> bool:
        return False


@pytest.fixture
def registry() -> Cupboard:
    return Cupboard()


@pytest.fixture
def logged() -> list[tuple[str, dict[str, object]]]:
    return []


@pytest.fixture
def pool(registry: Cupboard, logged: list[tuple[str, dict[str, object]]]) -> Iterator[EnginePool]:
    device = WorkerThread(name="the-device")
    yield EnginePool(registry, device, log=lambda event, **fields: logged.append((event, fields)))
    device.close()


async def test_an_engine_is_opened_once_and_on_the_devices_thread(
    registry: Cupboard, pool: EnginePool
) -> None:
    threads: list[str] = []

    def opened() -> FlatEngine:
        threads.append(threading.current_thread().name)
        return FlatEngine()

    registry.put("auto", opened, called="flat")
    registry.put("other", opened, called="flat")
    await pool.start()
    tools = await asyncio.gather(*(pool.load(name, enhance=False) for name in ("auto", "other") * 4))
    assert threads == ["the-device"]
    assert len({id(loaded) for loaded in tools}) == 1


async def test_what_is_missing_is_known_until_it_is_there(registry: Cupboard, pool: EnginePool) -> None:
    with pytest.raises(FilesMissing):
        await pool.start()
    assert (pool.problem, pool.missing) == (str(MISSING), {"face.onnx": ("/models: empty",)})
    with pytest.raises(ModelUnavailable, match=r"face\.onnx"):
        await pool.load("auto", enhance=False)
    registry.put("auto", FlatEngine)
    await pool.look()
    assert (pool.problem, pool.missing, pool.settled) == (None, {}, True)
    assert pool.folder == Path("models")


async def test_the_provider_is_proved_only_where_no_engine_could_prove_it(
    registry: Cupboard, pool: EnginePool
) -> None:
    with pytest.raises(FilesMissing):
        await pool.start()
    assert registry.checks == 1
    registry.put("auto", FlatEngine)
    await pool.start()
    assert registry.checks == 1


async def test_the_better_engine_takes_over_from_the_one_in_its_place(
    registry: Cupboard, pool: EnginePool
) -> None:
    registry.put("auto", FlatEngine, called="mesh", fallback=True)
    await pool.start()
    assert not pool.settled
    basic = await pool.load("auto", enhance=False)
    registry.put("auto", FlatEngine, called="inswapper")
    await pool.look()
    assert pool.settled
    assert await pool.load("auto", enhance=False) is not basic
    registry.put("mesh", FlatEngine)
    assert await pool.load("mesh", enhance=False) is basic


async def test_files_that_vanish_later_do_not_take_away_an_open_engine(
    registry: Cupboard, pool: EnginePool
) -> None:
    registry.put("auto", FlatEngine)
    await pool.start()
    registry.holds.clear()
    with pytest.raises(FilesMissing):
        await pool.look()
    assert pool.problem is None
    await pool.load("auto", enhance=False)


async def test_a_model_that_refuses_the_provider_fails_its_job_and_not_the_machine(
    registry: Cupboard, pool: EnginePool
) -> None:
    def refuse() -> FlatEngine:
        raise ProviderUnavailable("other.onnx should run on cuda.")

    registry.put("auto", FlatEngine)
    registry.put("other", refuse)
    await pool.start()
    with pytest.raises(ModelUnavailable, match=r"other\.onnx") as caught:
        await pool.load("other", enhance=False)
    assert caught.value.kind == "input"


async def test_an_enhancer_that_is_welcome_and_not_here_is_told_to_the_operator_once(
    registry: Cupboard, pool: EnginePool, logged: list[tuple[str, dict[str, object]]]
) -> None:
    registry.put("auto", FlatEngine)
    await pool.start()
    registry.enhancer = EnhancerUnavailable("restore.onnx is not here.")
    first, second = [await pool.load("auto", enhance="auto") for _ in range(2)]
    assert first is second is await pool.load("auto", enhance=False)
    assert not first.enhances
    assert logged == [
        ("engine_ready", {"engine": "flat", "version": "1", "provider": "CPUExecutionProvider"}),
        ("enhancer_unavailable", {"reason": "restore.onnx is not here."}),
    ]
    models = {"restore.onnx": "sha256:00"}
    registry.enhancer = EngineHandle(
        name="restore", folder=Path("models"), models=models, open=Opened(Brightener)
    )
    assert (await pool.load("auto", enhance="auto")).enhances


async def test_an_enhancer_that_cannot_be_opened_does_no_harm_where_it_is_only_welcome(
    registry: Cupboard, pool: EnginePool
) -> None:
    def refuse() -> Brightener:
        raise ProviderUnavailable("restore.onnx should run on cuda.")

    registry.put("auto", FlatEngine)
    registry.enhancer = EngineHandle(name="restore", folder=Path("models"), models={}, open=Opened(refuse))
    assert not (await pool.load("auto", enhance="auto")).enhances
    with pytest.raises(ModelUnavailable, match="cuda"):
        await pool.load("auto", enhance=True)


async def test_the_enhancer_may_come_later_and_shares_the_engine(
    registry: Cupboard, pool: EnginePool
) -> None:
    opened: list[FlatEngine] = []

    def count() -> FlatEngine:
        opened.append(FlatEngine())
        return opened[-1]

    registry.put("auto", count)
    await pool.start()
    with pytest.raises(OptionUnavailable):
        await pool.load("auto", enhance=True)
    models = {"restore.onnx": "sha256:00"}
    registry.enhancer = EngineHandle(
        name="restore", folder=Path("models"), models=models, open=Opened(Brightener)
    )
    loaded = await pool.load("auto", enhance=True)
    assert loaded.enhancer_models == models
    assert await pool.load("auto", enhance=False) is not loaded
    assert len(opened) == 1
