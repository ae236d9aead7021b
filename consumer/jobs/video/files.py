"""Files of a job that have to lie on the disk, and files that grow there."""

import shutil
from functools import partial
from pathlib import Path
from typing import Final

from consumer.jobs.context import JobContext
from consumer.jobs.scratch import Scratch
from pipeline.errors import UnsupportedMedia
from pipeline.media.sniff import MEDIA_TYPES, SNIFF_BYTES, MediaType, sniff
from pipeline.media.video.encode import EXTENSION
from pipeline.media.video.probe import VideoFile, open_video
from pipeline.media.video.segments import Segment, SegmentPlan
from pipeline.swap.naming import naming
from pipeline.swap.video.facts import SegmentFacts
from storage.inputs.fetch import FetchedInput
from storage.scratch import describe_piece

_TARGET: Final = "target"
_BYTES_PER_PIXEL: Final = 0.1
"""A guess at what a pixel of a segment takes: twice what a noisy film takes at the best usual quality."""


def media_of(file: FetchedInput) -> MediaType:
    """What a file is, by its first bytes; raises OSError."""
    with file.open() as opened:
        return sniff(opened.read(SNIFF_BYTES))


async def open_target_video(context: JobContext, file: FetchedInput) -> VideoFile:
    """Look at the target of a job, which is put onto the disk where it lies in memory.

    Raises:
        InputError: it is no video, or one that cannot be used; says so.
        InputTooLarge, DiskFull: there is no room for it.
    """
    media = await context.on_cpu(partial(media_of, file))
    if media.kind == "picture":
        raise UnsupportedMedia(
            f"The target is {media.label}, and this kind of job is for videos. Send it as `single-image` or "
            "`multi-image`."
        )
    path = await on_disk(context, file)
    context.progress.report("decode")

    def look() -> VideoFile:
        with naming("target"):
            return open_video(path, context.services.video_limits, media=media)

    return await context.on_cpu(look, stage="decode")


async def on_disk(context: JobContext, file: FetchedInput) -> Path:
    """Where the target of a job lies, which is put onto the disk if it is in memory.

    Raises InputTooLarge, DiskFull.
    """
    if file.path is not None:
        return file.path
    await context.disk(file.size)
    path = context.workspace.path(_TARGET)
    await context.on_cpu(partial(_write, file, path))
    return path


def _write(file: FetchedInput, path: Path) -> None:
    with file.open() as source, path.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def guess_bytes(plan: SegmentPlan, segment: Segment) -> int:
    """What the file of a segment will take on the disk."""
    width, height = plan.size
    return round(segment.frames * width * height * _BYTES_PER_PIXEL) + 1


async def keep_segment(
    context: JobContext, scratch: Scratch, number: int, path: Path, facts: SegmentFacts
) -> None:
    """Keep a segment for later attempts; raises as `Scratch.keep`."""
    with context.unmeasured():
        piece = await context.on_cpu(lambda: describe_piece(path, facts.to_json()))
        content_type = MEDIA_TYPES[EXTENSION].content_type
        await scratch.keep(number, path, piece, extension=EXTENSION, content_type=content_type)


class GrowingFile:
    """Disk space for a file of which only a guess is known beforehand.

    The guess is held before anything else that jobs wait for is asked for, since jobs that hold the one and
    wait for the other would wait for each other; what the file really has is settled when it is whole.
    """

    def __init__(self, context: JobContext, guess_bytes: int) -> None:
        self._context = context
        self._held = guess_bytes

    @property
    def is_there(self) -> bool:
        """Whether the guess can be held without a wait."""
        return self._context.workspace.has_room(self._held)

    async def hold(self) -> None:
        """Hold the guess; raises InputTooLarge, DiskFull."""
        await self._context.disk(self._held)

    async def settle(self, size_bytes: int) -> None:
        """Hold what the file has, and no more; raises InputTooLarge, DiskFull."""
        if size_bytes < self._held:
            self._context.workspace.release(self._held - size_bytes)
        elif size_bytes > self._held:
            await self._context.disk(size_bytes - self._held)
        self._held = size_bytes
