"""An animated target through the whole consumer."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import numpy as np
import pytest
from PIL import Image

from pipeline.media.pictures.decode import Picture
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.writer import AnimationWriter
from pipeline.swap.frame import FrameSwap
from pipeline.swap.run import SwapRun
from storage.stores.memory_store import MemoryStore
from tests.support.copying import files_below
from tests.support.engines import FACE_BGR, FlatEngine, picture, png
from tests.support.jobs import drop_job, ended, running, until

T = TypeVar("T")


def moving(*frames: bytes) -> bytes:
    """An animated PNG of still ones, 80 ms a frame, played three times."""
    images = [Image.open(io.BytesIO(frame)) for frame in frames]
    buffer = io.BytesIO()
    images[0].save(buffer, "PNG", save_all=True, append_images=images[1:], duration=80, loop=3)
    return buffer.getvalue()


async def test_every_frame_is_swapped_counted_as_one_and_keeps_its_time() -> None:
    target = moving(*(png(picture(faces=((x, 10, 24, 24),))) for x in (4, 20, 36)))
    store = MemoryStore()
    job = await drop_job(store, target=target)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert (status.progress.unit, status.progress.total) == ("frames", 3)
    assert status.result is not None
    assert (status.result.frames, status.result.duration_s) == (3, 0.24)
    body = (await store.get(status.result.key, max_bytes=status.result.size)).body
    with Image.open(io.BytesIO(body)) as result:
        assert getattr(result, "n_frames", 1) == 3
        assert result.info["duration"] == 80
        assert result.info["loop"] == 3


async def test_an_animation_longer_than_the_operator_allows_is_refused() -> None:
    target = moving(*(png(picture(faces=((x, 10, 24, 24),))) for x in (4, 20, 36)))
    for limit in ({"max_frames": 2}, {"max_animation_pixels": 4096}):
        store = MemoryStore()
        job = await drop_job(store, target=target)
        async with running(store, FlatEngine(), **limit):
            status = await ended(store, job)
        assert status.error is not None
        assert status.error.code == "input_too_large"


async def test_a_picture_does_not_wait_for_the_end_of_an_animation() -> None:
    store, go = MemoryStore(), threading.Event()
    frames = [png(picture(faces=((20, 10, 24, 24 + number % 4),))) for number in range(40)]

    def wait_for_it() -> None:
        if engine.swaps == 1:  # the animation is on the device, and the picture comes now
            go.wait(30)

    engine = FlatEngine(swap_s=0.02, on_swap=wait_for_it)
    long = await drop_job(store, target=moving(*frames))
    async with running(store, engine) as consumer:
        await until(lambda: engine.swaps == 1)
        held = consumer.decoded_bytes
        short = await drop_job(store)
        await until(lambda: consumer.decoded_bytes > held)
        go.set()
        assert (await ended(store, short)).status == "completed"
        assert engine.swaps < len(frames)
        assert (await ended(store, long)).status == "completed"


async def test_decoding_and_encoding_stay_off_the_devices_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[str, set[str]] = {"read": set(), "write": set(), "swap": set()}

    def noted(what: str, call: Callable[..., T]) -> Callable[..., T]:
        def noting(*arguments: Any, **options: Any) -> T:  # noqa: ANN401 -- passed on
            threads[what].add(threading.current_thread().name.rstrip("0123456789"))
            return call(*arguments, **options)

        return noting

    monkeypatch.setattr(SwapRun, "read_frame", noted("read", SwapRun.read_frame))
    monkeypatch.setattr(SwapRun, "load", noted("read", SwapRun.load))
    monkeypatch.setattr(AnimationWriter, "add", noted("write", AnimationWriter.add))
    monkeypatch.setattr(FrameSwap, "step", noted("swap", FrameSwap.step))
    store = MemoryStore()
    frames = (png(picture(faces=((x, 10, 24, 24),))) for x in range(4, 28))
    job = await drop_job(store, target=moving(*frames))
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert threads == {"read": {"cpu-"}, "write": {"cpu-"}, "swap": {"device-"}}


async def test_a_job_holds_a_few_frames_at_once_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: WeakSet[Picture] = WeakSet()
    most = 0
    plain = SwapRun.read_frame

    def reading(self: SwapRun) -> Picture:
        nonlocal most
        frame = plain(self)
        held.add(frame)
        most = max(most, len(held))
        return frame

    monkeypatch.setattr(SwapRun, "read_frame", reading)
    store = MemoryStore()
    frames = (png(picture(faces=((x % 40, 10, 24, 24),))) for x in range(60))
    job = await drop_job(store, target=moving(*frames))
    async with running(store, FlatEngine(swap_s=0.002)):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert 2 <= most <= FRAMES_IN_FLIGHT + 1  # the one the writer compares the next one with


async def test_a_result_that_outgrows_the_disk_ends_its_job_and_gives_all_of_it_back(tmp_path: Path) -> None:
    noise = np.random.default_rng(7).integers(0, 200, (900, 900, 3), np.uint8)
    frames = []
    for number in range(8):
        frame = np.roll(noise, number, axis=0)
        frame[10:34, 20:44] = FACE_BGR
        frames.append(png(frame))
    store = MemoryStore()
    job = await drop_job(store, target=moving(*frames))
    settings = {"work_dir": tmp_path, "disk_budget_bytes": 16 << 20, "max_input_bytes": 100_000_000}
    async with running(store, FlatEngine(), **settings):
        status = await ended(store, job)
        small = await ended(store, await drop_job(store, target=moving(*frames[:2])))
    assert status.error is not None
    assert (status.error.code, small.status) == ("input_too_large", "completed")
    assert not files_below(tmp_path)


async def test_a_large_video_is_refused_by_its_size_before_it_is_read() -> None:
    store = MemoryStore()
    video = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(200_000)
    job = await drop_job(store, target=video)
    async with running(store, FlatEngine(), max_input_bytes=100_000):
        status = await ended(store, job)
    assert status.error is not None
    assert status.error.code == "input_too_large"
