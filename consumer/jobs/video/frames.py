"""The frames of a part of a video, decoded ahead on CPU threads."""

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import suppress
from types import TracebackType
from typing import Final, Self, cast

from consumer.jobs.video.means import Means
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.read import ReadStats, VideoReader
from pipeline.swap.naming import naming

BYTES_PER_PIXEL: Final = 200
"""Of what a segment holds in all: a hundred frames of a decoder, an encoder and a tracker, at 1.5 bytes, and
the parts of one that are BGR."""
_THREADS: Final = 2
"""Of a decoder: more decode a frame ahead each, and hold it."""


def frame_bytes(video: VideoFile) -> int:
    """Memory from decoding to encoding, however many frames there are."""
    width, height = video.stored_size
    return width * height * BYTES_PER_PIXEL


class FrameSource:
    """Decodes frames one after the other, a few ahead of who takes them; used as a context.

    Iterating over it gives exactly the frames that show from `start` on and before `end`, in ticks: each time
    those that are decoded by then, so that whoever is slower does not come back for each of them.
    """

    def __init__(self, means: Means, video: VideoFile, start: int, end: int | None) -> None:
        self._means = means
        self._reader = VideoReader(video, means.tone_mapper, threads=_THREADS)
        self._frames = cast("Generator[YuvFrame]", self._reader.planned(start, end))
        self._lock = threading.Lock()
        self._ahead: asyncio.Queue[YuvFrame | None] = asyncio.Queue(FRAMES_IN_FLIGHT)
        self._decoding: asyncio.Task[None] | None = None

    @property
    def stats(self) -> ReadStats:
        """What happened while reading."""
        return self._reader.stats

    async def __aenter__(self) -> Self:
        self._decoding = asyncio.create_task(self._decode())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._decoding is not None:
            self._decoding.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.wait([self._decoding])
        self._means.on_cpu_at_last(self._close)

    async def __aiter__(self) -> AsyncIterator[list[YuvFrame]]:
        """Yield the frames, at least one at a time and few; raises MediaCorrupt."""
        if self._decoding is None:
            raise RuntimeError("use a FrameSource as a context manager")
        last = False
        while not last:
            ready = [await self._next(self._decoding)]
            while not self._ahead.empty():
                ready.append(self._ahead.get_nowait())
            last = ready[-1] is None
            if frames := [frame for frame in ready if frame is not None]:
                yield frames
            del ready

    async def _next(self, decoding: asyncio.Task[None]) -> YuvFrame | None:
        """The next frame, or whatever ended the decoding."""
        taking = asyncio.ensure_future(self._ahead.get())
        try:
            await asyncio.wait({taking, decoding}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                decoding.result()
            return await taking
        finally:
            taking.cancel()

    async def _decode(self) -> None:
        while True:
            with self._means.unmeasured():  # a file whose index lies is read from its beginning
                frame = await self._means.on_cpu(self._read, stage="decode")
            await self._ahead.put(frame)
            if frame is None:
                return

    def _read(self) -> YuvFrame | None:
        with self._lock, naming("target"):
            return next(self._frames, None)

    def _close(self) -> None:
        """Let go of the file, once a frame that is still being decoded is done."""
        with self._lock:
            self._frames.close()
