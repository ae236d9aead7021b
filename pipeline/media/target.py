"""What gets changed, whatever it is: a file whose frames come out one by one, and go into a result."""

from collections.abc import Iterator
from typing import BinaryIO, Final, Literal, Protocol

from pipeline.face import Notice
from pipeline.marks.provenance import Mark, xmp_packet
from pipeline.media.animations.read import AnimationFile, open_animation, read_timeline
from pipeline.media.animations.write import animation_format
from pipeline.media.pictures.containers import Container
from pipeline.media.pictures.decode import (
    BYTES_PER_PIXEL,
    DEEP_BITS,
    Limits,
    Picture,
    PictureFile,
    accept,
    open_picture,
)
from pipeline.media.pictures.encode import OutputFormat, output_format
from pipeline.media.sniff import MediaType
from pipeline.media.writer import NO_DATE, AnimationWriter, FrameWriter, PictureWriter, result_media

Unit = Literal["faces", "frames"]

FRAMES_IN_FLIGHT: Final = 4
"""How many frames of what moves its work may hold at once: decoded ahead, being changed, being encoded."""

_ENCODED_BYTES_PER_PIXEL: Final = {"avif": 48, "webp": 32, "heic": 32}
"""Where a format's own encoder, or with alpha that of the format it becomes, takes more: 45, 31 and 26."""
_DEEP_BYTES_PER_PIXEL: Final = 56
"""Where 16 bits are kept: the packed original, it unpacked, and a PNG that may not pack: 44 of noise.

As AVIF it is what that takes, and the packed original.
"""
_WRITTEN_BYTES_PER_PIXEL: Final = {"gif": 96, "webp": 48, "avif": 56}
"""What writers hold of the frames before and take for one, where that is more than of PNG or JPEG.

With reading and three frames in flight it was measured to come to 114 in all for GIF, 79 for AVIF, 64 for
WebP and 40 for PNG, at 1920 x 1080 with alpha.
"""
_WRITTEN_LEAST: Final = 24
_HELD_PER_PIXEL: Final = 4
"""BGR and alpha of a decoded frame."""


class Target(Protocol):
    """A file whose header was read. Its frames are decoded, changed and written one after the other."""

    @property
    def media(self) -> MediaType:
        """What the file is."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels as the decoder will hold it, before any turn."""
        ...

    @property
    def total(self) -> int:
        """How many frames there are; 1 for a picture."""
        ...

    @property
    def unit(self) -> Unit:
        """What progress counts: the faces of a picture, the frames of what moves."""
        ...

    @property
    def decode_bytes(self) -> int:
        """Memory that looking at the frames takes, however many there are."""
        ...

    def memory_bytes(self, to: OutputFormat | None = None) -> int:
        """Memory from decoding to encoding, however many frames there are.

        `to` is the format that was asked for, None where none was.
        """
        ...

    def frames(self) -> Iterator[Picture]:
        """Decode the frames in order, each when it is asked for; each is the caller's own.

        Raises:
            MediaCorrupt: a frame is damaged.
        """
        ...

    def writer(
        self,
        *,
        requested: OutputFormat | None,
        quality: int,
        mark: Mark,
        sink: BinaryIO,
        keep_date: bool = False,
    ) -> FrameWriter:
        """Begin a result in the format `requested`, else the target's own, with its provenance mark.

        What moves does so in GIF, PNG and WebP; else its first changed frame is the result, with a notice.

        Args:
            requested: the format that was asked for, None where none was.
            quality: 1..100, of formats that lose something.
            mark: what the result says of its making.
            sink: where its bytes go; seekable, and closed by the caller.
            keep_date: whether a picture keeps the date of the target; what moves has none.
        """
        ...


