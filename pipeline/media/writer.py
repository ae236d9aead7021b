"""Frames in, a file out: the frames of a result are pushed one by one, and its bytes go to a sink."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

import cv2

from pipeline.errors import OutputInvalid
from pipeline.face import Notice
from pipeline.media.animations.timeline import Timeline
from pipeline.media.animations.write import AnimationFormat, animation_format, open_packer
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.depth import encode_picture
from pipeline.media.pictures.encode import OutputFormat, output_format
from pipeline.media.sniff import MEDIA_TYPES, MediaType


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that was written to a sink."""

    #: What it is.
    media: MediaType
    #: Its size in pixels.
    width: int
    height: int
    #: How many bytes were written.
    size_bytes: int
    #: How many frames it has and how many seconds it takes played once; None where nothing moves.
    frames: int | None = None
    duration_s: float | None = None
    #: What was lost on the way.
    notices: tuple[Notice, ...] = ()


NO_DATE: Final = Notice(
    code="date_unknown",
    message="`keep_date` has no effect: the target does not say when it was taken, or moves.",
)


class FrameWriter(Protocol):
    """Writes a result; on CPU threads, one call after the other."""

    @property
    def media(self) -> MediaType:
        """What the result will be."""
        ...

    def takes(self, *, changed: bool) -> bool:
        """Whether the next frame of the target, `changed` or as it was, will be in the result."""
        ...

    def add(self, frame: Picture, *, changed: bool) -> None:
        """Write the next frame of the target, `changed` or as it was; it is the writer's from now on.

        Raises:
            MediaTooLarge: the format cannot hold a picture this wide or high.
            OutputInvalid: the encoder failed.
            OSError: the sink cannot be written.
        """
        ...

    def finish(self) -> Written:
        """Write the end, after all frames; raises as `add`, and OutputInvalid where frames are missing."""
        ...


def result_media(media: MediaType, requested: OutputFormat | None, *, moves: bool) -> MediaType:
    """What the result of a target will be: in the format that was asked for, else the target's own."""
    moving = animation_format(requested, media) if moves else None
    return MEDIA_TYPES[moving or output_format(requested, media)]


class PictureWriter:
    """Writes the first changed frame as a picture, in full depth where there is one; see `FrameWriter`."""

    def __init__(
        self,
        sink: BinaryIO,
        to: OutputFormat,
        *,
        quality: int,
        xmp: bytes | None,
        notices: tuple[Notice, ...] = (),
        keep_date: bool = False,
    ) -> None:
        """Begin a picture; `notices` is what its sender should know beside what the encoder says."""
        self.media = MEDIA_TYPES[to]
        self._sink = sink
        self._to: OutputFormat = to
        self._quality = quality
        self._xmp = xmp
        self._notices = notices
        self._keep_date = keep_date
        self._written: Written | None = None

    def takes(self, *, changed: bool) -> bool:
        """The first that was changed."""
        return changed and self._written is None

    def add(self, frame: Picture, *, changed: bool) -> None:
        """Write the frame if it is the first that was changed."""
        if not self.takes(changed=changed):
            return
        date = frame.date if self._keep_date else None
        encoded = encode_picture(frame, to=self._to, quality=self._quality, xmp=self._xmp, date=date)
        dateless = (NO_DATE,) if self._keep_date and date is None else ()
        self._sink.write(encoded.data)
        self._written = Written(
            media=encoded.media,
            width=encoded.width,
            height=encoded.height,
            size_bytes=len(encoded.data),
            notices=(*encoded.notices, *self._notices, *dateless),
        )

    def finish(self) -> Written:
        """Tell what was written; raises OutputInvalid where no frame was changed."""
        if self._written is None:
            raise OutputInvalid
        return self._written


class AnimationWriter:
    """Writes every frame with the time it came with; see `FrameWriter`."""

    def __init__(
        self,
        sink: BinaryIO,
        to: AnimationFormat,
        timeline: Timeline,
        *,
        quality: int,
        lossless: bool,
        xmp: bytes | None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """Begin an animation as `open_packer` does; the sink must be seekable, and may hold something."""
        self.media = MEDIA_TYPES[to]
        self._sink = sink
        self._start = sink.tell()
        self._timeline = timeline
        self._notices = notices
        self._packer = open_packer(to, timeline, quality=quality, lossless=lossless, xmp=xmp)
        self._size = (0, 0)
        self._frames = 0
        self._size_bytes = 0

    def takes(self, *, changed: bool) -> bool:  # noqa: ARG002 -- see below
        """Every frame."""
        return True

    def add(self, frame: Picture, *, changed: bool) -> None:  # noqa: ARG002 -- every frame is written
        """Write the frame, or the one before where the format looks ahead."""
        if self._frames == len(self._timeline.durations_ms):
            raise OutputInvalid
        with _encoder_faults():
            packed = self._packer.add(frame)
        self._size = (frame.bgr.shape[1], frame.bgr.shape[0])
        self._frames += 1
        self._write(packed)

    def finish(self) -> Written:
        """Write the end."""
        durations_ms = self._timeline.durations_ms
        if self._frames < len(durations_ms):
            raise OutputInvalid
        with _encoder_faults():
            packed = self._packer.finish()
        self._write(packed)
        if self._packer.patch is not None:
            at, patch = self._packer.patch
            self._sink.seek(self._start + at)
            self._sink.write(patch)
            self._sink.seek(self._start + self._size_bytes)
        width, height = self._size
        return Written(
            media=self.media,
            width=width,
            height=height,
            size_bytes=self._size_bytes,
            frames=self._frames,
            duration_s=round(sum(durations_ms) / 1000, 3),
            notices=self._notices,
        )

    def _write(self, packed: bytes) -> None:
        self._sink.write(packed)
        self._size_bytes += len(packed)


@contextmanager
def _encoder_faults() -> Iterator[None]:
    """Name the faults of encoders as ours; those of a full disk stay what they are."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, struct.error, cv2.error) as error:
        raise OutputInvalid from error
