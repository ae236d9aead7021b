"""What an actor does with an order, done here: whose settings count, and what it refuses to work with."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consumer.client.local import open_local_services
from consumer.config.settings import Settings
from consumer.jobs.node import Node, deciding
from consumer.jobs.services import JobServices
from consumer.jobs.video.errands import MachineDiffers, SegmentErrand, identity
from pipeline.engines.base import EngineInfo
from storage.errors import InputNotFound
from tests.support.engines import OneEngine
from tests.support.reels import ReelEngine
from tests.support.segment_rigs import FRAMES, Rig, open_rig
from tests.support.standins.watermark import watermarker


class Newer(ReelEngine):
    """The same engine with other files."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, models={"flat.onnx": "sha256:01"})


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the actor: it has a work folder of its own."""
    monkeypatch.setenv("SWAPDROP_WORK_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("SWAPDROP_MINORS", "off")
    monkeypatch.setenv("SWAPDROP_MAX_FRAMES", "7")
    monkeypatch.setattr("consumer.jobs.node.configure_logging", lambda _settings: None)


def node(
    tmp_path: Path,
    engine: type[ReelEngine] = ReelEngine,
    *,
    hides: bool = True,
    **decided: Any,  # noqa: ANN401 -- any setting
) -> Node:
    opener = partial(
        open_local_services,
        folder=tmp_path,
        segments=tmp_path / "work/segments",
        registry=OneEngine(engine, watermarker=watermarker(tmp_path) if hides else None),
    )
    return Node(opener, deciding(Settings(**decided)))


async def errand(rig: Rig, number: int = 1) -> SegmentErrand:
    manifest = rig.context.manifest
    return SegmentErrand(
        manifest=manifest,
        job_id="job",
        job_folder=None,
        target=rig.context.files.hashes[manifest.target],
        engine=identity(await rig.context.engine("auto")),
        work=rig.work,
        segment=rig.work.plan.segments[number],
    )


@pytest.mark.usefixtures("environment")
async def test_a_segment_lies_where_the_driver_looks_and_nothing_else_is_left(tmp_path: Path) -> None:
    told: list[int] = []
    async with open_rig("own threads", tmp_path) as rig:
        there = node(tmp_path)
        timings = await there.do(await errand(rig), told.append)
        assert timings.keys() >= {"decode", "swap", "encode"}
        assert told[-1] == FRAMES
        done = await rig.executor.run(rig.work)
        assert rig.told[-1].segments is not None
        assert rig.told[-1].segments.reused == 1
        assert len(done) == len(rig.work.plan.segments)
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]
    await there.close()
    assert not list((tmp_path / "elsewhere").glob("consumer-*"))


@pytest.mark.usefixtures("environment")
async def test_each_of_two_jobs_that_ask_for_the_same_finds_its_own_segments(tmp_path: Path) -> None:
    async with open_rig("own threads", tmp_path) as rig:
        there = node(tmp_path)
        first, second = await errand(rig, 0), await errand(rig, 1)
        await there.do(first, print)
        await there.do(replace(second, job_id="same-again"), print)
        await there.close()
    kept = (tmp_path / "work/segments").glob("*/*/*.json")
    assert {(path.parts[-3], path.stem) for path in kept} == {("job", "0"), ("same-again", "1")}


@pytest.mark.usefixtures("environment")
async def test_other_files_than_the_drivers_are_refused(tmp_path: Path) -> None:
    async with open_rig("own threads", tmp_path) as rig:
        order = await errand(rig)
        with pytest.raises(MachineDiffers, match="sha256:01"):
            await node(tmp_path, Newer).do(order, print)
        with pytest.raises(MachineDiffers, match="watermark's file"):
            await node(tmp_path, hides=False).do(order, print)
        with pytest.raises(MachineDiffers, match="another one"):
            await node(tmp_path).do(replace(order, target="0" * 64), print)
        gone = order.manifest.model_copy(update={"target": str(tmp_path / "gone.mp4")})
        with pytest.raises(InputNotFound, match="must see the same files"):
            await node(tmp_path).do(replace(order, manifest=gone), print)


@pytest.mark.usefixtures("environment")
async def test_what_decides_about_results_is_the_drivers_and_the_rest_its_own(tmp_path: Path) -> None:
    seen: list[Settings] = []

    def opener(settings: Settings) -> Any:  # noqa: ANN401 -- a context manager
        seen.append(settings)
        return open_local_services(settings, folder=tmp_path, segments=tmp_path)

    async def order(there: Node) -> JobServices:
        return await there.services()

    decided = Settings(minors="refuse", label="top-left", require_consent=True, executor="ray", max_frames=9)
    services = await Node(opener, deciding(decided)).do(order, print)
    (settings,) = seen
    assert (settings.minors, settings.label, services.require_consent) == ("refuse", "top-left", True)
    assert (settings.max_frames, settings.work_dir) == (7, tmp_path / "elsewhere")
    assert (settings.executor, services.cluster, settings.model_threads) == ("local", None, 1)
    assert not {name for name in deciding(decided) if "secret" in name or "key_id" in name}
