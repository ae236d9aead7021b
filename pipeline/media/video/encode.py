"""Frames to a segment: a file of its own that holds nothing but pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av

from pipeline.errors import OutputInvalid
from pipeline.media.video.colour import tag
from pipeline.media.video.encoders import hush
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.segments import Segment, SegmentPlan

EXTENSION: Final = "mp4"
"""What every segment is, whatever the result will be: WebM and Matroska know milliseconds only."""


@dataclass(frozen=True, kw_only=True)
class EncodedSegment:
    """A segment that was written."""

    path: Path
    #: How many frames it holds, which is not how many were read where the rate changes.
    frames: int
    size_bytes: int


class SegmentWriter:
    """Encodes the frames of one segment; used as a context, by one thread at a time.

    The file is whole once `finish` has returned.
    """

    def __init__(self, plan: SegmentPlan, segment: Segment, path: Path) -> None:
        """Begin a file at `path`, which should end in `EXTENSION`; raises OutputInvalid, OSError."""
        self._clock, self._colour, self._offset = plan.clock, plan.colour, segment.offset
        self._path = path
        self._frames = 0
        time_base = plan.clock.time_base
        hush()
        with encoder_faults():
            # The denominator keeps every time exact: the muxer would choose a unit of its own.
            scale = {"video_track_timescale": str(time_base.denominator)}
            self._container = av.open(str(path), "w", format=EXTENSION, options=scale)
            stream = self._container.add_stream(
                plan.encoder.name, rate=plan.rate, options=plan.encoder.options_here
            )
        self._stream = stream
        context = self._stream.codec_context
        context.width, context.height = plan.size
        context.pix_fmt = "yuv420p"
        context.sample_aspect_ratio = plan.sar
        context.thread_count = plan.encoder.threads
        self._stream.time_base = context.time_base = time_base
        tag(context, plan.colour)
        if plan.encoder.tag is not None:
            context.codec_tag = plan.encoder.tag

    def add(self, frame: YuvFrame) -> None:
        """Encode a frame, as often as it shows in the result; it is the writer's from now on.

        Raises:
            OutputInvalid: the encoder failed.
            OSError: the file cannot be written.
        """
        image = frame.image
        image.pict_type = 0  # else key frames are forced where the target had them
        tag(image, self._colour)
        with encoder_faults():
            for time in self._clock.shown_at(frame.time):
                image.pts, image.time_base = time - self._offset, self._clock.time_base
                self._container.mux(self._stream.encode(image))
                self._frames += 1

    def finish(self) -> EncodedSegment:
        """Write the end; raises as `add`, and OutputInvalid where there was no frame."""
        if not self._frames:
            raise OutputInvalid("A segment of the video came out empty.")
        with encoder_faults():
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return EncodedSegment(path=self._path, frames=self._frames, size_bytes=self._path.stat().st_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with encoder_faults():
            self._container.close()


@contextmanager
def encoder_faults() -> Iterator[None]:
    """Name the faults of encoders and muxers as ours; those of a full disk stay what they are."""
    try:
        yield
    except (av.error.OSError, av.error.PermissionError, av.error.FileNotFoundError):
        raise
    except (av.FFmpegError, ValueError) as error:
        raise OutputInvalid(f"The video could not be encoded: {error}.") from error
