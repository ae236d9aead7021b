"""Videos through a consumer of their own, and the colours of the people in the results."""

from pathlib import Path

from storage.records.status import Status
from storage.stores.port import ObjectStore
from tests.support.buckets import upload
from tests.support.engines import picture, png
from tests.support.jobs import SOURCE_BGR, announce, body_of, ended, inbox_empty, running
from tests.support.reels import ReelEngine

BLUE = (220, 40, 20)
_NEAR = 25
"""How far a colour may be from what it was, after two encoders."""


async def colour_source(store: ObjectStore, colour: tuple[int, int, int] = SOURCE_BGR) -> str:
    """Upload a person whose face becomes a box of one colour."""
    return await upload(store, png(picture(colour=colour)))


async def drop_video(store: ObjectStore, clip: Path, **manifest: object) -> str:
    """Announce a single-video job on a clip."""
    target = await upload(store, clip.read_bytes(), clip.suffix[1:])  # noqa: ASYNC240 -- a small file
    document = {"process_type": "single-video", "target": target, **manifest}
    if document["process_type"] == "single-video" and "source" not in document:
        document["source"] = await colour_source(store)
    return await announce(store, document)


async def video_done(store: ObjectStore, clip: Path, **manifest: object) -> Status:
    """Have a clip swapped by a consumer of its own, and wait until all of that is over."""
    job = await drop_video(store, clip, **manifest)
    async with running(store, ReelEngine()):
        status = await ended(store, job)
        await inbox_empty(store)
    return status


async def result_of(store: ObjectStore, status: Status) -> bytes:
    """The bytes of a job's result."""
    assert status.result is not None, status.error
    return await body_of(store, status.result.key)


def near(colour: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    """Whether a colour is another, but for what encoders did to it."""
    return max(abs(one - other) for one, other in zip(colour, wanted, strict=True)) <= _NEAR


def segments_done(status: Status) -> int:
    """How many segments are told of in a record."""
    return status.progress.segments.done if status.progress.segments else 0
