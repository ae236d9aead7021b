"""Frames to an animated GIF, PNG or WebP with its timing and its provenance mark, one frame at a time."""

from typing import Literal, Protocol

from pipeline.media.animations.apng_writer import ApngWriter
from pipeline.media.animations.changes import rounded
from pipeline.media.animations.gif_writer import GifWriter
from pipeline.media.animations.timeline import Timeline
from pipeline.media.animations.webp_writer import WebpWriter
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.sniff import MediaType

AnimationFormat = Literal["gif", "png", "webp"]

_SAME_AS_TARGET: dict[str, AnimationFormat] = {"gif": "gif", "png": "png", "webp": "webp"}


def animation_format(requested: OutputFormat | None, media: MediaType) -> AnimationFormat | None:
    """Choose the format of an animation's result; None where a format was asked for that does not move."""
    return _SAME_AS_TARGET.get(requested or media.name)


class Packer(Protocol):
    """Packs an animation in one format, frame by frame; what does not change is stored once.

    The bytes it returns, joined, are the file, of which it keeps none; a frame it keeps until the next came.
    """

    @property
    def patch(self) -> tuple[int, bytes] | None:
        """After `finish`: where in the file something must be written over, and what."""
        ...

    def add(self, frame: Picture) -> bytes:
        """Pack a frame; all are of one size. Raises whatever encoders raise."""
        ...

    def finish(self) -> bytes:
        """Pack what comes after the last frame; there was at least one."""
        ...


def open_packer(
    to: AnimationFormat, timeline: Timeline, *, quality: int, lossless: bool, xmp: bytes | None
) -> Packer:
    """Begin an animation that shows its frames as long as `timeline` says, and as often.

    Durations are rounded to hundredths of a second for GIF and to milliseconds for WebP, such that the sum
    stays right.

    Args:
        to: PNG is exact; GIF is where a frame has at most 256 colours and no half transparency.
        timeline: how long each frame shows, how often all of it, and whether any may be transparent.
        quality: 1..100, of lossy WebP.
        lossless: whether WebP is to be exact.
        xmp: the provenance mark, see `pipeline.marks.provenance.xmp_packet`.
    """
    if to == "gif":
        return GifWriter(rounded(timeline.durations_ms, 10), plays=timeline.plays, xmp=xmp)
    if to == "png":
        return ApngWriter(timeline, xmp=xmp)
    return WebpWriter(timeline, quality=None if lossless else quality, xmp=xmp)
