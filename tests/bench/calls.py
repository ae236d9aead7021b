"""What jobs ask of the store, by what stores charge for it."""

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from storage import keys
from storage.stores.memory_store import MemoryStore
from tests.bench.report import Row, row
from tests.support.engines import FlatEngine, person_bgr, picture, png
from tests.support.jobs import announce, ended, inbox_empty, running, upload_pair
from tests.support.reels import ReelEngine, across, reel
from tests.support.stores import CountingStore

#: What S3 and R2 bill as the dearer requests (class A), as the cheaper ones (class B), and not at all.
CLASSES: Final = {
    "class A": ("put", "put_file", "copy", "list"),
    "class B": ("get", "head", "stream"),
    "free": ("delete",),
}
_RATE: Final = 20
_SEGMENT_S: Final = 10  # about: a video is cut at key frames
_SEGMENTS: Final = 2, 6


def call_rows() -> Iterator[Row]:
    """Calls of a picture job, its sender's three uploads aside, and of each further segment of a video.

    Listings that look for jobs, which `make crowd` counts, and the list of protected people are not a job's.
    Of a video, looks for a cancel mark and records of progress are left out: one of each in two seconds.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    one = asyncio.run(_picture())
    for name, ops in CLASSES.items():
        yield row(f"calls of a picture job, {name}", sum(one[op] for op in ops), "calls")
    few, many = (asyncio.run(_video(segments)) for segments in _SEGMENTS)
    between = _SEGMENTS[1] - _SEGMENTS[0]
    for name, ops in CLASSES.items():
        calls = sum(many[op] - few[op] for op in ops)
        yield row(f"calls of each segment of a video, {name}", calls / between, "calls")


async def _picture() -> Counter[str]:
    store = MemoryStore()
    job = await announce(store, dict(await upload_pair(store)))
    return await _calls(store, FlatEngine(), job)


async def _video(segments: int) -> Counter[str]:
    store = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        frames = segments * _SEGMENT_S * _RATE
        clip = reel(
            Path(folder, "clip.mp4"), {0: across()}, frames=frames, rate=_RATE, keyframes=_SEGMENT_S * _RATE
        )
        source = png(picture(colour=person_bgr(1)))
        references = await upload_pair(store, source=source, target=clip.read_bytes())
    job = await announce(store, {**references, "process_type": "single-video"})
    return await _calls(store, ReelEngine(), job)


async def _calls(store: MemoryStore, engine: FlatEngine, job: str) -> Counter[str]:
    counting = CountingStore(store)
    async with running(counting, engine, max_input_bytes=10**8):
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.status == "completed", status.error
    progress = {keys.status(job), keys.cancel(job)}
    is_video = status.manifest is not None and status.manifest["process_type"] == "single-video"
    return Counter(
        op
        for op, key in counting.calls
        if not (op == "list" and key == keys.INBOX)
        and key != keys.DENYLIST
        and not (is_video and key in progress)
    )