def open_target(data: bytes, limits: Limits, media: MediaType | None = None) -> Target:
    """Read the header of a picture or of an animation, once.

    Args:
        data: the file.
        limits: the largest that is accepted.
        media: what `sniff` says of it, where that was asked before.

    Raises:
        UnsupportedMedia: the file is no picture.
        MediaTooLarge: the file, its size, or the number or pixels of all frames exceed `limits`.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    media = accept(data, limits, media)
    timeline = read_timeline(data, media)
    if timeline is not None and timeline.moves:
        animation = open_animation(data, limits, media, timeline)
        if animation is not None:
            return AnimationTarget(animation)
    container = None
    if timeline is not None and media.name == "gif":  # what was kept of one frame is what its decoder needs
        container = Container(size=timeline.size, data=timeline.data)
    return PictureTarget(open_picture(data, limits, media, container))


class PictureTarget:
    """A still picture; see `Target`."""

    total: Final = 1
    unit: Final = "faces"

    def __init__(self, file: PictureFile) -> None:
        self.media = file.media
        self.size = file.size
        self._file = file

    @property
    def decode_bytes(self) -> int:
        """Memory that loading takes."""
        return self._file.decode_bytes

    def memory_bytes(self, to: OutputFormat | None = None) -> int:
        """Memory from decoding to encoding: the larger of the two."""
        if self._file.depth == DEEP_BITS:
            return self._file.pixels * _DEEP_BYTES_PER_PIXEL
        formats = (self.media.name, to or "")
        return self._file.pixels * max(
            _ENCODED_BYTES_PER_PIXEL.get(name, BYTES_PER_PIXEL) for name in formats
        )

    def frames(self) -> Iterator[Picture]:
        """Decode the picture, the only frame."""
        yield self._file.load()

    def writer(
        self,
        *,
        requested: OutputFormat | None,
        quality: int,
        mark: Mark,
        sink: BinaryIO,
        keep_date: bool = False,
    ) -> FrameWriter:
        """Begin a picture."""
        to = output_format(requested, self.media)
        return PictureWriter(sink, to, quality=quality, xmp=xmp_packet(mark), keep_date=keep_date)


class AnimationTarget:
    """An animation; see `Target`."""

    unit: Final = "frames"

    def __init__(self, file: AnimationFile) -> None:
        self.media = file.media
        self.size = file.timeline.size
        self.total = len(file.timeline.durations_ms)
        self._file = file

    @property
    def decode_bytes(self) -> int:
        """Memory that looking at the frames takes: one in its decoder, and those that wait."""
        return self._file.pixels * (BYTES_PER_PIXEL + FRAMES_IN_FLIGHT * _HELD_PER_PIXEL)

    def memory_bytes(self, to: OutputFormat | None = None) -> int:
        """Memory from decoding to encoding."""
        result = result_media(self.media, to, moves=True).name
        return self.decode_bytes + self._file.pixels * _WRITTEN_BYTES_PER_PIXEL.get(result, _WRITTEN_LEAST)

    def frames(self) -> Iterator[Picture]:
        """Decode the frames."""
        return self._file.frames()

    def writer(
        self,
        *,
        requested: OutputFormat | None,
        quality: int,
        mark: Mark,
        sink: BinaryIO,
        keep_date: bool = False,
    ) -> FrameWriter:
        """Begin an animation, or a picture of one frame where the format does not move."""
        timeline, xmp = self._file.timeline, xmp_packet(mark)
        moving = animation_format(requested, self.media)
        if moving is not None:
            lossless = self.media.name == "webp" and timeline.lossless
            left = (NO_DATE,) if keep_date else ()
            return AnimationWriter(
                sink, moving, timeline, quality=quality, lossless=lossless, xmp=xmp, notices=left
            )
        to = output_format(requested, self.media)
        message = f"A {to.upper()} result does not move; it is the first frame with a swapped face."
        notice = Notice(code="first_frame_only", message=message)
        return PictureWriter(sink, to, quality=quality, xmp=xmp, notices=(notice,), keep_date=keep_date)
