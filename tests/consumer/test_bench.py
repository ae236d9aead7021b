"""The engines that jobs share: opened once, on the device's thread, and none of them a danger to another."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from consumer.bench import Bench
from consumer.device import Device
from consumer.engines import FilesMissing, Ready
from models.errors import ModelUnavailable, ProviderUnavailable
from pipeline.errors import OptionUnavailable
from pipeline.faces import Bgr, Face
from tests.support.engines import MISSING, Cupboard, FlatEngine


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
    ) -> bool:
        return False


@pytest.fixture
def shelf() -> Cupboard:
    return Cupboard()


@pytest.fixture
def bench(shelf: Cupboard) -> Iterator[Bench]:
    device = Device(name="the-device")
    yield Bench(shelf, device)
    device.close()


async def test_an_engine_is_opened_once_and_on_the_devices_thread(shelf: Cupboard, bench: Bench) -> None:
    threads: list[str] = []

    def opened() -> FlatEngine:
        threads.append(threading.current_thread().name)
        return FlatEngine()

    shelf.put("auto", opened, called="flat")
    shelf.put("other", opened, called="flat")
    await bench.start()
    tools = await asyncio.gather(*(bench.tool(name, enhance=False) for name in ("auto", "other") * 4))
    assert threads == ["the-device"]
    assert len({id(tool) for tool in tools}) == 1


async def test_what_is_missing_is_known_until_it_is_there(shelf: Cupboard, bench: Bench) -> None:
    with pytest.raises(FilesMissing):
        await bench.start()
    assert (bench.problem, bench.missing) == (str(MISSING), {"face.onnx": ("/models: empty",)})
    with pytest.raises(ModelUnavailable, match=r"face\.onnx"):
        await bench.tool("auto", enhance=False)
    shelf.put("auto", FlatEngine)
    await bench.look()
    assert (bench.problem, bench.missing, bench.settled) == (None, {}, True)
    assert bench.folder == Path("models")


async def test_the_provider_is_proved_only_where_no_engine_could_prove_it(
    shelf: Cupboard, bench: Bench
) -> None:
    with pytest.raises(FilesMissing):
        await bench.start()
    assert shelf.checks == 1
    shelf.put("auto", FlatEngine)
    await bench.start()
    assert shelf.checks == 1


async def test_the_better_engine_takes_over_from_the_one_in_its_place(shelf: Cupboard, bench: Bench) -> None:
    shelf.put("auto", FlatEngine, called="mesh", fallback=True)
    await bench.start()
    assert not bench.settled
    basic = await bench.tool("auto", enhance=False)
    shelf.put("auto", FlatEngine, called="inswapper")
    await bench.look()
    assert bench.settled
    assert await bench.tool("auto", enhance=False) is not basic
    shelf.put("mesh", FlatEngine)
    assert await bench.tool("mesh", enhance=False) is basic


async def test_files_that_vanish_later_do_not_take_away_an_open_engine(shelf: Cupboard, bench: Bench) -> None:
    shelf.put("auto", FlatEngine)
    await bench.start()
    shelf.holds.clear()
    with pytest.raises(FilesMissing):
        await bench.look()
    assert bench.problem is None
    await bench.tool("auto", enhance=False)


async def test_a_model_that_refuses_the_provider_fails_its_job_and_not_the_machine(
    shelf: Cupboard, bench: Bench
) -> None:
    def refuse() -> FlatEngine:
        raise ProviderUnavailable("other.onnx should run on cuda.")

    shelf.put("auto", FlatEngine)
    shelf.put("other", refuse)
    await bench.start()
    with pytest.raises(ModelUnavailable, match=r"other\.onnx") as caught:
        await bench.tool("other", enhance=False)
    assert caught.value.kind == "input"


async def test_the_enhancer_may_come_later_and_shares_the_engine(shelf: Cupboard, bench: Bench) -> None:
    opened: list[FlatEngine] = []

    def count() -> FlatEngine:
        opened.append(FlatEngine())
        return opened[-1]

    shelf.put("auto", count)
    await bench.start()
    with pytest.raises(OptionUnavailable):
        await bench.tool("auto", enhance=True)
    models = {"restore.onnx": "sha256:00"}
    shelf.enhancer = Ready(name="restore", folder=Path("models"), models=models, open=Brightener)
    tool = await bench.tool("auto", enhance=True)
    assert tool.enhancer_models == models
    assert await bench.tool("auto", enhance=False) is not tool
    assert len(opened) == 1
