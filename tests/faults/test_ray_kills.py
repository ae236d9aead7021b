"""Actors of a Ray cluster that are killed, and drivers: it costs a segment, and nothing is left running."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from consumer.cluster.actors import ActorLost
from consumer.faults import judge
from tests.support.consumers import alive
from tests.support.jobs import until
from tests.support.segment_rigs import KEPT, LEFT_BY_RAY, SEGMENTS, Killed, KilledOnce, Slow, open_rig
from tests.support.videos import Shown, shown

AGENTS_END_S = 120.0
"""Those of a Ray that was killed first tell its head for a minute, which is gone, too: so long Ray waits."""
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), LEFT_BY_RAY]


async def undisturbed(folder: Path) -> list[list[Shown]]:
    """The frames of each segment as one process makes them."""
    folder.mkdir()  # noqa: ASYNC240 -- takes no time
    async with open_rig("own threads", folder) as rig:
        return [shown(each.path) for each in await rig.executor.run(rig.work)]


def marked(name: str, value: Path) -> Iterator[int]:
    """The processes with a variable in their environment, which those that they start have, too."""
    own = f"{name}={value}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if own in (folder / "environ").read_bytes().split(b"\0") and alive(int(folder.name)):
                yield int(folder.name)


async def test_an_actor_that_is_killed_costs_one_segment_and_the_job_goes_on(tmp_path: Path) -> None:
    async with open_rig("ray", tmp_path, partial(KilledOnce, tmp_path)) as rig:
        done = await rig.executor.run(rig.work)
        frames = [shown(each.path) for each in done]
        assert rig.told[-1].done == sum(segment.frames for segment in rig.work.plan.segments)
        assert not objects_in_store()
    assert (tmp_path / "killed").exists()
    assert frames == await undisturbed(tmp_path / "undisturbed")


@pytest.fixture
def ray_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where each Ray has its folder, in a path short enough for its sockets."""
    with TemporaryDirectory(prefix="") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield Path(folder) / f"ray-{os.getuid()}"


def folders(root: Path) -> list[Path]:
    """The folders of processes below a root."""
    return list(root.glob("consumer-*"))


def objects_in_store() -> dict[object, object]:
    """What the driver still has of Ray's objects, which are in the store as long as it has."""
    from ray._private.worker import global_worker  # noqa: PLC0415 -- not everywhere installed

    worker: Any = global_worker
    found: dict[object, object] = worker.core_worker.get_all_reference_counts()
    return found


async def test_a_segment_that_kills_its_actor_again_and_again_fails_the_attempt(tmp_path: Path) -> None:
    async with open_rig("ray", tmp_path, partial(Killed, tmp_path, after=(0, 1))) as rig:
        with pytest.raises(ActorLost) as lost:
            await rig.executor.run(rig.work)
    fault = judge(lost.value, stage="swap")
    assert (fault.kind, fault.code) == ("transient", "internal")
    assert fault.message == "A machine that did the work was lost."


async def test_a_driver_that_is_killed_leaves_no_process_and_its_segments_to_the_next(
    tmp_path: Path, ray_folder: Path
) -> None:
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.ray_driver", tmp_path),
        env={**os.environ, "DRIVER_OF": str(tmp_path)},
    )
    kept = tmp_path / KEPT
    try:
        async with asyncio.timeout(300):
            while not list(kept.glob("*.json")):
                assert driver.returncode is None
                await asyncio.sleep(0.1)
        started = set(marked("DRIVER_OF", tmp_path)) - {driver.pid}
        assert len(started) > 2  # actors, and what Ray is made of
    finally:
        with suppress(ProcessLookupError):
            driver.send_signal(signal.SIGKILL)
        await driver.wait()
    await until(lambda: not started & set(marked("DRIVER_OF", tmp_path)), patience_s=AGENTS_END_S)
    (left,) = folders(ray_folder)
    async with open_rig("ray", tmp_path, Slow) as rig:
        frames = [shown(each.path) for each in await rig.executor.run(rig.work)]
        segments = rig.told[-1].segments
        assert segments is not None
        assert segments.done == SEGMENTS
        assert segments.reused >= 1
        assert left not in folders(ray_folder)
    assert not folders(ray_folder)
    assert frames == await undisturbed(tmp_path / "undisturbed")
