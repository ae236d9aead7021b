"""What a video file is, told from its headers, its packets and its first frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from pipeline.errors import MediaCorrupt, MediaTooLarge, UnsupportedMedia
from pipeline.face import Notice
from pipeline.media.sniff import SNIFF_BYTES, MediaType, sniff
from pipeline.media.video.boxes import check_index
from pipeline.media.video.colour import SDR, ColourTags, tags_of
from pipeline.media.video.container import (
    DEMUXERS,
    demuxer_faults,
    has_content,
    open_input,
    packets_of,
    printable,
    video_stream,
)
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.scan import Scan, scan_packets
from pipeline.media.video.turn import Turn, turn_of

_FIRST_PACKETS: Final = 250
"""A file none of whose first packets gives a frame holds none that could be shown."""
_LEAST_SIDE: Final = 2
"""Results have chroma of half the size, and so an even number of rows and columns."""
_DEFAULT_RATE: Final = Fraction(25)
_OF_BOXES: Final = ("mp4", "mov", "3gp")
_INTERLACED: Final = (2, 3, 4, 5)
"""FFmpeg's numbers for the orders of fields that have an order."""
_NO_LANGUAGE: Final = (None, "und")


@dataclass(frozen=True, kw_only=True)
class Track:
    """A stream of sound or text beside the picture."""

    #: Its number in the file.
    index: int
    #: What its codec is called, None where nothing here decodes it.
    codec: str | None
    language: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoFile:
    """A video that was looked at; nothing of it is held open."""

    path: Path
    #: What the file is.
    media: MediaType
    size_bytes: int
    #: What FFmpeg calls the container, and the number of the stream to change.
    container: str
    stream_index: int
    #: The largest frame that decoders may make.
    max_pixels: int
    codec: str
    pix_fmt: str
    #: Width and height in pixels as stored.
    stored_size: tuple[int, int]
    #: How the stored picture becomes upright.
    turn: Turn
    #: Width of a stored pixel divided by its height.
    stored_sar: Fraction
    #: Unit of all ticks, in seconds.
    time_base: Fraction
    #: Frames a second; a steady rate, or what comes nearest to one.
    rate: Fraction
    #: When the first picture shows or the first sound is heard, in ticks: time 0 of a result.
    zero: int
    scan: Scan
    is_interlaced: bool
    colour: ColourTags
    sounds: tuple[Track, ...]
    texts: tuple[Track, ...]
    chapters: int
    #: What the sender should know of how the file is made.
    notices: tuple[Notice, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an upright frame: even, since most encoders know no others."""
        width, height = self.stored_size
        return self.turn.size(width & ~1, height & ~1)

    @property
    def sar(self) -> Fraction:
        """Width of an upright pixel divided by its height."""
        return 1 / self.stored_sar if self.turn.transpose else self.stored_sar

    @property
    def result_colour(self) -> ColourTags:
        """How the samples of a result are to be understood: as those of the target where it is SDR."""
        return SDR if self.colour.is_hdr or self.colour.is_rgb else self.colour

    @property
    def frames(self) -> int:
        """How many frames show."""
        return self.scan.frames

    @property
    def is_steady(self) -> bool:
        """Whether all frames show for the same time, as near as the container's unit can say."""
        gaps = np.diff(self.scan.times)
        return len(gaps) == 0 or int(gaps.max() - gaps.min()) <= 1

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last one."""
        times = self.scan.times
        return float((int(times[-1]) - int(times[0]) + self.last_ticks) * self.time_base)

    @property
    def last_ticks(self) -> int:
        """How long the last frame shows, in ticks: as the container says, else as long as the others.

        Where frames are stored in another order, few muxers have the sum of their decode times right if the
        rate varies: what is shorter than usual is not believed then.
        """
        times = self.scan.times
        steady = round(1 / self.rate / self.time_base)  # of MPEG-1 FFmpeg guesses twice the rate
        usual = max(1, int(np.median(np.diff(times))) if len(times) > 1 else steady)
        stated = 0 if self.scan.ends is None else self.scan.ends - int(times[-1])
        return stated if stated > (usual if self.scan.is_reordered else 0) else usual


def open_video(path: Path, limits: VideoLimits, *, media: MediaType | None = None) -> VideoFile:
    """Look at a video: read its headers and all of its packets, and decode one frame.

    Args:
        path: the file; no other is opened, and nothing is fetched, whatever it says.
        limits: the largest that is accepted.
        media: what `sniff` says of it, where that was asked before.

    Raises:
        UnsupportedMedia: it is no video, or of a codec nothing here decodes; says which.
        MediaTooLarge: the file, its frames, their number or its length exceed `limits`.
        MediaCorrupt: it is empty, damaged or cut short.
        OSError: it cannot be read.
    """
    size_bytes = path.stat().st_size
    media = _accept(path, size_bytes, limits, media)
    if media.name in _OF_BOXES:
        check_index(path, limits.max_frames)
    with open_input(path, media, max_pixels=limits.max_pixels) as container:
        stream = video_stream(container)
        _check_size(stream.codec_context.width, stream.codec_context.height, limits)
        scan = scan_packets(container, stream, limits)
    with open_input(path, media, max_pixels=limits.max_pixels) as container:
        stream = video_stream(container)
        frame = _first_frame(container, stream, limits)
        if min(frame.width, frame.height) < _LEAST_SIDE:
            raise UnsupportedMedia(
                f"The video has frames of {frame.width} x {frame.height} pixels, which show nothing."
            )
        context = stream.codec_context
        time_base = scan.time_base
        return VideoFile(
            path=path,
            media=media,
            size_bytes=size_bytes,
            container=container.format.name,
            stream_index=stream.index,
            max_pixels=limits.max_pixels,
            codec=context.codec.canonical_name,
            pix_fmt=frame.format.name,
            stored_size=(frame.width, frame.height),
            turn=turn_of(frame),
            stored_sar=stream.sample_aspect_ratio or Fraction(1),
            time_base=time_base,
            rate=stream.guessed_rate or stream.average_rate or _DEFAULT_RATE,
            zero=round(max(Fraction(container.start_time or 0, 1_000_000), scan.begins_s) / time_base),
            scan=scan,
            is_interlaced=frame.interlaced_frame or context.field_order in _INTERLACED,
            colour=tags_of(frame),
            sounds=tuple(_tracks(container.streams.audio)),
            texts=tuple(_tracks(container.streams.subtitles)),
            chapters=len(container.chapters()),
            notices=tuple(_notices(stream, frame, scan)),
        )


def _accept(path: Path, size_bytes: int, limits: VideoLimits, media: MediaType | None) -> MediaType:
    if size_bytes == 0:
        raise MediaCorrupt("The file is empty.")
    if size_bytes > limits.max_bytes:
        raise MediaTooLarge(
            f"The file has {size_bytes / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted."
        )
    if media is None:
        with path.open("rb") as file:
            media = sniff(file.read(SNIFF_BYTES))
    if media.name not in DEMUXERS:
        raise UnsupportedMedia(
            f"This file is {media.label}. Send an MP4, QuickTime, WebM, Matroska, AVI, MPEG, Flash or "
            "Windows Media video."
        )
    return media


def _check_size(width: int, height: int, limits: VideoLimits) -> None:
    if width * height > limits.max_pixels:
        raise MediaTooLarge(
            f"The video has frames of {width} x {height} pixels; at most {limits.max_pixels / 1e6:.1f} "
            "million are accepted. Send a smaller one."
        )


def _first_frame(container: InputContainer, stream: VideoStream, limits: VideoLimits) -> av.VideoFrame:
    """Decode until there is a frame; raises MediaTooLarge where it is larger than the container says."""
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    with demuxer_faults():
        for number, packet in enumerate(packets_of(container, stream)):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                frames = []
            if frames:
                _check_size(frames[0].width, frames[0].height, limits)
                return frames[0]
            if number > _FIRST_PACKETS and has_content(packet):
                break
    _check_size(stream.codec_context.width, stream.codec_context.height, limits)
    raise MediaCorrupt("The video has no frame that could be shown.")


def _tracks(streams: Iterable[AudioStream | SubtitleStream]) -> Iterator[Track]:
    for stream in streams:
        context = cast("object", stream.codec_context)
        yield Track(
            index=stream.index,
            codec=None if context is None else stream.codec_context.codec.canonical_name,
            language=printable(stream.language) if stream.language not in _NO_LANGUAGE else None,
        )


def _notices(stream: VideoStream, frame: av.VideoFrame, scan: Scan) -> Iterator[Notice]:
    if stream.metadata.get("alpha_mode") == "1":
        yield Notice(code="alpha_dropped", message="The video is see-through in parts; the result is not.")
    if tags_of(frame).is_hdr:
        yield Notice(code="hdr_to_sdr", message="The video is HDR; the result has ordinary colours (BT.709).")
    if (frame.width | frame.height) & 1:
        message = "The video has an odd number of rows or columns; the last one is cut off."
        yield Notice(code="size_made_even", message=message)
    if scan.missing:
        message = f"The file says that it has {scan.missing} frames more than it holds."
        yield Notice(code="frames_missing", message=message)
